"""HEAD, DELETE and OPTIONS (groups H, E, O, L, X): where an upload stands, that it goes, and what is spoken."""

import pytest

from tests.protocol.heads import ID, NEXT_WEEK_TEXT, TUS, finished, head, parse, told, upload
from tusvideo.checksums import ALGORITHMS
from tusvideo.commands import Queried, QueryUpload, TerminateUpload
from tusvideo.model import Upload
from tusvideo.protocol import tus


def ask(asked: Upload, *, content_location: str | None = "/uploads/x") -> dict[str, str]:
    """The fields of a HEAD on an upload."""
    answer = tus.render(Queried(upload=asked), base_path="/files", content_location=content_location)
    assert (answer.status, answer.body) == (200, b"")
    return dict(told(answer))


@pytest.mark.parametrize("offset", [0, 3])
def test_offset_length_and_expiry(offset: int) -> None:
    """H-01, H-02, H-04, H-05, H-12, X-11: the whole answer about an unfinished upload without metadata."""
    assert ask(upload(offset=offset)) == {
        "Tus-Resumable": "1.0.0",
        "Upload-Offset": str(offset),
        "Upload-Length": "10",
        "Upload-Expires": NEXT_WEEK_TEXT,
        "Cache-Control": "no-store",
    }


def test_a_finished_upload() -> None:
    """H-03, H-10, X-06: offset and length agree, the result is named, and nothing expires."""
    assert ask(finished()) == {
        "Tus-Resumable": "1.0.0",
        "Upload-Offset": "10",
        "Upload-Length": "10",
        "Content-Location": "/uploads/x",
        "Cache-Control": "no-store",
    }


def test_a_finished_upload_without_an_address() -> None:
    """A result that has no address is not named."""
    assert "Content-Location" not in ask(finished(), content_location=None)


def test_a_deferred_length() -> None:
    """L-03, J-03: Upload-Defer-Length: 1 stands for the length that is not known."""
    found = ask(upload(length=None))
    assert found["Upload-Defer-Length"] == "1"
    assert "Upload-Length" not in found


def test_metadata_is_echoed() -> None:
    """H-11: the metadata is the client's own value, byte for byte."""
    assert ask(upload(metadata="b Yg==, a YQ==,flag"))["Upload-Metadata"] == "b Yg==, a YQ==,flag"


def test_head_is_a_question() -> None:
    """H-15: neither a body nor odd fields make a HEAD anything else."""
    request = head("HEAD", TUS, ("Upload-Offset", "x"), ("Content-Encoding", "gzip"), content_length=5, has_body=True)
    assert parse(request, upload_id=ID) == QueryUpload(upload_id=ID)


def test_delete_is_a_termination() -> None:
    """E-01: DELETE removes the upload; the answer is 204 without a body."""
    assert parse(head("DELETE", TUS), upload_id=ID) == TerminateUpload(upload_id=ID)
    answer = tus.render_terminated()
    assert (answer.status, answer.body, told(answer)) == (204, b"", {"Tus-Resumable": "1.0.0"})


def test_options_tells_what_is_spoken() -> None:
    """O-01 to O-03, O-05, X-12: the version, the extensions that the tests prove, and the limit."""
    answer = tus.options(1_000)
    assert (answer.status, answer.body) == (204, b"")
    assert told(answer) == {
        "Tus-Resumable": "1.0.0",
        "Tus-Version": "1.0.0",
        "Tus-Extension": "creation,creation-with-upload,creation-defer-length,expiration,checksum,termination"
        ",concatenation,concatenation-unfinished",
        "Tus-Checksum-Algorithm": ",".join(ALGORITHMS),
        "Tus-Max-Size": "1000",
    }


def test_no_limit_is_no_field() -> None:
    """O-06: without a limit there is no Tus-Max-Size."""
    assert "Tus-Max-Size" not in told(tus.options(None))
