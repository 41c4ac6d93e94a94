"""Who may ask: credentials, hosts, origins, proxies."""

import pytest

from tests.web.conftest import BYTES, EXPECT, TUS, Lines, Served, Start, TokenAuthenticator
from tests.web.forms import CHUNK, MP4, TYPE, chunk_fields, form
from tusvideo.web.keys import Policy


@pytest.mark.parametrize(
    "line",
    [
        "POST /files/ HTTP/1.1",
        f"PATCH /files/{'0' * 32} HTTP/1.1",
        f"POST {CHUNK} HTTP/1.1",
        "POST /api/poster/video/finalize HTTP/1.1",
        "POST /api/videos/metadata HTTP/1.1",
    ],
)
@pytest.mark.parametrize("token", [None, "Bearer", "Bearer eve", "Basic YWxpY2U6"])
async def test_strangers_are_not_asked_for_a_body(start: Start, line: str, token: str | None) -> None:
    """Threat 1: 401 with a challenge, no 100 Continue, the connection ends."""
    served = await start(authenticator=TokenAuthenticator())
    fields = [TUS, "Content-Length: 1000", EXPECT, *([f"Authorization: {token}"] if token else [])]
    answer = await served.ask(line, *fields)
    assert (answer.status, answer.interim, answer.closes) == (401, (), True)
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")


async def test_strangers_see_public_files_only(start: Start) -> None:
    """Files of public profiles are for anybody but those with wrong credentials, others are for their owner."""
    served = await start(authenticator=TokenAuthenticator())
    alice = "Authorization: Bearer alice"
    metadata = "Upload-Metadata: profile cG9zdGVy"
    urls = []
    for data, more in ((MP4, [metadata]), (b"note", [])):
        head = (
            "POST /files/ HTTP/1.1",
            TUS,
            BYTES,
            alice,
            f"Upload-Length: {len(data)}",
            f"Content-Length: {len(data)}",
        )
        answer = await served.ask(*head, *more, body=data)
        assert answer.status == 201
        urls.append(answer.headers["Content-Location"])
    public, private = urls

    async def status(url: str, *fields: str) -> int:
        return (await served.ask(f"GET {url} HTTP/1.1", *fields)).status

    assert (await status(public), await status(public, alice)) == (200, 200)
    assert await status(public, "Authorization: Bearer eve") == 401
    assert (await status(private), await status(private, alice)) == (404, 200)
    assert await status(private, "Authorization: Bearer bob") == 404


EVIL = "Origin: https://evil.example"


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        (("Host: localhost",), 201),
        (("Host: localhost:8080",), 201),
        (("Host: 127.0.0.1",), 201),
        (("Host: [::1]:8080",), 201),
        (("Host: media.example",), 201),
        (("Host: evil.example",), 403),
        (("Host: localhost.evil.example",), 403),
        (("Host: local host",), 400),
        (("Host:",), 400),
        (("Origin: http://localhost",), 201),
        (("Host: 127.0.0.1:80", "Origin: http://127.0.0.1"), 201),
        (("Origin: https://app.example",), 201),
        ((EVIL,), 403),
        (("Origin: null",), 403),
        (("Origin: https://app.example.evil.example",), 403),
        (("Sec-Fetch-Site: cross-site",), 403),
        (("Sec-Fetch-Site: same-origin",), 201),
        (("X-Forwarded-Host: media.example",), 403),
        (("X-Forwarded-For: 10.0.0.1",), 403),
        (("Forwarded: host=media.example",), 403),
    ],
)
async def test_who_may_create(start: Start, fields: tuple[str, ...], status: int) -> None:
    """Hosts, origins and forwarding fields that are not ours are refused before anything is made."""
    served = await start(policy=Policy(allowed_hosts=("media.example",), allowed_origins=("https://app.example",)))
    answer = await served.ask("POST /files/ HTTP/1.1", TUS, "Upload-Length: 5", *fields)
    assert answer.status == status
    assert answer.headers["Tus-Resumable"] == "1.0.0"


async def test_a_missing_host_is_refused(served: Served) -> None:
    """A request that names no host is 400."""
    async with served.wire() as wire:
        await wire.raw(b"GET /healthz HTTP/1.0\r\n\r\n")
        assert (await wire.answer()).status == 400


async def test_forwarding_fields_of_a_proxy_are_taken(start: Start) -> None:
    """From a configured proxy they are fine."""
    import ipaddress

    served = await start(policy=Policy(trusted_proxies=[ipaddress.ip_network("127.0.0.0/8")]))
    answer = await served.ask("POST /files/ HTTP/1.1", TUS, "Upload-Length: 5", "X-Forwarded-For: 10.0.0.1")
    assert answer.status == 201


async def test_a_web_page_cannot_post_a_form_to_this_machine(served: Served) -> None:
    """Threat 32: the form that a browser sends for a page of another site stores nothing."""
    body = form(*chunk_fields(), ("chunk", MP4))
    answer = await served.ask(
        f"POST {CHUNK} HTTP/1.1",
        "Host: 127.0.0.1:8080",
        EVIL,
        "Sec-Fetch-Site: cross-site",
        "Sec-Fetch-Mode: navigate",
        TYPE,
        f"Content-Length: {len(body)}",
        body=body,
    )
    assert (answer.status, answer.json["code"]) == (403, "forbidden")
    assert not served.store.staged
    assert "Access-Control-Allow-Origin" not in answer.headers


@pytest.mark.parametrize(
    "line",
    ["POST /files/ HTTP/1.1", f"HEAD /files/{'0' * 32} HTTP/1.1", "GET /nowhere HTTP/1.1", "OPTIONS /files/ HTTP/1.1"],
)
async def test_an_allowed_page_can_read_every_answer(start: Start, line: str) -> None:
    """G-11: answers and errors alike carry the CORS fields for an allowed origin."""
    served = await start(policy=Policy(allowed_origins=("https://app.example",)))
    answer = await served.ask(line, TUS, "Origin: https://app.example")
    assert answer.headers["Access-Control-Allow-Origin"] == "https://app.example"
    assert "Origin" in answer.headers["Vary"]
    assert ("Access-Control-Allow-Methods" in answer.headers) == line.startswith("OPTIONS")


async def test_the_request_id_of_a_proxy_is_taken_over(served: Served, lines: Lines) -> None:
    """A good X-Request-ID is echoed and logged; others are replaced."""
    used = []
    for given, kept in (("abc-1", True), ("x" * 64, True), ("x" * 65, False), ("a b", False), ("\xe9", False)):
        answer = await served.ask("GET /healthz HTTP/1.1", f"X-Request-ID: {given}")
        assert (answer.headers["X-Request-ID"] == given) is kept
        used.append(answer.headers["X-Request-ID"])
    await lines.reached(len(used))
    assert [line["request_id"] for line in lines.requests()] == used
