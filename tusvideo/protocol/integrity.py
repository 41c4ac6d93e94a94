"""Digest fields: what the sender says about its bytes, and what it wants to be told about them.

Spec: RFC 9530 (Digest Fields); draft-ietf-httpapi-digest-fields-problem-types.
"""

from collections.abc import Sequence

from tusvideo.checksums import ALGORITHMS, DIGEST_NAMES, Checksum
from tusvideo.errors import InvalidDigest, InvalidField, UnsupportedDigest
from tusvideo.model import Digests, Upload
from tusvideo.protocol import structured


def parse_digest(lines: Sequence[str], *, field: str) -> Digests:
    """Read Content-Digest or Repr-Digest: the digests that can be checked; none for no lines.

    Algorithms that are not computed here are ignored beside one that is. Raises InvalidField (malformed),
    UnsupportedDigest (nothing that can be checked), InvalidDigest (a digest of an impossible size).
    Spec: RFC 9530 §2, §3.
    """
    if not lines:
        return ()
    told = structured.parse_dictionary(lines, bytes)
    if told is None:
        raise InvalidField(field, expected="digests like sha-256=:BASE64:", got=", ".join(lines))
    known = {algorithm: value for algorithm, value in told.items() if algorithm in DIGEST_NAMES}
    if not known:
        raise UnsupportedDigest(field, algorithms=tuple(told), supported=tuple(DIGEST_NAMES))
    for algorithm, value in known.items():
        size = ALGORITHMS[DIGEST_NAMES[algorithm]].size
        if len(value) != size:
            raise InvalidDigest(field, algorithm=algorithm, length=size, got=len(value))
    return tuple(sorted((algorithm, value.hex()) for algorithm, value in known.items()))


def parse_content_digest(lines: Sequence[str]) -> Checksum | None:
    """Read Content-Digest: what the content of this request amounts to, by the strongest algorithm that is named.

    None for no lines. Raises what ``parse_digest`` raises.
    Spec: RFC 9530 §2.
    """
    told = parse_digest(lines, field="Content-Digest")
    return Checksum(algorithm=DIGEST_NAMES[told[-1][0]], digest=bytes.fromhex(told[-1][1])) if told else None


def build_digest(digests: Digests) -> str:
    """Write Content-Digest or Repr-Digest.

    Spec: RFC 9530 §2, §3.
    """
    return structured.build_dictionary({algorithm: bytes.fromhex(value) for algorithm, value in digests})


def build_wanted(upload: Upload) -> tuple[tuple[str, str], ...]:
    """Write the Repr-Digest that the client of a complete upload wanted, if it did.

    Spec: RFC 9530 §3, §4.
    """
    told = tuple(pair for pair in upload.digests if pair[0] == upload.wants_digest)
    return (("Repr-Digest", build_digest(told)),) if told else ()


def parse_wanted(lines: Sequence[str]) -> str | None:
    """Read Want-Repr-Digest: the algorithm that is wanted most of those computed here. None: nothing wanted, or
    nothing that can be given, which is no reason to refuse: a preference is all that it is.

    Spec: RFC 9530 §4.
    """
    told = structured.parse_dictionary(lines, int) or {}
    wanted = [(weight, algorithm) for algorithm, weight in told.items() if algorithm in DIGEST_NAMES and weight > 0]
    return max(wanted)[1] if wanted else None
