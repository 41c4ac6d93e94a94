"""The client of the suite sees what a usual one hides, and each invariant can be broken."""

import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from urllib.parse import urlsplit

import pytest
from multidict import CIMultiDict

from tests.conformance.wire import invariants, run
from tests.conformance.wire.answer import Answer
from tests.conformance.wire.calls import ORIGIN, Call, Upload
from tests.conformance.wire.connection import BadFraming, Connection, Message, NoAnswer
from tests.conformance.wire.target import Target
from tests.conformance.wire.verdict import Failed

CHUNKED = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
INTERIM = "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 104 Upload\r\nLocation: /x\r\n\r\n"
GOOD = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"


@contextmanager
def served(answer: bytes) -> Iterator[str]:
    """A server that gives one answer, whatever it is asked, and hangs up."""

    def serve(listener: socket.socket) -> None:
        peer, _ = listener.accept()
        with peer:
            peer.sendall(answer)
            peer.shutdown(socket.SHUT_WR)
            while peer.recv(65_536):
                pass

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve, args=(listener,))
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/files/"
        thread.join(10)


def heard(answer: bytes, *, method: str = "GET") -> Message:
    """Read one answer."""
    with served(answer) as url, Connection(urlsplit(url)) as connection:
        return connection.answer(method=method, seconds=5)


@pytest.mark.parametrize(
    ("answer", "status", "body"),
    [
        pytest.param(GOOD, 200, b"hi", id="a length"),
        pytest.param(CHUNKED + "1\r\nh\r\n1;x=y\r\ni\r\n0\r\n\r\n", 200, b"hi", id="chunks"),
        pytest.param("HTTP/1.1 204 No Content\r\n\r\n", 204, b"", id="none"),
        pytest.param("HTTP/1.0 200 OK\r\n\r\nhi", 200, b"hi", id="until the end"),
        pytest.param(INTERIM + GOOD, 200, b"hi", id="interim"),
    ],
)
def test_answers_are_read(answer: str, status: int, body: bytes) -> None:
    """Each form that HTTP has for the end of a body."""
    message = heard(answer.encode())
    assert (message.status, message.body, message.surplus) == (status, body, b"")


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param("HTTP/2 200 OK\r\n\r\n", id="another protocol"),
        pytest.param("HTTP/1.1 20 OK\r\n\r\n", id="two digits"),
        pytest.param("HTTP/1.1 200 OK\r\nName : value\r\n\r\n", id="a space before the colon"),
        pytest.param("HTTP/1.1 200 OK\r\nName: a\r\n folded\r\n\r\n", id="a folded line"),
        pytest.param("HTTP/1.1 200 OK\nName: a\n\r\n\r\n", id="bare line feeds"),
        pytest.param(
            "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\nhi", id="both framings"
        ),
        pytest.param("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nhi", id="two lengths"),
        pytest.param("HTTP/1.1 200 OK\r\nContent-Length: +2\r\n\r\nhi", id="a sign"),
        pytest.param("HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", id="a coding"),
        pytest.param("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nx\r\nhi", id="no size of a chunk"),
        pytest.param("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nhi\r\n0\r\n\r\n", id="a longer chunk"),
    ],
)
def test_bad_framing_is_seen(answer: str) -> None:
    """An answer that is no HTTP fails the check that got it."""
    with pytest.raises(BadFraming):
        heard(answer.encode())


