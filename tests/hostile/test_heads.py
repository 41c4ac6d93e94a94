"""Header bombs (threat 39), and texts that want into the log (threats 24, 25)."""

import asyncio
from collections.abc import Sequence

import pytest

from tests.faults.processes import ServerProcess
from tests.faults.wire import Connection, request
from tests.hostile.target import BYTES, TUS, UNKNOWN, Target
from tests.web.wire import until

CREATE = "POST /files/ HTTP/1.1"


@pytest.mark.parametrize(
    "fields",
    [
        [f"X-{i}: 1" for i in range(129)],
        [f"X-{i}: 1" for i in range(10_000)],
        ["X: " + "a" * 65_537],
        ["X: " + "a" * 1_000_000],
        ["X" * 65_537 + ": a"],
    ],
    ids=["129 fields", "10,000 fields", "64 KiB value", "1 MB value", "64 KiB name"],
)
def test_heads_beyond_the_parser(target: Target, fields: Sequence[str]) -> None:
    """What is too much for one field, or too many fields, gets the parser's bare 400."""
    target.refused(request(CREATE, TUS, "Upload-Length: 5", *fields), 400, bare=True)


@pytest.mark.parametrize("count", [2, 3, 100])
def test_heads_beyond_ours(target: Target, count: int) -> None:
    """S-31: more than 64 KiB together is 431, in the words of the protocol."""
    fields = [f"X-{i}: {'a' * (100_000 // count)}" for i in range(count)]
    target.refused(request(CREATE, TUS, "Upload-Length: 5", *fields), 431, says="at most 65536")


def test_a_long_address(target: Target) -> None:
    """An address of 60 KB is nowhere; one beyond 64 KiB is the parser's."""
    target.refused(request(f"GET /{'a' * 60_000} HTTP/1.1"), 404)
    target.refused(request(f"GET /{'a' * 70_000} HTTP/1.1"), 400, bare=True)


def test_a_head_in_pieces_of_one_byte(target: Target) -> None:
    """The same head, one byte a packet, is the same head."""
    with Connection(target.port) as connection:
        for byte in request(f"GET /files/{UNKNOWN} HTTP/1.1", TUS):
            connection.send(bytes([byte]))
        target.judge(connection.answer(), method="GET", tus=True)


@pytest.mark.parametrize("size", [100_000, 1_000_000])
def test_a_line_that_never_ends(target: Target, size: int) -> None:
    """Threat 39: a field that goes on and on in small pieces is cut off at the same bound."""
    with Connection(target.port) as connection:
        connection.send(b"GET / HTTP/1.1\r\nX: ")
        connection.push(b"a" * 1000 for _ in range(size // 1000))
        answer = connection.answer()
        assert answer.status == 400
    target.stands(nothing_new=True)


IDS = {
    "1 KiB": "a" * 1024,
    "65 characters": "a" * 65,
    "blank inside": "a b",
    "empty": "",
    "tab": "a\tb",
    "latin": "\xe9",
    "utf-8": "\u202e".encode().decode("latin-1"),
    "60 KB": "a" * 60_000,
    "next line": "a\x85b",
    "no-break space": "\xa0",
}
FIELDS = ("User-Agent", "Referer", "Cookie", "Authorization", "X-Request-ID", "Tus-Resumable", "Idempotency-Key")


@pytest.mark.parametrize("value", IDS.values(), ids=IDS.keys())
def test_a_request_id_that_is_none(target: Target, value: str) -> None:
    """What is no short visible text is replaced by an id of ours."""
    answer = target.ask(request("GET /healthz HTTP/1.1", f"X-Request-ID: {value}"))
    assert answer.status == 200
    assert len(answer.headers["X-Request-ID"]) == 16


@pytest.mark.parametrize("value", ["\x1b[31m", "\x00", "\x07", "\x08", "\x7f", "a\rb"], ids=ascii)
@pytest.mark.parametrize("name", FIELDS)
def test_control_characters_do_not_get_in(target: Target, name: str, value: str) -> None:
    """Threat 24: the parser refuses them in any field."""
    target.refused(request("GET /healthz HTTP/1.1", f"{name}: {value}"), 400, bare=True)


def test_two_request_ids_are_none(target: Target) -> None:
    """Repeated ids are replaced as well."""
    answer = target.ask(request("GET /healthz HTTP/1.1", "X-Request-ID: a", "X-Request-ID: a"))
    assert len(answer.headers["X-Request-ID"]) == 16


@pytest.mark.parametrize("form", ["text", "json"])
async def test_one_printable_line_for_each_request(tmp_path_factory: pytest.TempPathFactory, form: str) -> None:
    """Threats 4, 24, 25: whatever a request says, the log has one short printable line for it, and no secret."""
    secret, evil = "s3cr3t-value", "\xe2\x80\xae\xe9\x85"
    inject = "x HTTP/1.1 status=200 request_id=forged"
    requests = [
        request("GET /healthz HTTP/1.1", f"X-Request-ID: {evil}", f"User-Agent: {evil}"),
        request("GET /healthz HTTP/1.1", "X-Request-ID: a=b", "Referer: " + inject),
        request("GET /healthz HTTP/1.1", 'X-Request-ID: "quoted"'),
        request(f"GET /{inject.replace(' ', '%0a')} HTTP/1.1"),
        request(f"GET /%1b[31m{'a' * 8000} HTTP/1.1"),
        request(f"GET /healthz?token={secret} HTTP/1.1", f"Authorization: Bearer {secret}", f"Cookie: a={secret}"),
        request(
            CREATE, TUS, "Upload-Length: 5", f"Idempotency-Key: {secret}", f"Upload-Metadata: filename {'c2VjcmV0'}"
        ),
        request(CREATE, TUS, f"Upload-Length: {secret}"),
        request(CREATE, f"Tus-Resumable: {secret}"),
        request("GET /healthz HTTP/1.1", f"Authorization: \x00{secret}"),
        request(f"GET /healthz HTTP/1.1\r\nX: {secret}\r\n {secret}"),
        request("GET /healthz HTTP/1.1", "X: " + secret * 8000),
        request(f"{secret} /healthz HTTP/1.1"),
        request("GET /healthz HTTP/1.1", "X-HTTP-Method-Override: a\xa0b"),
        request("GET /healthz HTTP/1.1", host=f"{secret}.example"),
        request("GET /healthz HTTP/1.1", f"Origin: http://{secret}", "X-HTTP-Method-Override: DELETE"),
        request(CREATE, TUS, BYTES, "Upload-Length: 5", "Transfer-Encoding: chunked", body=b"zz" + secret.encode()),
    ]
    root = tmp_path_factory.mktemp("log")
    async with ServerProcess(root / "data", environment={"TUSVIDEO_LOG_FORMAT": form}) as server:
        await until(lambda: "server_started" in server.log.read_text())  # the log is written behind, also this line
        before = len(server.log.read_text().splitlines())
        for data in requests:
            await asyncio.to_thread(_ask, server.port, data)

        def lines() -> list[str]:
            return server.log.read_text().splitlines()[before:]

        def told() -> list[str]:
            return [line for line in lines() if "upload_created" not in line]

        await until(lambda: len(told()) >= len(requests))
        assert len(told()) == len(requests), told()
        for line in lines():
            assert line.isascii()
            assert line.isprintable()
            assert len(line) < 1024
            assert secret not in line
            assert "forged" not in line
            assert "Traceback" not in line


def _ask(port: int, data: bytes) -> None:
    with Connection(port) as connection:
        assert connection.ask(data).status // 100 in {2, 4}
