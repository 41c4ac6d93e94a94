"""Digest fields (RFC 9530): what may be checked, what may not, and what is told."""

import base64
import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.protocol.heads import finished
from tusvideo.errors import InvalidDigest, InvalidField, TusvideoError, UnsupportedDigest
from tusvideo.protocol import integrity

SHA256 = hashlib.sha256(b"hello").hexdigest()
SHA512 = hashlib.sha512(b"hello").hexdigest()


def spelled(algorithm: str, value: bytes) -> str:
    """One member of a digest field."""
    return f"{algorithm}=:{base64.b64encode(value).decode()}:"


BOTH = ", ".join(spelled(f"sha-{bits}", hashlib.new(f"sha{bits}", b"hello").digest()) for bits in (512, 256))


def test_digests_are_read_in_the_order_of_their_names() -> None:
    """RFC 9530 §3: sha-256 and sha-512."""
    assert integrity.parse_digest([BOTH], field="Repr-Digest") == (("sha-256", SHA256), ("sha-512", SHA512))
    assert integrity.parse_digest([], field="Repr-Digest") == ()


def test_round_trip() -> None:
    """What is written is read back."""
    digests = (("sha-256", SHA256), ("sha-512", SHA512))
    assert integrity.parse_digest([integrity.build_digest(digests)], field="Content-Digest") == digests


def test_an_unknown_algorithm_beside_a_known_one_is_ignored() -> None:
    """RFC 9530 §2: a recipient may ignore digests."""
    text = f"{spelled('md5', b'x' * 16)}, {spelled('sha-256', hashlib.sha256(b'hello').digest())}"
    assert integrity.parse_digest([text], field="Repr-Digest") == (("sha-256", SHA256),)


@pytest.mark.parametrize("text", [spelled("md5", b"x" * 16), spelled("crc32c", b"xxxx"), ""])
def test_a_check_that_cannot_be_made_is_refused(text: str) -> None:
    """Who asks for a check must not be told 'fine'."""
    with pytest.raises(UnsupportedDigest, match="sha-256 or sha-512"):
        integrity.parse_digest([text], field="Repr-Digest")


@pytest.mark.parametrize("size", [0, 31, 33, 64])
def test_a_digest_of_an_impossible_size_is_refused(size: int) -> None:
    """draft-ietf-httpapi-digest-fields-problem-types §3.2."""
    with pytest.raises(InvalidDigest, match=f"has 32 bytes, this one has {size}"):
        integrity.parse_digest([spelled("sha-256", b"x" * size)], field="Content-Digest")


@pytest.mark.parametrize("text", ["sha-256", "sha-256=1", "sha-256=abc", f"sha-256={SHA256}", "SHA-256=:YQ==:", "\xe9"])
def test_a_malformed_field_is_refused(text: str) -> None:
    """A digest that cannot be read is no reason to skip the check."""
    with pytest.raises(InvalidField, match="Repr-Digest"):
        integrity.parse_digest([text], field="Repr-Digest")


@pytest.mark.parametrize(
    ("lines", "algorithm"),
    [
        ([], None),
        (["sha-256=1"], "sha-256"),
        (["sha-256=3, sha-512=10"], "sha-512"),
        (["sha-256=5", "sha-512=1"], "sha-256"),
        (["md5=10, sha-256=1"], "sha-256"),
        (["md5=10"], None),
        (["sha-256=0"], None),
        (["sha-256"], None),
        (["?"], None),
    ],
)
def test_the_digest_that_is_wanted_most(lines: list[str], algorithm: str | None) -> None:
    """RFC 9530 §4: preferences from 1 to 10, 0 is never; what cannot be given is no error."""
    assert integrity.parse_wanted(lines) == algorithm


def test_the_wanted_digest_is_told() -> None:
    """IETF 114: Repr-Digest in the last answer, of the algorithm that was wanted."""
    digests = (("sha-256", SHA256), ("sha-512", SHA512))
    told = integrity.build_wanted(finished(digests=digests, wants_digest="sha-256"))
    assert told == (("Repr-Digest", spelled("sha-256", bytes.fromhex(SHA256))),)
    assert integrity.build_wanted(finished(digests=digests)) == ()
    assert integrity.build_wanted(finished(wants_digest="sha-256")) == ()


def test_every_truncation_is_refused_or_read() -> None:
    """Only protocol errors come out of a field that was cut anywhere."""
    for end in range(1, len(BOTH)):
        try:
            assert integrity.parse_digest([BOTH[:end]], field="Repr-Digest")
        except TusvideoError:
            continue


@given(st.lists(st.text(max_size=60), max_size=3))
def test_any_text_is_refused_or_read(lines: list[str]) -> None:
    """Only protocol errors come out."""
    integrity.parse_wanted(lines)
    try:
        integrity.parse_digest(lines, field="Repr-Digest")
    except TusvideoError as error:
        assert error.code in {"invalid_field", "unsupported_digest", "invalid_digest"}  # noqa: PT017  # either error is right
