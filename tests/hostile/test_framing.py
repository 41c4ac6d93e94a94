"""Requests whose end is a matter of opinion, and methods that nobody has (threats 8, 40, 49 to 52; groups G, M)."""

import pytest

from tests.faults.wire import Connection, request
from tests.hostile.target import BYTES, CHUNK, FINALIZE, METADATA, TUS, UNKNOWN, Target

HELLO = b"5\r\nhello\r\n0\r\n\r\n"
SMUGGLED = request("DELETE /files/" + UNKNOWN + " HTTP/1.1", TUS)


def patch(target: Target, *fields: str, body: bytes, version: str = "1.1") -> bytes:
    """Write a PATCH at the right offset, framed by ``fields`` alone."""
    line = f"PATCH {target.kept.partial} HTTP/{version}"
    return request(line, TUS, BYTES, "Upload-Offset: 2048", *fields) + body


FRAMES: dict[str, tuple[tuple[str, ...], bytes]] = {
    "length and chunked": (("Content-Length: 5", "Transfer-Encoding: chunked"), HELLO),
    "chunked and length": (("Transfer-Encoding: chunked", "Content-Length: 5"), HELLO),
    "two lengths": (("Content-Length: 5", "Content-Length: 6"), b"hello!"),
    "the same length twice": (("Content-Length: 5", "Content-Length: 5"), b"hello"),
    "a list of lengths": (("Content-Length: 5, 5",), b"hello"),
    "signed length": (("Content-Length: +5",), b"hello"),
    "negative length": (("Content-Length: -5",), b"hello"),
    "underscore in length": (("Content-Length: 5_0",), b"hello"),
    "hex length": (("Content-Length: 0x5",), b"hello"),
    "float length": (("Content-Length: 5.0",), b"hello"),
    "length of letters": (("Content-Length: five",), b"hello"),
    "empty length": (("Content-Length:",), b"hello"),
    "blank within length": (("Content-Length: 5 5",), b"hello"),
    "length of 2^64": ((f"Content-Length: {2**64}",), b"hello"),
    "length of 60 digits": ((f"Content-Length: {'9' * 60}",), b"hello"),
    "length of 5000 digits": ((f"Content-Length: {'9' * 5000}",), b"hello"),
    "superscript length": (("Content-Length: \xb2",), b"hello"),
    "blank before the colon": (("Content-Length : 5",), b"hello"),
    "blank before chunked's colon": (("Transfer-Encoding : chunked",), HELLO),
    "folded line": (("X-A: b\r\n c",), b""),
    "folded coding": (("Transfer-Encoding:\r\n chunked",), HELLO),
    "chunked twice": (("Transfer-Encoding: chunked", "Transfer-Encoding: chunked"), HELLO),
    "chunked, chunked": (("Transfer-Encoding: chunked, chunked",), HELLO),
    "chunked, identity": (("Transfer-Encoding: chunked, identity",), HELLO),
    "identity": (("Transfer-Encoding: identity",), b"hello"),
    "gzip": (("Transfer-Encoding: gzip",), b"hello"),
    "xchunked": (("Transfer-Encoding: xchunked",), HELLO),
    "chunked with a parameter": (("Transfer-Encoding: chunked;q=1",), HELLO),
    "quoted chunked": (('Transfer-Encoding: "chunked"',), HELLO),
    "chunked with a vertical tab": (("Transfer-Encoding: \x0bchunked",), HELLO),
    "empty coding": (("Transfer-Encoding:",), HELLO),
    "bare LF after a field": (("X-A: b\nContent-Length: 5",), b"hello"),
    "bare CR in a value": (("X-A: b\rc", "Content-Length: 5"), b"hello"),
    "nul in a value": (("X-A: b\x00c", "Content-Length: 5"), b"hello"),
    "nul in a name": (("X\x00A: b", "Content-Length: 5"), b"hello"),
    "a name with a blank": (("X A: b", "Content-Length: 5"), b"hello"),
    "a line without a colon": (("nonsense", "Content-Length: 5"), b"hello"),
    "a nameless field": ((": b", "Content-Length: 5"), b"hello"),
    "a name beyond ASCII": (("\xe9: b", "Content-Length: 5"), b"hello"),
}


