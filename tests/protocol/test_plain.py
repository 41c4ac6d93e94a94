"""A whole file in one request, without any protocol."""

import json
from collections.abc import Mapping, Sequence

import pytest

from tests.protocol.heads import ID, finished, head, told
from tusvideo import errors
from tusvideo.commands import Created, CreateUpload
from tusvideo.errors import InvalidField, MethodNotAllowed, MissingField, UnsupportedCoding, UnsupportedDigest
from tusvideo.message import RequestHead
from tusvideo.model import Protocol
from tusvideo.protocol import plain, problem


def parse(
    request: RequestHead, *, name: str | None = None, form: Mapping[str, Sequence[str]] | None = None
) -> CreateUpload:
    """Let the dialect read a head on a server with two profiles."""
    return plain.parse(request, name=name, default_profile="files", profiles=("files", "poster"), form=form)


@pytest.mark.parametrize("method", ["POST", "PUT"])
def test_a_whole_file(method: str) -> None:
    """IETF 109: complete with this body, dropped when that does not arrive whole."""
    assert parse(head(method, content_length=5, has_body=True), name="a.mp4") == CreateUpload(
        protocol=Protocol.IETF,
        profile="files",
        length=5,
        original_name="a.mp4",
        body_length=5,
        takes_body=True,
        completes=True,
        needs_completion=True,
        forgets_cut=True,
    )


def test_a_file_of_unknown_size() -> None:
    """curl -T - sends chunks."""
    command = parse(head("PUT", has_body=True))
    assert (command.length, command.body_length) == (None, None)


def test_an_empty_file() -> None:
    """Content-Length: 0 is an empty file; no body at all is a request that forgot one."""
    assert parse(head("POST", content_length=0)).length == 0
    with pytest.raises(MissingField, match="body"):
        parse(head("POST"))


def test_its_names_and_digests() -> None:
    """The fields and parameters that every creation has."""
    request = head(
        "POST",
        ("Content-Disposition", "inline; filename=d.mp4"),
        ("Idempotency-Key", "k"),
        ("Want-Repr-Digest", "sha-256=1"),
        ("Repr-Digest", "sha-256=:LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ=:"),
        query=[("profile", "poster"), ("title", "Holiday"), ("replaces", "a" * 32)],
        content_length=1,
        has_body=True,
    )
    command = parse(request)
    assert command.replaces == "a" * 32
    assert (command.profile, command.title, command.original_name) == ("poster", "Holiday", "d.mp4")
    assert (command.creation_key, command.wants_digest) == ("k", "sha-256")
    assert command.digests == (("sha-256", "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"),)


def test_the_file_of_a_form() -> None:
    """Its length and its digests are not those of the form; what the form says goes before the query."""
    request = head("POST", query=[("title", "query"), ("profile", "poster")], content_length=900, has_body=True)
    command = parse(request, name="a.mp4", form={"title": ["form"], "filename": ["b.mp4"]})
    assert (command.length, command.body_length, command.title) == (None, None, "form")
    assert (command.profile, command.original_name) == ("poster", "b.mp4")
    with pytest.raises(InvalidField, match="2 times"):
        parse(request, form={"title": ["a", "b"]})
    for field in ("Repr-Digest", "Content-Digest"):
        digest = (field, "sha-256=:LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ=:")
        with pytest.raises(InvalidField, match="no digest of a form"):
            parse(head("POST", digest, content_length=900, has_body=True), form={})


def test_what_is_refused() -> None:
    """Other methods, codings, digests that cannot be checked."""
    with pytest.raises(MethodNotAllowed):
        parse(head("PATCH", content_length=1, has_body=True))
    with pytest.raises(UnsupportedCoding):
        parse(head("PUT", ("Content-Encoding", "gzip"), content_length=1, has_body=True))
    with pytest.raises(UnsupportedDigest):
        parse(head("PUT", ("Repr-Digest", "md5=:YQ==:"), content_length=1, has_body=True))


def test_the_answer() -> None:
    """201 with the JSON of a finalize, and both addresses of the file."""
    upload = finished(protocol=Protocol.IETF, digests=(("sha-256", "00" * 32),), wants_digest="sha-256")
    answer = plain.render(Created(upload=upload, stored_body=True), base_path="/files/", url="/uploads/x")
    assert answer.status == 201
    assert (told(answer)["Location"], told(answer)["Content-Location"]) == (f"/files/{ID}", "/uploads/x")
    assert "Repr-Digest" in told(answer)
    assert json.loads(answer.body)["uploadId"] == ID
    assert not {"Upload-Complete", "Upload-Offset", "Tus-Resumable"} & set(told(answer))
    bare = plain.render(Created(upload=upload, stored_body=True), base_path="/files/", url=None)
    assert "Content-Location" not in told(bare)


@pytest.mark.parametrize("error", [errors.Stopping(), errors.DiskFull(), errors.Busy(), errors.Preempted()], ids=str)
def test_nobody_is_told_to_continue_what_is_dropped(error: errors.TusvideoError) -> None:
    """A file in one request is kept whole or not at all, so the sentence says to send it again."""
    answer = plain.render_error(error, head_only=False)
    document = json.loads(answer.body)
    assert document["detail"] == document["error"]
    assert "again from its first byte" in document["detail"]
    assert "kept" not in document["detail"]
    assert "Retry-After" in told(answer)
    assert plain.render_error(error, head_only=True).body == b""


def test_other_refusals_are_those_of_plain_http() -> None:
    """What speaks against the file is told as everywhere."""
    error = errors.TooLarge("the file", limit=1, got=2)
    assert plain.render_error(error, head_only=False) == problem.render(error)
