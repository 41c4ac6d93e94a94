"""PATCH on an upload (groups P, L, X): bytes at an offset."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.protocol.heads import (
    ID,
    NEXT_WEEK,
    NEXT_WEEK_TEXT,
    OFFSET_TYPE,
    TUS,
    finished,
    head,
    parse,
    patch,
    told,
    upload,
)
from tusvideo import errors
from tusvideo.commands import AppendBytes, Appended
from tusvideo.errors import (
    InvalidField,
    MissingField,
    OffsetMismatch,
    TusvideoError,
    UnsupportedCoding,
    UnsupportedType,
)
from tusvideo.model import Protocol
from tusvideo.protocol import tus

AT_ZERO = ("Upload-Offset", "0")


def test_an_offset_and_a_body() -> None:
    """P-01: a PATCH says where its bytes go and how many they are."""
    command = patch(AT_ZERO, content_length=5, has_body=True)
    assert command == AppendBytes(protocol=Protocol.TUS, upload_id=ID, at_offset=0, body_length=5)


def test_a_body_need_not_have_a_length() -> None:
    """P-16: a chunked body is of unknown size."""
    assert patch(AT_ZERO, has_body=True).body_length is None


def test_an_empty_body_has_no_bytes() -> None:
    """P-24, S-10: without a body there is nothing to wait for."""
    assert patch(AT_ZERO).body_length == 0


def test_the_offset_is_required() -> None:
    """P-13: a PATCH without Upload-Offset is refused."""
    with pytest.raises(MissingField, match="Upload-Offset"):
        patch()


@pytest.mark.parametrize("text", ["-1", "abc", "", "1.0", "1e1", "0x0", "00", "9223372036854775808", "9" * 200])
def test_the_offset_is_a_number(text: str) -> None:
    """P-14, P-15, S-02: anything but a non-negative integer is refused."""
    with pytest.raises(InvalidField, match="Upload-Offset"):
        patch(("Upload-Offset", text))


@pytest.mark.parametrize("name", ["Upload-Offset", "Upload-Length", "Content-Type"])
def test_repeated_fields_are_refused(name: str) -> None:
    """S-04: of two values nobody knows which one counts."""
    request = head(
        "PATCH", TUS, *(field for field in (OFFSET_TYPE, AT_ZERO) if field[0] != name), (name, "0"), (name, "0")
    )
    with pytest.raises(InvalidField, match="2 times"):
        parse(request, upload_id=ID)


@pytest.mark.parametrize(
    "media_type", ["text/plain", "application/octet-stream", "", "multipart/form-data; boundary=x"]
)
def test_the_content_type_is_fixed(media_type: str) -> None:
    """P-08: any other content type is 415."""
    request = head("PATCH", TUS, AT_ZERO, ("Content-Type", media_type), has_body=True)
    with pytest.raises(UnsupportedType, match=r"expected application/offset\+octet-stream"):
        parse(request, upload_id=ID)


def test_the_content_type_is_required() -> None:
    """P-09: no content type is 415 as well, and the answer has no Accept-Encoding."""
    with pytest.raises(UnsupportedType, match="got 'no Content-Type'") as caught:
        parse(head("PATCH", TUS, AT_ZERO, has_body=True), upload_id=ID)
    answer = tus.render_error(caught.value, head_only=False)
    assert answer.status == 415
    assert "Accept-Encoding" not in told(answer)


@pytest.mark.parametrize(
    "media_type", ["application/offset+octet-stream; charset=binary", "Application/Offset+Octet-Stream"]
)
def test_case_and_parameters_do_not_count(media_type: str) -> None:
    """P-10: media types are case-insensitive, parameters are ignored."""
    request = head("PATCH", TUS, AT_ZERO, ("Content-Type", media_type), has_body=True)
    assert isinstance(parse(request, upload_id=ID), AppendBytes)


def test_coded_bytes_are_refused() -> None:
    """S-27: a coded body is 415 even before its type is looked at."""
    request = head("PATCH", TUS, AT_ZERO, ("Content-Type", "x"), ("Content-Encoding", "gzip"), has_body=True)
    with pytest.raises(UnsupportedCoding):
        parse(request, upload_id=ID)


def test_what_belongs_to_creations_is_ignored() -> None:
    """S-33: Upload-Concat means nothing here; that it comes once is judged before any dialect reads."""
    assert patch(AT_ZERO, ("Upload-Concat", "x")) == patch(AT_ZERO)


def test_syntax_is_judged_before_types() -> None:
    """S-12: a malformed offset is 400 even with a wrong content type."""
    with pytest.raises(InvalidField):
        parse(head("PATCH", TUS, ("Upload-Offset", "x"), ("Content-Type", "x"), has_body=True), upload_id=ID)


def test_a_length_may_be_declared() -> None:
    """L-05, L-06, L-09: Upload-Length on PATCH declares or repeats the length."""
    assert patch(AT_ZERO, ("Upload-Length", "5")).declares_length == 5
    with pytest.raises(InvalidField):
        patch(AT_ZERO, ("Upload-Length", "-5"))


def test_deferring_again_is_ignored() -> None:
    """L-16: Upload-Defer-Length on PATCH means nothing."""
    assert patch(AT_ZERO, ("Upload-Defer-Length", "1")).declares_length is None


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["Upload-Offset", "Upload-Length", "Content-Type", "Content-Encoding", "Upload-Concat"]),
            st.text(),
        )
    )
)
def test_any_head_is_an_append_or_refused(fields: list[tuple[str, str]]) -> None:
    """G-07: random fields give a command or an error below 500."""
    status = 204
    try:
        parse(head("PATCH", TUS, *fields, has_body=True), upload_id=ID)
    except TusvideoError as error:
        status = tus.render_error(error, head_only=False).status
    assert status < 500


def test_the_answer_tells_the_offset() -> None:
    """P-01, P-20, P-21, X-02: 204 with the committed offset and the expiry, and no body."""
    answer = tus.render(Appended(upload=upload(offset=5), written=5), base_path="/files", content_location=None)
    assert (answer.status, answer.body) == (204, b"")
    assert told(answer) == {"Tus-Resumable": "1.0.0", "Upload-Offset": "5", "Upload-Expires": NEXT_WEEK_TEXT}


def test_the_last_answer_names_the_result() -> None:
    """P-02, X-04: the finishing PATCH has Content-Location and no Upload-Expires."""
    answer = tus.render(Appended(upload=finished(), written=5), base_path="/files", content_location="/uploads/x")
    assert told(answer) == {"Tus-Resumable": "1.0.0", "Upload-Offset": "10", "Content-Location": "/uploads/x"}


def test_a_wrong_offset_is_corrected() -> None:
    """P-04 to P-06, X-03: 409 carries the true offset and the expiry."""
    error = OffsetMismatch(expected=3, got=7)
    error.expires_at = NEXT_WEEK
    answer = tus.render_error(error, head_only=False)
    assert answer.status == 409
    assert (told(answer)["Upload-Offset"], told(answer)["Upload-Expires"]) == ("3", NEXT_WEEK_TEXT)


def test_another_length_is_a_mistake_in_the_request() -> None:
    """L-08, S-11: a length that contradicts the declared one is 400 in tus."""
    answer = tus.render_error(errors.FactConflict("Upload-Length", stored="5", got="9"), head_only=False)
    assert answer.status == 400