@pytest.mark.parametrize(("fields", "body"), FRAMES.values(), ids=FRAMES.keys())
def test_ambiguous_frames_are_refused(target: Target, fields: tuple[str, ...], body: bytes) -> None:
    """Threat 49: 400, the connection ends, and what comes behind is never read as a request."""
    with Connection(target.port) as connection:
        connection.send(patch(target, *fields, body=body + SMUGGLED))
        answer = connection.answer(method="PATCH")
        assert answer.status == 400, answer
        assert answer.closes
        assert connection.rest() == b""
    target.stands(nothing_new=True)
    assert target.offset(target.kept.partial) == 2048


BROKEN_CHUNKS = {
    "no size": b"\r\nhello\r\n0\r\n\r\n",
    "letters": b"zz\r\nhello\r\n0\r\n\r\n",
    "0x": b"0x5\r\nhello\r\n0\r\n\r\n",
    "signed": b"+5\r\nhello\r\n0\r\n\r\n",
    "negative": b"-5\r\nhello\r\n0\r\n\r\n",
    "underscore": b"5_0\r\nhello\r\n0\r\n\r\n",
    "2^64": b"10000000000000005\r\nhello\r\n0\r\n\r\n",
    "thousand digits": b"0" * 1000 + b"f" * 1000 + b"\r\nhello\r\n0\r\n\r\n",
    "too short": b"4\r\nhello\r\n0\r\n\r\n",
    "too long": b"6\r\nhello\r\n0\r\n\r\n",
    "bare LF after the size": b"5\nhello\r\n0\r\n\r\n",
    "bare LF after the data": b"5\r\nhello\n0\r\n\r\n",
    "bare CR in an extension": b"5;a\rb\r\nhello\r\n0\r\n\r\n",
    "LF in an extension": b"5;a\nb\r\nhello\r\n0\r\n\r\n",
    "nul in the size": b"5\x00\r\nhello\r\n0\r\n\r\n",
}


@pytest.mark.parametrize("body", BROKEN_CHUNKS.values(), ids=BROKEN_CHUNKS.keys())
@pytest.mark.parametrize("apart", [False, True], ids=["at once", "after the head"])
def test_broken_chunks_end_the_connection(target: Target, body: bytes, *, apart: bool) -> None:
    """Threat 49: a body that cannot be read ends the connection, with 400 (413: what could be read was too much) or
    without a word; no request comes of it."""
    path = target.create(5)
    head = request(f"PATCH {path} HTTP/1.1", TUS, BYTES, "Upload-Offset: 0", "Transfer-Encoding: chunked")
    with Connection(target.port) as connection:
        if apart:
            connection.send(head)
            connection.send(body + SMUGGLED)
        else:
            connection.send(head + body + SMUGGLED)
        rest = connection.rest()
    assert rest is not None, "the connection stayed open"
    assert rest.count(b"HTTP/1.") <= 1, rest
    assert not rest or rest.split(b" ")[1] in {b"400", b"413"}, rest
    target.stands(nothing_new=True)
    assert target.offset(path) < 5


def test_a_trailer_is_no_field(target: Target) -> None:
    """Fields behind the body do not change what was asked for."""
    path = target.create(5)
    fields = (TUS, BYTES, "Upload-Offset: 0", "Transfer-Encoding: chunked")
    body = b"5\r\nhello\r\n0\r\nHost: evil\r\nX-HTTP-Method-Override: DELETE\r\nContent-Length: 99\r\n\r\n"
    answer = target.ask(request(f"PATCH {path} HTTP/1.1", *fields, body=body))
    assert answer.status in {204, 400}
    assert target.offset(path) in {0, 5}
    target.stands(nothing_new=False)


def test_a_coding_that_is_not_spoken(target: Target) -> None:
    """Where the end of such a body is clear, it is refused and read past."""
    data = patch(target, "Transfer-Encoding: gzip, chunked", body=HELLO)
    target.refused(data, 400, says="Transfer-Encoding")
    assert target.offset(target.kept.partial) == 2048