@pytest.mark.parametrize("answer", ["", "HTTP/1.1 200", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhi"])
def test_half_an_answer_is_none(answer: str) -> None:
    """A connection that ends too early fails the check."""
    with pytest.raises(NoAnswer):
        heard(answer.encode())


HEAD = ("HEAD", "/files/a", "1.0.0")
PATCH = ("PATCH", "/files/a", "1.0.0")
TUS = {"Tus-Resumable": "1.0.0", "Access-Control-Allow-Origin": ORIGIN}
KNOWN = {**TUS, "Cache-Control": "no-store"}
BROKEN: Mapping[str, tuple[tuple[str, str, str], int, dict[str, str], bytes, bytes]] = {
    "G-01": (PATCH, 404, {"Access-Control-Allow-Origin": ORIGIN}, b"", b""),
    "G-02": (HEAD, 200, {**KNOWN, "Upload-Offset": "07"}, b"", b""),
    "G-03": (HEAD, 200, {**KNOWN, "Upload-Offset": "11", "Upload-Length": "10"}, b"", b""),
    "G-04": (HEAD, 200, {**KNOWN, "Upload-Offset": "5", "Upload-Length": "9"}, b"", b""),
    "G-05": (HEAD, 200, {**KNOWN, "Upload-Offset": "4", "Upload-Length": "10"}, b"", b""),
    "G-07": (PATCH, 500, TUS, b"", b""),
    "G-08": (PATCH, 400, TUS, b"open /tmp/x/data: no such file", b""),
    "G-09": (PATCH, 204, {**TUS, "Content-Length": "0"}, b"", b""),
    "G-10": (PATCH, 400, TUS, b"", b"HTTP/1.1 400 Bad Request\r\n"),
    "G-11": (PATCH, 400, {"Tus-Resumable": "1.0.0"}, b"", b""),
    "G-12": (HEAD, 200, {**TUS, "Upload-Offset": "5"}, b"", b""),
}
"""An answer that breaks just this one, after HEAD has told an offset of 5 of 10."""


def call_of(target: Target, method: str, version: str | None) -> Call:
    """A request that was sent, as the invariants see it."""
    with served(b"") as url:
        connection = Connection(urlsplit(url))
        connection.close()
    return Call(
        target=target, connection=connection, method=method, path="/files/a", sent=method, fields=(), version=version
    )


@pytest.mark.parametrize("id_", BROKEN)
def test_an_invariant_can_be_broken(id_: str) -> None:
    """An answer that breaks one invariant breaks no other."""
    target = Target(url="http://127.0.0.1/files/", origin=ORIGIN)
    target.memory.lengths["/files/a"] = 10
    target.memory.offsets["/files/a"] = 5
    (method, _, version), status, headers, body, surplus = BROKEN[id_]
    message = Message(version="HTTP/1.1", status=status, headers=CIMultiDict(headers), body=body, surplus=surplus)
    answer = Answer(sent=method, message=message)
    call = call_of(target, method, version)
    assert [found for found, _ in invariants.judge(target, call, answer, allow=())] == [id_]


def test_other_bytes_break_g_06() -> None:
    """Stored bytes that are not those that were sent fail the check and break G-06."""
    target = Target(url="http://127.0.0.1/files/")
    message = Message(version="HTTP/1.1", status=200, headers=CIMultiDict(), body=b"")
    with pytest.raises(Failed, match="which differ from byte 2 on"):
        target.same_bytes(Answer(sent="GET U", message=message), b"heLlo", b"hello")
    assert list(target.violations) == ["G-06"]
    assert {*BROKEN, "G-06"} == set(run.INVARIANTS)


def test_failures_are_one_sentence() -> None:
    """What was sent, what was expected, what came."""
    answer = Answer(sent="HEAD U", message=heard(GOOD.encode()))
    wishes: list[tuple[Callable[[], object], str]] = [
        (lambda: answer.expect(404, 410), "HEAD U: expected 404 or 410, got 200"),
        (lambda: answer.expect_field("Upload-Offset", "3"), "HEAD U: expected Upload-Offset: 3, got no Upload-Offset"),
        (lambda: answer.expect_no_field("Content-Length"), "HEAD U: expected no Content-Length, got Content-Length: 2"),
    ]
    for wish, sentence in wishes:
        with pytest.raises(Failed) as caught:
            wish()
        assert str(caught.value).removesuffix(" (200)") == sentence
    assert Upload(path="/files/a", length=10, source=b"0123456789", offset=3).rest == b"3456789"
