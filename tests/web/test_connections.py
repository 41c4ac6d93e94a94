"""Connections: how long they live, how they end, and what is stored then."""

import socket
from collections.abc import Callable

import pytest

from tests.web.conftest import BYTES, TUS, Lines, Served, Start, patch
from tests.web.videos import publish
from tests.web.wire import Wire, until
from tusvideo.model import Limits
from tusvideo.web import app


async def test_a_connection_lives_on_after_a_body_was_read(served: Served) -> None:
    """Ten appends over one connection."""
    path = await served.create(10)
    async with served.wire() as wire:
        for offset in range(10):
            answer = await wire.ask(*patch(path, offset, 1), body=b"x")
            assert (answer.status, answer.closes) == (204, False)
    assert await served.offset(path) == 10


async def test_a_connection_lives_on_after_a_refusal_without_a_body(served: Served) -> None:
    """A refusal that leaves nothing unread closes nothing."""
    async with served.wire() as wire:
        for _ in range(3):
            answer = await wire.ask(f"HEAD /files/{'0' * 32} HTTP/1.1", TUS)
            assert (answer.status, answer.closes) == (404, False)


async def test_pipelined_requests_are_answered_in_order(served: Served) -> None:
    """Requests that come in one packet are carried out one after another."""
    path = await served.create(4)
    one = "\r\n".join([*patch(path, 0, 2), "Host: localhost", "", ""]).encode() + b"ab"
    two = "\r\n".join([*patch(path, 2, 2), "Host: localhost", "", ""]).encode() + b"cd"
    three = f"HEAD {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()
    async with served.wire() as wire:
        await wire.raw(one + two + three)
        offsets = [(await wire.answer(method="HEAD")).headers["Upload-Offset"] for _ in range(3)]
    assert offsets == ["2", "4", "4"]


@pytest.mark.parametrize("end", [Wire.reset, lambda wire: wire.writer.close()], ids=["RST", "FIN"])
async def test_what_came_before_a_cut_is_stored(served: Served, lines: Lines, end: Callable[[Wire], None]) -> None:
    """P-17: the offset counts every byte that arrived, and the log has no status."""
    path = await served.create(1_000_000)
    async with served.wire() as wire:
        await wire.send(*patch(path, 0, 1_000_000), body=b"x" * 100_000)
        await served.reached(path, 100_000)
        end(wire)
        await until(lambda: any(line["code"] == "body_cut" for line in lines.requests()))
    assert await served.offset(path) == 100_000
    cut = next(line for line in lines.requests() if line["code"] == "body_cut")
    assert (cut["status"], cut["bytes"]) == (None, 100_000)


async def test_a_stalled_body_is_stored_and_its_connection_closed(start: Start) -> None:
    """P-19: after the limit without a byte the connection ends without an answer; what came is kept."""
    served = await start(limits=Limits(stall_seconds=0.2))
    path = await served.create(10)
    async with served.wire() as wire:
        await wire.send(*patch(path, 0, 10), body=b"abcd")
        assert await wire.ended() == b""
    assert await served.offset(path) == 4


async def test_a_preempted_append_is_told_so(served: Served) -> None:
    """A second PATCH takes over; the first is answered 423, and its bytes count."""
    path = await served.create(10)
    async with served.wire() as first:
        await first.send(*patch(path, 0, 10), body=b"abcd")
        await served.reached(path, 4)
        second = await served.ask(*patch(path, 4, 6), body=b"efghij")
        answer = await first.answer()
        assert (answer.status, answer.closes) == (423, True)
        await first.ended()
    assert (second.status, await served.offset(path)) == (204, 10)


async def test_a_stopping_server_says_so(served: Served) -> None:
    """S-16: at shutdown a running PATCH gets 503, what came is stored."""
    path = await served.create(10)
    async with served.wire() as wire:
        await wire.send(*patch(path, 0, 10), body=b"abcd")
        await served.reached(path, 4)
        served.house.stopping.set()
        served.locks.stop_all()
        answer = await wire.answer()
        assert (answer.status, answer.json["code"], answer.closes) == (503, "stopping", True)


async def test_a_chunked_append_is_stored(served: Served) -> None:
    """P-16: a body need not have a length."""
    path = await served.create(7)
    head = (f"PATCH {path} HTTP/1.1", TUS, BYTES, "Upload-Offset: 0", "Transfer-Encoding: chunked")
    answer = await served.ask(*head, body=b"3\r\nabc\r\n4\r\ndefg\r\n0\r\n\r\n")
    assert (answer.status, answer.headers["Upload-Offset"]) == (204, "7")


async def test_broken_framing_ends_as_silence_does(start: Start) -> None:
    """Nothing tells aiohttp's stream that its framing broke, so the stall timer ends the body; what came is kept."""
    served = await start(limits=Limits(stall_seconds=0.3))
    path = await served.create(100)
    head = (f"PATCH {path} HTTP/1.1", TUS, BYTES, "Upload-Offset: 0", "Transfer-Encoding: chunked")
    async with served.wire() as wire:
        await wire.send(*head, body=b"5\r\nhello\r\n")
        await served.reached(path, 5)
        await wire.raw(b"nonsense\r\n")
        assert b" 204 " not in await wire.ended()
    assert await served.offset(path) == 5


async def test_answers_that_nobody_reads_are_given_up(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    """They would hold a connection, and their memory, for ever: of a request that waits and of those behind it."""
    monkeypatch.setattr(app, "UNREAD_SECONDS", 0.2)
    record = await publish(served, "Sea")
    path = f"/api/videos/{record['id']}/captions/en"
    text = b"WEBVTT\n\n00:00:00.000 --> 00:00:01.000\n" + b"x" * 1_900_000
    made = await served.ask(f"PUT {path} HTTP/1.1", f"Content-Length: {len(text)}", body=text)
    assert made.status == 201, made.body
    await until(lambda: not served.connections())
    with socket.create_connection(("127.0.0.1", served.port)) as reader:
        reader.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode() * 20)
        await until(lambda: served.connections() == 1)
        await until(lambda: not served.connections())