@pytest.mark.parametrize("coding", ["chunked", "gzip", "identity"])
def test_an_old_protocol_has_no_codings(target: Target, coding: str) -> None:
    """Threat 49: HTTP/1.0 with Transfer-Encoding is refused, and nothing of it is stored."""
    data = patch(target, f"Transfer-Encoding: {coding}", body=HELLO, version="1.0")
    answer = target.ask(data)
    assert answer.status == 400
    assert answer.closes
    target.stands(nothing_new=True)


@pytest.mark.parametrize("version", ["0.9", "1.2", "2.0", "3.0", "1.", "11", "1.1.1", "-1.1", "1,1"])
def test_other_versions_of_http(target: Target, version: str) -> None:
    """What is not 1.0 or 1.1 is refused or answered in 1.1; nothing hangs."""
    with Connection(target.port) as connection:
        connection.send(f"GET /healthz HTTP/{version}\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
        rest = connection.rest()
    assert rest is not None
    assert rest.split(b" ")[1:2] in ([b"200"], [b"400"], [b"505"]), rest
    target.healthy()


@pytest.mark.parametrize(
    "data",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(500),
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes(9),
        b"SSH-2.0-OpenSSH_9.9\r\n",
        b"EHLO evil.example\r\n\r\n",
        b"*1\r\n$4\r\nPING\r\n",
        b"GET /healthz\r\n\r\n",
        b"GET\r\n\r\n",
        b"get /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"GET  /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"GET /healthz  HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"GET\t/healthz\tHTTP/1.1\r\nHost: localhost\r\n\r\n",
        b" GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"G\x00T /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"GET /health\x00z HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"GET /healthz\x0b HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"GET /\xff\xfe HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"GET /healthz#x HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"GET /healthz HTTP/1.1\nHost: localhost\n\n",
        b"GET /healthz HTTP/1.1\rHost: localhost\r\r",
        b"\x00" * 1000 + b"\r\n\r\n",
        b"\xff" * 70_000 + b"\r\n\r\n",
        b"A" * 70_000 + b" / HTTP/1.1\r\n\r\n",
        b"{}\r\n\r\n",
    ],
    ids=range(23),
)
def test_what_is_no_request_ends_soon(target: Target, data: bytes) -> None:
    """Other protocols and broken lines get a 400 or no word, never a 5xx, and the server goes on."""
    with Connection(target.port) as connection:
        connection.send(data)
        rest = connection.rest(seconds=0.5)
    if rest:
        assert rest.split(b" ")[1] in {b"400", b"200", b"404", b"405"}, rest
    target.stands(nothing_new=True)


@pytest.mark.parametrize(
    "value", ["nonsense", "", "200-ok", "100-continue, 200-ok", "100", "x" * 60_000, "100-continue\xa0"]
)
def test_an_unknown_expectation_fails(target: Target, value: str) -> None:
    """S-29: 417 without a byte of the body being asked for."""
    data = patch(target, f"Expect: {value}", "Content-Length: 5", body=b"")
    answer = target.refused(data, 417, says="100-continue")
    assert not answer.interim


