"""/api/videos/{id}/captions/{language} over a real socket."""

from typing import Any

import pytest

from tests.web.conftest import Served, Start, TokenAuthenticator
from tests.web.videos import DATA, publish
from tests.web.wire import Answer, until
from tusvideo.model import Limits
from tusvideo.video import MAX_CAPTION_BYTES, MAX_CAPTIONS

SRT = b"1\n00:00:00,000 --> 00:00:01,000\nHello\n"
VTT = b"WEBVTT\n\n00:00:00.000 --> 00:00:01.000\nHello\n"


async def put(served: Served, record: dict[str, Any], language: str, *fields: str, body: bytes = VTT) -> Answer:
    """Give a record captions."""
    path = f"/api/videos/{record['id']}/captions/{language}"
    return await served.ask(f"PUT {path} HTTP/1.1", f"Content-Length: {len(body)}", *fields, body=body)


async def test_captions_come_and_are_shown_and_go(served: Served) -> None:
    """201, then 200, then 204; the record tells language, label, address and size, and so does every list."""
    record = await publish(served, "Sea")
    assert record["captions"] == []
    made = await put(served, record, "PT-br?label=Portugu%C3%AAs", body=SRT)
    path = f"/api/videos/{record['id']}/captions/pt-BR"
    assert (made.status, made.headers["Location"]) == (201, path)
    [told] = made.json["captions"]
    version = told.pop("url").removeprefix(f"{path}?v=")
    assert told == {"language": "pt-BR", "label": "Portugu\u00eas", "size": len(VTT)}
    listed = (await served.ask("GET /api/videos HTTP/1.1")).json["videos"][0]
    assert {"success": True, **listed} == made.json
    shown = await served.ask(f"GET {path}?v={version} HTTP/1.1")
    assert (shown.status, shown.body) == (200, VTT)
    assert shown.headers["Content-Type"] == "text/vtt; charset=utf-8"
    assert shown.headers["ETag"] == f'"{version}"'
    assert shown.headers["X-Content-Type-Options"] == "nosniff"
    assert shown.headers["Cache-Control"] == "private, no-cache"
    assert shown.headers["Content-Disposition"] == 'attachment; filename="clip.pt-BR.vtt"'
    assert (await put(served, record, "pt-BR", body=VTT + b"\nNOTE\n")).status == 200
    assert (await served.ask(f"GET {path} HTTP/1.1", f'If-None-Match: "{version}"')).status == 200
    assert (await served.ask(f"DELETE {path} HTTP/1.1")).status == 204
    for method in ("DELETE", "GET"):
        gone = await served.ask(f"{method} {path} HTTP/1.1")
        assert (gone.status, gone.json["code"]) == (404, "not_found")


async def test_a_browser_asks_whether_it_has_them(served: Served) -> None:
    """304 for what it has, parts for who wants parts, HEAD without a body."""
    record = await publish(served, "Sea")
    await put(served, record, "en")
    path = f"/api/videos/{record['id']}/captions/en"
    etag = (await served.ask(f"GET {path} HTTP/1.1")).headers["ETag"]
    assert (await served.ask(f"GET {path} HTTP/1.1", f"If-None-Match: {etag}")).status == 304
    part = await served.ask(f"GET {path} HTTP/1.1", "Range: bytes=0-5")
    assert (part.status, part.body) == (206, b"WEBVTT")
    head = await served.ask(f"HEAD {path} HTTP/1.1")
    assert (head.status, head.headers["Content-Length"], head.body) == (200, str(len(VTT)), b"")


@pytest.mark.parametrize(
    ("language", "fields", "body", "status", "said"),
    [
        ("en", (), b"", 400, "line 1 of the captions cannot be used: expected at least one cue"),
        ("en", (), b"\xff\xfe\x00", 400, "save the file as UTF-8"),
        ("en", (), SRT.replace(b"01,", b"61,"), 400, "line 2 of the captions cannot be used"),
        ("en", ("Content-Type: multipart/form-data; boundary=x",), VTT, 415, "the file itself as the body"),
        ("en", ("Content-Encoding: gzip",), VTT, 415, "Content-Encoding"),
        ("en_US", (), VTT, 400, "expected a language tag"),
        ("%20", (), VTT, 400, "expected a language tag"),
        ("en?label=", (), VTT, 400, "label cannot be used"),
        ("en?label=" + "x" * 101, (), VTT, 400, "label cannot be used"),
        ("en?label=a&label=b", (), VTT, 400, "label cannot be used"),
        ("en", (), b"x" * (MAX_CAPTION_BYTES + 1), 413, "at most 2097152 bytes"),
        ("en/x", (), VTT, 404, ""),
        ("%2e%2e", (), VTT, 404, ""),
        ("", (), VTT, 404, ""),
    ],
)
async def test_what_is_wrong_is_said(
    served: Served, language: str, fields: tuple[str, ...], body: bytes, status: int, said: str
) -> None:
    """A clear 4xx, and the record stays as it was."""
    record = await publish(served, "Sea")
    answer = await put(served, record, language, *fields, body=body)
    assert answer.status == status, answer.body
    assert said in answer.json["detail"]
    assert (await served.ask(f"GET /api/videos/{record['id']} HTTP/1.1")).json["captions"] == []


