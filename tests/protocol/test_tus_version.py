"""Version negotiation (group V): a wrong version is refused first, a missing one where bytes are stored."""

import pytest

from tests.protocol.heads import ID, head, parse, told
from tusvideo.commands import QueryUpload, TerminateUpload
from tusvideo.errors import InvalidField, MethodNotAllowed, TusvideoError, UnsupportedVersion
from tusvideo.model import UploadId
from tusvideo.protocol import tus

ON_UPLOAD = ["PATCH", "HEAD", "DELETE"]


@pytest.mark.parametrize("version", ["0.2.2", "2.0.0", "1.0", "1.0.0,0.2.2", ""])
@pytest.mark.parametrize(("method", "upload_id"), [("POST", None), *((method, ID) for method in ON_UPLOAD)])
def test_a_wrong_version_is_refused_first(method: str, upload_id: UploadId | None, version: str) -> None:
    """V-01, V-04, V-05, V-06, V-08: whatever else is wrong with the request, its version is judged first."""
    request = head(method, ("Tus-Resumable", version), ("Upload-Length", "x"), ("Upload-Offset", "x"))
    with pytest.raises(UnsupportedVersion):
        parse(request, upload_id=upload_id)


@pytest.mark.parametrize("head_only", [False, True])
def test_the_refusal_names_the_version(head_only: bool) -> None:
    """V-02, V-06: 412 carries Tus-Version and no Upload-Offset."""
    error = UnsupportedVersion(got="0.2.2", supported=(tus.VERSION,))
    answer = tus.render_error(error, head_only=head_only)
    assert answer.status == 412
    assert told(answer)["Tus-Version"] == "1.0.0"
    assert "Upload-Offset" not in told(answer)


@pytest.mark.parametrize(("method", "upload_id"), [("POST", None), ("PATCH", ID)])
def test_bytes_are_not_stored_without_a_version(method: str, upload_id: UploadId | None) -> None:
    """V-07: POST and PATCH without Tus-Resumable are refused until another dialect takes them."""
    request = head(method, ("Upload-Length", "5"), ("Upload-Offset", "0"))
    with pytest.raises(UnsupportedVersion, match=r"'none' is not supported; use 1\.0\.0"):
        parse(request, upload_id=upload_id)


@pytest.mark.parametrize(
    ("method", "command"),
    [("HEAD", QueryUpload(upload_id=ID)), ("DELETE", TerminateUpload(upload_id=ID))],
)
def test_asking_and_removing_need_no_version(method: str, command: object) -> None:
    """S-01: HEAD and DELETE store nothing, so curl may leave the version out."""
    assert parse(head(method), upload_id=ID) == command


def test_outer_spaces_do_not_count() -> None:
    """V-08: HTTP trims field values; what is left decides."""
    assert parse(head("HEAD", ("Tus-Resumable", " 1.0.0 ")), upload_id=ID) == QueryUpload(upload_id=ID)


def test_a_repeated_version_is_refused() -> None:
    """S-04: two lines could be read as two versions."""
    request = head("HEAD", ("Tus-Resumable", "1.0.0"), ("Tus-Resumable", "1.0.0"))
    with pytest.raises(InvalidField):
        parse(request, upload_id=ID)


@pytest.mark.parametrize(
    ("method", "upload_id", "allowed"),
    [
        pytest.param("PATCH", None, "OPTIONS, POST", id="S-23: PATCH on the collection"),
        pytest.param("HEAD", None, "OPTIONS, POST", id="S-23: HEAD on the collection"),
        pytest.param("DELETE", None, "OPTIONS, POST", id="S-23: DELETE on the collection"),
        pytest.param("PUT", None, "OPTIONS, POST", id="S-22: PUT on the collection"),
        pytest.param("POST", ID, "DELETE, GET, HEAD, OPTIONS, PATCH", id="C-12: POST on an upload"),
        pytest.param("PUT", ID, "DELETE, GET, HEAD, OPTIONS, PATCH", id="S-22: PUT on an upload"),
    ],
)
def test_methods_that_do_not_apply(method: str, upload_id: UploadId | None, allowed: str) -> None:
    """C-12, S-22, S-23: 405 with Allow, with or without a version."""
    with pytest.raises(MethodNotAllowed) as caught:
        parse(head(method), upload_id=upload_id)
    answer = tus.render_error(caught.value, head_only=False)
    assert (answer.status, told(answer)["Allow"]) == (405, allowed)


@pytest.mark.parametrize(
    "method", ["PATCH", "HEAD", "DELETE", "POST", "GET", "PUT", "", "\x00", "PATCH\r\n", "x" * 10_000]
)
def test_any_method_is_a_command_or_refused(method: str) -> None:
    """G-07: no method, however odd, gives anything but a command or one of our errors."""
    try:
        parse(head(method), upload_id=ID)
    except TusvideoError as error:
        assert tus.render_error(error, head_only=False).status < 500  # noqa: PT017 both outcomes are fine, a third is not