@pytest.mark.parametrize(
    "fields",
    [
        ("Expect: 100-continue", "Upload-Offset: 5"),
        ("Expect: 100-continue", "Upload-Length: 1"),
        ("Expect: 100-continue", "X-HTTP-Method-Override: FOO"),
        ("Expect: 100-continue", "Host: evil.example"),
    ],
)
def test_who_is_refused_is_not_told_to_go_on(target: Target, fields: tuple[str, ...]) -> None:
    """Threat 50: no 100 Continue before a refusal, and the connection ends, so no body is taken for a request."""
    host = "evil.example" if fields[1].startswith("Host") else "localhost"
    rest = [field for field in fields if not field.startswith("Host")]
    offset = [] if fields[1].startswith("Upload-Offset") else ["Upload-Offset: 2048"]
    line = f"PATCH {target.kept.partial} HTTP/1.1"
    data = request(line, TUS, BYTES, "Content-Length: 5", *offset, *rest, host=host)
    with Connection(target.port) as connection:
        connection.send(data)
        answer = connection.answer()
        assert (answer.status // 100, answer.interim, answer.closes) == (4, (), True)
        connection.send(SMUGGLED)
        assert connection.rest() == b""
    target.stands(nothing_new=True)


METHODS_HERE = {
    "/files/": {"OPTIONS", "PATCH", "POST", "PUT"},
    f"/files/{UNKNOWN}": {"DELETE", "GET", "HEAD", "OPTIONS", "PATCH"},
    CHUNK: {"DELETE", "GET", "HEAD", "OPTIONS", "POST"},
    FINALIZE: {"OPTIONS", "POST"},
    METADATA: {"OPTIONS", "POST"},
    "/api/videos": {"GET", "OPTIONS"},
    f"/api/videos/{UNKNOWN}": {"DELETE", "GET", "OPTIONS", "PATCH"},
    "/uploads/posters/local/x": {"GET", "HEAD", "OPTIONS"},
    "/healthz": {"GET", "HEAD", "OPTIONS"},
    "/readyz": {"GET", "HEAD", "OPTIONS"},
    "/": {"GET", "HEAD", "OPTIONS"},
}
STRANGE = (
    "PUT",
    "TRACE",
    "PROPFIND",
    "LINK",
    "M-SEARCH",
    "SOURCE",
    "MKCOL",
    "PURGE",
    "SEARCH",
    "LOCK",
    "UNLOCK",
    "COPY",
)


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PATCH", "DELETE", *STRANGE])
@pytest.mark.parametrize("path", METHODS_HERE)
def test_a_method_that_does_not_apply(target: Target, path: str, method: str) -> None:
    """S-22, S-23: 405 with Allow for everything that a resource does not have; a body is not read."""
    if method in METHODS_HERE[path]:
        return
    data = request(f"{method} {path} HTTP/1.1", TUS, body=b"x" * 1000)
    answer = target.refused(data, 405, says="does not apply")
    assert set(answer.headers["Allow"].split(", ")) == METHODS_HERE[path]
    assert b"x" * 10 not in answer.body


@pytest.mark.parametrize("method", ["FOO", "get", "G", "X" * 1000, "GET\x00", "POST:", "DEL ETE"])
def test_a_method_that_nobody_knows(target: Target, method: str) -> None:
    """The parser refuses it by itself."""
    target.refused(request(f"{method} /files/ HTTP/1.1"), 400, bare=True, method="GET")


def test_a_tunnel_is_none(target: Target) -> None:
    """Threat 51: CONNECT is refused and the connection ends, so what follows is no request."""
    with Connection(target.port) as connection:
        connection.send(request("CONNECT evil.example:443 HTTP/1.1", "Content-Length: 5") + SMUGGLED)
        target.judge(connection.answer(method="GET"), method="CONNECT")
        assert connection.rest() == b""


@pytest.mark.parametrize(
    "line", ["OPTIONS * HTTP/1.1", "OPTIONS /nowhere HTTP/1.1", "GET * HTTP/1.1", "POST * HTTP/1.1"]
)
def test_the_server_as_a_whole(target: Target, line: str) -> None:
    """OPTIONS * is answered; nothing else applies to it."""
    expected = {"OPTIONS *": 204, "OPTIONS /nowhere": 404}.get(line.removesuffix(" HTTP/1.1"), 405)
    answer = target.ask(request(line))
    assert answer.status in {expected, 400}, answer
    target.healthy()


@pytest.mark.parametrize("upgrade", ["websocket", "h2c", "TLS/1.3", "x" * 5000])
def test_an_upgrade_changes_nothing(target: Target, upgrade: str) -> None:
    """Threat 51: a PATCH that asks for another protocol is a PATCH; its body stays its body."""
    path = target.create(50)
    fields = (TUS, BYTES, "Upload-Offset: 0", f"Upgrade: {upgrade}", "Connection: Upgrade", "HTTP2-Settings: AAAA")
    with Connection(target.port) as connection:
        connection.send(request(f"PATCH {path} HTTP/1.1", *fields, body=SMUGGLED[:50]))
        answer = connection.answer(method="PATCH")
    assert (answer.status, answer.interim) == (204, ())
    assert target.offset(path) == 50
    target.stands(nothing_new=False)


OVERRIDES = ("FOO", "TRACE", "CONNECT", "PATCH, DELETE", "PA TCH", "\xd0\xa0ATCH", "PATCH\x0b", "P" * 5000, "*", "0")


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PATCH", "DELETE", "OPTIONS", "PUT"])
@pytest.mark.parametrize("value", OVERRIDES, ids=lambda value: ascii(value[:20]))
def test_an_override_to_nothing_known(target: Target, method: str, value: str) -> None:
    """M-05: 405 with Allow, nothing changed."""
    data = request(f"{method} {target.kept.partial} HTTP/1.1", TUS, f"X-HTTP-Method-Override: {value}")
    if "\x0b" in value:
        target.refused(data, 400, bare=True)
        return
    assert "PATCH" in target.refused(data, 405).headers["Allow"]


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PATCH", "DELETE", "OPTIONS", "PUT"])
@pytest.mark.parametrize("wanted", ["PATCH", "patch", "Patch", " PATCH "])
def test_an_override_is_judged_like_the_method(target: Target, method: str, wanted: str) -> None:
    """M-01 to M-08: the real method is ignored, and every check is that of the overriding one."""
    override = f"X-HTTP-Method-Override: {wanted}"
    line = f"{method} {target.kept.partial} HTTP/1.1"
    target.refused(request(line, TUS, BYTES, override, "Upload-Offset: 0", body=b"evil"), 409, method=method)
    target.refused(request(line, BYTES, override, "Upload-Offset: 2048", body=b"evil"), 412, method=method)
    target.refused(request(line, TUS, override, "Upload-Offset: 2048", body=b"evil"), 415, method=method)


@pytest.mark.parametrize("wanted", ["GET", "HEAD", "OPTIONS"])
def test_an_override_to_a_safe_method_changes_nothing(target: Target, wanted: str) -> None:
    """M-03: DELETE in the line and HEAD in the field is HEAD."""
    line = f"DELETE {target.kept.complete} HTTP/1.1"
    target.taken(request(line, TUS, f"X-HTTP-Method-Override: {wanted}"), {200, 204}, method="GET")


def test_pipelined_requests_after_a_refusal(target: Target) -> None:
    """Threat 50: with the body unread the connection ends; what was sent behind it is not carried out."""
    path = target.create(5)
    refused = request(f"PATCH {path} HTTP/1.1", TUS, BYTES, "Upload-Offset: 3", "Content-Length: 100000")
    with Connection(target.port) as connection:
        connection.send(refused + b"x" * 20 + request(f"DELETE {path} HTTP/1.1", TUS))
        answer = connection.answer(method="PATCH")
        assert (answer.status, answer.closes) == (409, True)
        assert connection.rest() == b""
    assert target.offset(path) == 0


def test_pipelined_requests_after_a_whole_refused_body(target: Target) -> None:
    """G-10: a body that came whole with its head leaves nothing behind to be misread."""
    with Connection(target.port) as connection:
        bad = request(f"PATCH {target.kept.partial} HTTP/1.1", TUS, BYTES, "Upload-Offset: 3", body=SMUGGLED)
        connection.send(bad + request("GET /healthz HTTP/1.1"))
        first = connection.answer(method="PATCH")
        assert first.status == 409
        if first.closes:
            assert connection.rest() == b""
        else:
            assert connection.answer().status == 200
    target.stands(nothing_new=True)


def test_many_pipelined_requests(target: Target) -> None:
    """Threat 40: a thousand requests in one go are answered in order, one each."""
    many = 1000
    with Connection(target.port) as connection:
        connection.send(request("GET /healthz HTTP/1.1") * 20)
        for _ in range(20):
            assert connection.answer().status == 200
        for _ in range(many // 20 - 1):
            connection.send(request(f"GET /files/{UNKNOWN} HTTP/1.1", TUS) * 20)
            for _ in range(20):
                assert connection.answer().status == 404
    target.stands(nothing_new=True)