async def test_a_body_without_a_length_is_bounded_too(served: Served) -> None:
    """Chunked coding is taken, and refused when it goes on beyond 2 MiB."""
    record = await publish(served, "Sea")
    path = f"PUT /api/videos/{record['id']}/captions/en HTTP/1.1"
    chunk = b"%x\r\n%s\r\n0\r\n\r\n" % (len(VTT), VTT)
    assert (await served.ask(path, "Transfer-Encoding: chunked", body=chunk)).status == 201
    long = b"x" * (MAX_CAPTION_BYTES + 1)
    chunk = b"%x\r\n%s\r\n0\r\n\r\n" % (len(long), long)
    refused = await served.ask(path, "Transfer-Encoding: chunked", body=chunk)
    assert (refused.status, refused.json["code"]) == (413, "too_large")


async def test_a_file_too_many_is_refused_before_it_is_asked_for(start: Start) -> None:
    """Files of captions count among the bodies that are received at once."""
    served = await start(limits=Limits(max_transfers=1))
    record = await publish(served, "Sea")
    path = f"PUT /api/videos/{record['id']}/captions/en HTTP/1.1"
    async with served.wire() as slow:
        await slow.send(path, f"Content-Length: {len(VTT)}", body=VTT[:-1])

        async def is_counted() -> bool:
            return served.house.admission.count == 1

        await until(is_counted)
        answer = await served.ask(path, f"Content-Length: {len(VTT)}", "Expect: 100-continue")
        assert (answer.status, answer.interim, answer.json["code"]) == (503, (), "overloaded")
        await slow.raw(VTT[-1:])
        assert (await slow.answer()).status == 201
    assert (await put(served, record, "en")).status == 200


async def test_nobody_reads_a_body_for_no_record(served: Served) -> None:
    """404 before the first byte: the client that waits for 100 Continue sends none."""
    fields = ("Content-Length: 1000000", "Expect: 100-continue")
    answer = await served.ask(f"PUT /api/videos/{'0' * 32}/captions/en HTTP/1.1", *fields)
    assert (answer.status, answer.json["code"]) == (404, "not_found")


async def test_as_many_languages_as_there_may_be(served: Served) -> None:
    """One more is a 409 that says what to do."""
    record = await publish(served, "Sea")
    for number in range(MAX_CAPTIONS):
        assert (await put(served, record, f"en-x-{number}")).status == 201
    refused = await put(served, record, "de")
    assert (refused.status, refused.json["code"]) == (409, "too_many_captions")
    assert "remove one" in refused.json["detail"]


async def test_captions_are_as_public_as_the_file(start: Start) -> None:
    """A public profile's are for anybody; of others, and to change any, one has to be somebody."""
    served = await start(authenticator=TokenAuthenticator())
    alice, bob = "Authorization: Bearer alice", "Authorization: Bearer bob"
    found = {}
    for profile in ("poster", "files"):
        size = len(DATA)
        made = await served.ask(
            f"POST /files/?profile={profile}&title=Sea HTTP/1.1", alice, f"Content-Length: {size}", body=DATA
        )
        assert made.status == 201, made.body
        record = (await served.ask(f"GET /api/videos?profile={profile} HTTP/1.1", alice)).json["videos"][0]
        assert (await put(served, record, "en")).status == 401
        assert (await put(served, record, "en", bob)).status == 404
        assert (await put(served, record, "en", alice)).status == 201
        found[profile] = f"/api/videos/{record['id']}/captions/en"
    open_to_all = await served.ask(f"GET {found['poster']} HTTP/1.1")
    assert (open_to_all.status, open_to_all.headers["Cache-Control"]) == (200, "public, no-cache")
    assert (await served.ask(f"GET {found['poster']} HTTP/1.1", "Authorization: Bearer eve")).status == 401
    assert (await served.ask(f"GET {found['files']} HTTP/1.1")).status == 404
    assert (await served.ask(f"GET {found['files']} HTTP/1.1", bob)).status == 404
    assert (await served.ask(f"GET {found['files']} HTTP/1.1", alice)).status == 200
    for path in found.values():
        assert (await served.ask(f"DELETE {path} HTTP/1.1")).status == 401
        assert (await served.ask(f"DELETE {path} HTTP/1.1", bob)).status == 404
        assert (await served.ask(f"DELETE {path} HTTP/1.1", alice)).status == 204
