"""Upload-Checksum: how it is written, what is refused, and that it reaches the command.

Spec: tus 1.0.0 § Checksum.
"""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.protocol.heads import OFFSET_TYPE, patch, post, told
from tusvideo.checksums import ALGORITHMS, Checksum
from tusvideo.errors import ChecksumMismatch, InvalidField
from tusvideo.protocol import fields, tus

LENGTH = ("Upload-Length", "11")
AT_ZERO = ("Upload-Offset", "0")
SHA1 = "Kq5sNclPz7QV2+lfQIuc6R7oRu0="
HELLO = Checksum(algorithm="sha1", digest=base64.b64decode(SHA1))

CHECKSUMS = st.sampled_from(sorted(ALGORITHMS)).flatmap(
    lambda name: st.builds(
        lambda digest: Checksum(algorithm=name, digest=digest),
        st.binary(min_size=ALGORITHMS[name].size, max_size=ALGORITHMS[name].size),
    )
)


@given(CHECKSUMS)
def test_a_checksum_survives_the_round_trip(checksum: Checksum) -> None:
    """What is written is what is read, and no part of it is enough."""
    name, text = fields.build_upload_checksum(checksum)
    assert name == "Upload-Checksum"
    assert fields.parse_upload_checksum(text) == checksum
    for end in range(len(text)):
        with pytest.raises(InvalidField):
            fields.parse_upload_checksum(text[:end])


@pytest.mark.parametrize("text", [f"sha1 {SHA1}", f"SHA1 {SHA1}", f" Sha1 {SHA1} "])
def test_case_and_outer_spaces_do_not_count(text: str) -> None:
    """K-07: names are announced in lower case and taken in any."""
    assert fields.parse_upload_checksum(text) == HELLO


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(f"foo {SHA1}", id="K-04: an unknown algorithm"),
        pytest.param(f"sha-1 {SHA1}", id="K-04: nearly known"),
        pytest.param(f"sha3_256 {SHA1}", id="K-04: known to others"),
        pytest.param("", id="K-06: empty"),
        pytest.param("sha1", id="K-06: no value"),
        pytest.param("sha1 ", id="K-06: an empty value"),
        pytest.param("sha1  x y", id="K-06: two spaces and two values"),
        pytest.param(f"sha1  {SHA1}", id="K-06: two spaces"),
        pytest.param(f"sha1 {SHA1} {SHA1}", id="K-06: two values"),
        pytest.param(f"sha1 {SHA1},md5 XrY7u+Ae7tCTyyK7j1rNww==", id="K-06: two checksums"),
        pytest.param(f"sha1 {SHA1.rstrip('=')}", id="K-06: no padding"),
        pytest.param("sha1 2jmj7l5rSw0yVb_vlWAYkK_YBwk=", id="K-06: the alphabet of URLs"),
        pytest.param("sha1 2aae6c35c94fcfb415dbe95f408b9ce91ee846ed", id="K-06: hex"),
        pytest.param("sha1 XrY7u+Ae7tCTyyK7j1rNww==", id="K-06: the size of another algorithm"),
        pytest.param("sha1 ☃", id="K-06: a snowman"),
        pytest.param(f"sha1\t{SHA1}", id="K-06: a tab"),
        pytest.param("sha1 " + "A" * 60_000, id="K-06: as long as a header may be"),
    ],
)
def test_what_cannot_be_checked_is_refused_by_the_head(text: str) -> None:
    """K-04, K-06: 400 before a byte of the body is read, on creation and on append."""
    for ask in (lambda: post(LENGTH, ("Upload-Checksum", text)), lambda: patch(AT_ZERO, ("Upload-Checksum", text))):
        with pytest.raises(InvalidField, match="Upload-Checksum") as caught:
            ask()
        assert tus.render_error(caught.value, head_only=False).status == 400


@given(st.text(max_size=200))
def test_any_text_is_a_checksum_or_refused(text: str) -> None:
    """Nothing but a protocol error comes out."""
    try:
        checksum = fields.parse_upload_checksum(text)
    except InvalidField:
        return
    assert len(checksum.digest) == ALGORITHMS[checksum.algorithm].size


def test_it_reaches_the_command() -> None:
    """K-01, W-12: a PATCH and a creation with a body carry it; without one there is none."""
    field = ("Upload-Checksum", f"sha1 {SHA1}")
    assert patch(AT_ZERO, field).checksum == HELLO
    assert post(LENGTH, OFFSET_TYPE, field, content_length=11, has_body=True).checksum == HELLO
    assert patch(AT_ZERO).checksum is None
    assert post(LENGTH).checksum is None


@pytest.mark.parametrize("names", ["Upload-Checksum", "x-other, upload-checksum"])
@pytest.mark.parametrize("beside", [(), (("Upload-Checksum", f"sha1 {SHA1}"),)])
def test_a_checksum_after_the_body_is_not_promised(names: str, beside: tuple[tuple[str, str], ...]) -> None:
    """K-18, K-19: checksum-trailer is not announced, so who promises a trailer is not told 'fine' without a check."""
    for ask in (
        lambda: post(LENGTH, ("Trailer", names), *beside),
        lambda: patch(AT_ZERO, ("Trailer", names), *beside),
    ):
        with pytest.raises(InvalidField, match="Trailer"):
            ask()


def test_a_mismatch_has_a_status_of_its_own() -> None:
    """K-02: 460, with a sentence that tells what to do."""
    answer = tus.render_error(ChecksumMismatch("body", expected="a", got="b"), head_only=False)
    assert answer.status == 460
    assert b"send it again" in answer.body


def test_options_names_the_algorithms() -> None:
    """O-07: lower case, sha1 among them; crc32c where its extra is installed."""
    names = told(tus.options(None))["Tus-Checksum-Algorithm"].split(",")
    assert [name for name in names if name != "crc32c"] == ["md5", "sha1", "sha256", "sha512", "crc32"]
