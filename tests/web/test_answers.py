"""Answers byte by byte: aiohttp does not spell them, so what it took care of is pinned here."""

import logging
import re

import pytest

from tests.web.conftest import BYTES, TUS, Served, Start
from tusvideo.message import ResponseHead
from tusvideo.web import shell
from tusvideo.web.exchange import Exchange
from tusvideo.web.keys import Policy
from tusvideo.web.routes import Kind

ID = "X-Request-ID: one"
COMMON = "X-Content-Type-Options: nosniff\r\nX-Request-ID: one\r\nServer: tusvideo\r\nVary: Origin\r\n"
DATE = r"[A-Z][a-z]{2}, [0-9]{2} [A-Z][a-z]{2} [0-9]{4} [0-9]{2}:[0-9]{2}:[0-9]{2} GMT"


async def spelled(served: Served, *lines: str, body: bytes = b"") -> str:
    """Ask for the end of the connection, too, and give all that came; dates and ids are left out."""
    async with served.wire() as wire:
        await wire.send(lines[0], ID, *lines[1:], body=body)
        text = (await wire.ended()).decode()
    text, count = re.subn(rf"\r\nDate: {DATE}\r\n", "\r\nDate: then\r\n", text)
    assert count == 1
    return re.sub(r"[0-9a-f]{32}", "ID", re.sub(rf"Expires: {DATE}", "Expires: later", text))


async def test_a_creation(served: Served) -> None:
    """201 without a body tells its length; the connection ends as asked."""
    assert await spelled(served, "POST /files/ HTTP/1.1", TUS, "Upload-Length: 5", "Connection: close") == (
        "HTTP/1.1 201 Created\r\nTus-Resumable: 1.0.0\r\nLocation: /files/ID\r\nUpload-Expires: later\r\n"
        f"{COMMON}Content-Length: 0\r\nDate: then\r\nConnection: close\r\n\r\n"
    )


async def test_an_append(served: Served) -> None:
    """204 tells no length of a body."""
    path = await served.create(10)
    fields = (TUS, BYTES, "Upload-Offset: 0", "Content-Length: 5", "Connection: close")
    assert await spelled(served, f"PATCH {path} HTTP/1.1", *fields, body=b"hello") == (
        "HTTP/1.1 204 No Content\r\nTus-Resumable: 1.0.0\r\nUpload-Offset: 5\r\nUpload-Expires: later\r\n"
        f"{COMMON}Date: then\r\nConnection: close\r\n\r\n"
    )


async def test_a_question(served: Served) -> None:
    """An answer to HEAD without a length of its own gets none."""
    path = await served.create(10)
    assert await spelled(served, f"HEAD {path} HTTP/1.1", TUS, "Connection: close") == (
        "HTTP/1.1 200 OK\r\nTus-Resumable: 1.0.0\r\nUpload-Offset: 0\r\nUpload-Length: 10\r\n"
        f"Cache-Control: no-store\r\nUpload-Expires: later\r\n{COMMON}Date: then\r\nConnection: close\r\n\r\n"
    )


async def test_an_answer_with_a_body(served: Served) -> None:
    """The length is that of the body; a checksum that is wrong has a phrase although no standard knows the status."""
    path = await served.create(10)
    fields = (TUS, BYTES, "Upload-Offset: 0", "Content-Length: 5", "Upload-Checksum: md5 AAAAAAAAAAAAAAAAAAAAAA==")
    text = await spelled(served, f"PATCH {path} HTTP/1.1", *fields, "Connection: close", body=b"hello")
    head, _, body = text.partition("\r\n\r\n")
    assert head.startswith("HTTP/1.1 460 Checksum Mismatch\r\nContent-Type: application/problem+json\r\n")
    assert f"\r\n{COMMON}Content-Length: {len(body)}\r\nDate: then\r\nConnection: close" in head


@pytest.mark.parametrize(
    ("line", "first", "last"),
    [
        ("GET /healthz HTTP/1.0", "HTTP/1.0 200 OK", "Date: then"),
        ("GET /healthz HTTP/1.1", "HTTP/1.1 200 OK", "Connection: close"),
    ],
)
async def test_a_connection_that_ends(served: Served, line: str, first: str, last: str) -> None:
    """HTTP/1.0 expects the end and is not told of it."""
    fields = ["Connection: close"] if line.endswith("1.1") else []
    lines = (await spelled(served, line, *fields)).partition("\r\n\r\n")[0].split("\r\n")
    assert (lines[0], lines[-1]) == (first, last)


@pytest.mark.parametrize(
    ("line", "field", "told"),
    [("HEAD /healthz HTTP/1.0", "Connection: keep-alive", "keep-alive"), ("HEAD /healthz HTTP/1.1", TUS, None)],
)
async def test_a_connection_that_goes_on(served: Served, line: str, field: str, told: str | None) -> None:
    """HTTP/1.0 is told that the connection goes on, because it asked for that; HTTP/1.1 knows."""
    async with served.wire() as wire:
        for _ in range(3):
            answer = await wire.ask(line, field)
            assert (answer.status, answer.headers.get("Connection")) == (200, told)


async def test_a_page_that_may_read(start: Start) -> None:
    """The fields of CORS stand among those of every answer."""
    served = await start(policy=Policy(allowed_origins=["https://one.example"]))
    text = await spelled(served, "GET /healthz HTTP/1.1", "Origin: https://one.example", "Connection: close")
    assert "\r\nVary: Origin\r\nAccess-Control-Allow-Origin: https://one.example\r\n" in text


@pytest.mark.parametrize("value", ["a\r\nSet-Cookie: b", "a\nb", "a\rb", "a\x00b", "a\x7fb"])
async def test_a_field_cannot_begin_another_one(
    served: Served, value: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Whoever lets a control character into a field sends no answer with it: the client gets a 500 with its request id,
    and so says the log."""

    async def careless(exchange: Exchange) -> ResponseHead:
        del exchange
        return ResponseHead(status=200, headers=(("X-Text", value),))

    monkeypatch.setitem(shell.HANDLERS[Kind.HEALTH], "GET", careless)
    caplog.set_level(logging.INFO)
    answer = await served.ask("GET /healthz HTTP/1.1")
    assert (answer.status, answer.json["requestId"]) == (500, answer.headers["X-Request-ID"])
    told = {record.getMessage(): record for record in caplog.records}
    assert told["request_failed"].exc_info is not None
    assert told["request"].__dict__["data"].items() >= {"status": 500, "code": "internal"}.items()


@pytest.mark.parametrize("value", ["a\tb", "ä", "\u2028"])
async def test_other_characters_pass(served: Served, value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Texts that end no line go out as UTF-8."""

    async def answer(exchange: Exchange) -> ResponseHead:
        del exchange
        return ResponseHead(status=200, headers=(("X-Text", value),))

    monkeypatch.setitem(shell.HANDLERS[Kind.HEALTH], "GET", answer)
    assert f"\r\nX-Text: {value}\r\n" in await spelled(served, "GET /healthz HTTP/1.1", "Connection: close")
