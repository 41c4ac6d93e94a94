"""Digest fields: what the sender says about its bytes, and what it wants to be told about them.

Spec: RFC 9530 (Digest Fields); draft-ietf-httpapi-digest-fields-problem-types.
"""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Final

from tusvideo.errors import InvalidDigest, InvalidField, UnsupportedDigest
from tusvideo.model import Digests, Upload
from tusvideo.protocol import structured

ALGORITHMS: Final[Mapping[str, str]] = {"sha-256": "sha256", "sha-512": "sha512"}
"""The algorithms that are not deprecated (RFC 9530 §7.2), and how hashlib calls them."""


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
    known = {algorithm: value for algorithm, value in told.items() if algorithm in ALGORITHMS}
    if not known:
        raise UnsupportedDigest(field, algorithms=tuple(told), supported=tuple(ALGORITHMS))
    for algorithm, value in known.items():
        size = hashlib.new(ALGORITHMS[algorithm]).digest_size
        if len(value) != size:
            raise InvalidDigest(field, algorithm=algorithm, length=size, got=len(value))
    return tuple(sorted((algorithm, value.hex()) for algorithm, value in known.items()))


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
    wanted = [(weight, algorithm) for algorithm, weight in told.items() if algorithm in ALGORITHMS and weight > 0]
    return max(wanted)[1] if wanted else None
