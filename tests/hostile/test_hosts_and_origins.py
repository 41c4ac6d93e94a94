"""Who may ask for what from where: loopback is not a wall (threats 5, 8, 31, 32; group R)."""

import json

import pytest

from tests.faults.wire import request
from tests.hostile.target import BYTES, CHUNK, FINALIZE, JSON, METADATA, TUS, Target
from tests.web import forms

EVIL_HOSTS = (
    "evil.example",
    "localhost.evil.example",
    "localhost@evil.example",
    "127.0.0.1.evil.example",
    "127.0.0.1@evil.example",
    "127.0.0.1:80@evil.example",
    "evil.example:8080",
    "notlocalhost",
    "localhost.localdomain",
    "localhost..",
    "127.1",
    "2130706433",
    "0x7f.0.0.1",
    "[::1",
    "::1",
    "[::1]x",
    "[evil.example]",
    "localhost/",
    "localhost/path",
    "localhost?",
    "localhost#",
    "localhost:",
    "localhost:http",
    "localhost:123456",
    "localhost:-1",
    "localhost, evil.example",
    "localhost evil.example",
    "local\xa0host",
    "\xb9\xb2\xb7.0.0.1",
    "x" * 60_000,
    "*",
    "",
    "%6cocalhost",
    "xn--lcalhost-x",
)
GOOD_HOSTS = (
    "localhost",
    "LOCALHOST",
    "localhost.",
    "localhost:1",
    "127.0.0.1",
    "127.0.0.1:65535",
    "[::1]",
    "[::1]:80",
    "10.0.0.1",
)
EVIL_ORIGINS = (
    "http://evil.example",
    "https://evil.example",
    "null",
    "NULL",
    "",
    "http://localhost.evil.example",
    "http://localhost:8080",
    "http://127.0.0.1",
    "http://localhost@evil.example",
    "http://evil.example/localhost",
    "http://localhost/",
    "http://localhost#",
    "http://localhost http://evil.example",
    "http://localhost, http://evil.example",
    "ftp://localhost",
    "file://",
    "javascript://localhost",
    "localhost",
    "//localhost",
    "https://localhost",
    "HTTP://LOCALHOST",
    "http://local\xe9host",
    "http://" + "x" * 60_000,
    "*",
)
METHODS = pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PATCH", "DELETE", "OPTIONS"])


@METHODS
@pytest.mark.parametrize("host", EVIL_HOSTS, ids=lambda host: ascii(host[:40]))
def test_a_strange_host_is_refused(target: Target, method: str, host: str) -> None:
    """DNS rebinding: a name that is not ours is refused for every method, before anything else counts."""
    data = request(f"{method} /files/ HTTP/1.1", TUS, "Upload-Length: 5", host=host)
    target.refused(data, {400, 403}, says="Host")


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/", "/uploads/posters/local/x", CHUNK, "/nowhere"])
def test_no_path_is_open_to_a_strange_host(target: Target, path: str) -> None:
    """Also the pages that need no name."""
    target.refused(request(f"GET {path} HTTP/1.1", host="evil.example"), 403, says="allowed hosts")


@pytest.mark.parametrize("host", GOOD_HOSTS)
def test_addresses_are_fine(target: Target, host: str) -> None:
    """An address cannot be rebound."""
    target.taken(request("GET /healthz HTTP/1.1", host=host), 200)


def test_a_host_is_needed(target: Target) -> None:
    """No Host: 400, in HTTP/1.0 as well, where nobody could tell whose server this is."""
    target.refused(request("GET / HTTP/1.0", host=None), 400, says="Host is missing")
    target.refused(request("GET / HTTP/1.1", host=None), 400, bare=True)


@pytest.mark.parametrize("second", ["localhost", "evil.example"])
def test_two_hosts_are_none(target: Target, second: str) -> None:
    """Threat 49: two Host lines are refused."""
    target.refused(request("GET /healthz HTTP/1.1", f"Host: {second}"), 400, bare=True)


@pytest.mark.parametrize(
    ("target_uri", "host", "status"),
    [
        ("http://evil.example/healthz", "evil.example", 403),
        ("http://evil.example/healthz", "localhost", 400),
        ("http://localhost/healthz", "evil.example", 400),
        ("http://localhost:1/healthz", "localhost", 400),
        ("HTTP://LOCALHOST/healthz", "localhost", 200),
        ("http://localhost/healthz", "localhost", 200),
        ("http://user:secret@localhost/healthz", "localhost", 400),
        ("http://localhost", "localhost", 200),
        ("http://localhost/../etc/passwd", "localhost", 404),
        ("https://localhost/files/%2e%2e", "localhost", 404),
        ("ftp://localhost/healthz", "localhost", 404),
        ("http:///healthz", "localhost", 400),
        ("file:///etc/passwd", "localhost", 400),
    ],
)
def test_an_absolute_target_names_the_same_host(target: Target, target_uri: str, host: str, status: int) -> None:
    """Threat 9: the host in the request line counts as well; a target that is no address of ours is nowhere."""
    data = request(f"GET {target_uri} HTTP/1.1", host=host)
    answer = target.ask(data)
    assert answer.status == status, answer.body
    if status == 200:
        return
    if "X-Request-ID" in answer.headers:
        target.sent -= 1
        target.judge(answer, method="GET")


def unsafe(target: Target, *fields: str) -> list[bytes]:
    """Write one request of each kind that changes something."""
    form = forms.form(*forms.chunk_fields(0, 2, key=target.key()), ("chunk", b"x"))
    done = b'{"uploadId":"kept-partial","totalChunks":2,"filename":"a.mp4"}'
    record = json.dumps({"filename": target.kept.filename, "title": "evil"}).encode()
    return [
        request("POST /files/ HTTP/1.1", TUS, "Upload-Length: 5", *fields),
        request(f"PATCH {target.kept.partial} HTTP/1.1", TUS, BYTES, "Upload-Offset: 2048", *fields, body=b"evil"),
        request(f"DELETE {target.kept.partial} HTTP/1.1", TUS, *fields),
        request(f"POST {target.kept.partial} HTTP/1.1", "X-HTTP-Method-Override: DELETE", TUS, *fields),
        request(f"GET {target.kept.partial} HTTP/1.1", "X-HTTP-Method-Override: DELETE", TUS, *fields),
        request(f"POST {CHUNK} HTTP/1.1", forms.TYPE, *fields, body=form),
        request(f"DELETE {CHUNK}?uploadId=kept-done HTTP/1.1", *fields),
        request(f"POST {FINALIZE} HTTP/1.1", JSON, *fields, body=done),
        request(f"POST {METADATA} HTTP/1.1", JSON, *fields, body=record),
        request(f"POST {METADATA} HTTP/1.1", "X-HTTP-Method-Override: GET", JSON, *fields, body=record),
    ]


@pytest.mark.parametrize("kind", range(10))
@pytest.mark.parametrize("origin", EVIL_ORIGINS, ids=lambda origin: ascii(origin[:40]))
def test_a_page_of_a_stranger_changes_nothing(target: Target, origin: str, kind: int) -> None:
    """Threats 31, 32: neither a form nor a fetch of another page gets through, and it may not read the answer."""
    data = unsafe(target, f"Origin: {origin}")[kind]
    if origin in {"https://localhost", "http://localhost"}:
        # To a server on port 80 or 443 this would be its own page.
        data = data.replace(b"Host: localhost\r\n", b"Host: localhost:8080\r\n")
    if origin == "http://localhost:8080":
        data = data.replace(b"Host: localhost\r\n", b"Host: localhost:8081\r\n")
    answer = target.refused(data, 403, says="may not change anything here")
    assert not any(name.lower().startswith("access-control") for name in answer.headers)
    assert answer.headers["Vary"] == "Origin"


@pytest.mark.parametrize("kind", range(10))
@pytest.mark.parametrize("site", ["cross-site", "same-site", "evil", "", "CROSS-SITE", "none, cross-site"])
def test_a_browser_that_tells_the_site_is_believed(target: Target, site: str, kind: int) -> None:
    """Fetch metadata: without an Origin, only same-origin and none may change something."""
    target.refused(unsafe(target, f"Sec-Fetch-Site: {site}")[kind], 403, says="another site")


@pytest.mark.parametrize("site", ["cross-site", "same-origin"])
def test_an_evil_origin_counts_whatever_the_site_is_said_to_be(target: Target, site: str) -> None:
    """Both fields have to be fine."""
    for data in unsafe(target, "Origin: http://evil.example", f"Sec-Fetch-Site: {site}"):
        target.refused(data, 403, says="may not change anything here")


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("application/x-www-form-urlencoded", b"uploadId=kept-partial&totalChunks=2&filename=a.mp4"),
        ("text/plain", b'{"uploadId":"kept-partial","totalChunks":2,"filename":"a.mp4","x":"="}'),
        (f"multipart/form-data; boundary={forms.BOUNDARY}", forms.form(*forms.chunk_fields(0, 1), ("chunk", b"x"))),
    ],
)
@pytest.mark.parametrize("path", [CHUNK, FINALIZE, METADATA, "/files/"])
def test_a_form_on_another_page_is_refused(target: Target, path: str, kind: str, body: bytes) -> None:
    """Threat 32: what a browser sends for a form that a stranger's page submits."""
    fields = (
        "User-Agent: Mozilla/5.0",
        "Accept: text/html,application/xhtml+xml",
        "Origin: http://evil.example",
        "Referer: http://evil.example/",
        "Sec-Fetch-Dest: document",
        "Sec-Fetch-Mode: navigate",
        "Sec-Fetch-Site: cross-site",
        f"Content-Type: {kind}",
    )
    target.refused(request(f"POST {path} HTTP/1.1", *fields, body=body), 403)
    # An old browser names no site and, for a form, no origin but null.
    target.refused(request(f"POST {path} HTTP/1.1", "Origin: null", f"Content-Type: {kind}", body=body), 403)


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "http://localhost.evil.example"])
@pytest.mark.parametrize("path", ["/files/", f"/files/{'0' * 32}", CHUNK, METADATA, "/uploads/a/b/c"])
def test_a_preflight_of_a_stranger_grants_nothing(target: Target, origin: str, path: str) -> None:
    """R-06, R-09: the browser is told nothing that would let the request pass."""
    fields = (
        f"Origin: {origin}",
        "Access-Control-Request-Method: PATCH",
        "Access-Control-Request-Headers: tus-resumable",
    )
    answer = target.taken(request(f"OPTIONS {path} HTTP/1.1", *fields), 204)
    assert not any(name.lower().startswith("access-control") for name in answer.headers)


def test_the_same_origin_may(target: Target) -> None:
    """A page that this server served itself would be let in."""
    host = f"127.0.0.1:{target.port}"
    fields = (TUS, "Upload-Length: 5", f"Origin: http://{host}", "Sec-Fetch-Site: same-origin")
    target.taken(request("POST /files/ HTTP/1.1", *fields, host=host), 201)


@pytest.mark.parametrize("value", ["1.2.3.4", "evil.example", "", "https", "x" * 60_000, "\xff"], ids=ascii)
@pytest.mark.parametrize(
    "name",
    [
        "Forwarded",
        "X-Forwarded-For",
        "X-Forwarded-Host",
        "X-Forwarded-Proto",
        "x-forwarded-PREFIX",
        "X-Forwarded",
        "X-Real-IP",
    ],
)
def test_forwarded_fields_come_from_proxies_only(target: Target, name: str, value: str) -> None:
    """Threat 5: no proxy is configured, so nobody is believed."""
    for line in ("POST /files/ HTTP/1.1", "GET /healthz HTTP/1.1"):
        target.refused(request(line, TUS, "Upload-Length: 5", f"{name}: {value}"), 403, says="configured proxies")


@pytest.mark.parametrize("name", ["X_Forwarded_Host", "X-Forwardedhost", "X-Original-URL", "X-Rewrite-URL", "Via"])
def test_fields_that_others_believe_do_not_matter(target: Target, name: str) -> None:
    """What is not read cannot lead anywhere."""
    data = request("POST /files/ HTTP/1.1", TUS, "Upload-Length: 5", f"{name}: /etc/passwd")
    assert target.taken(data, 201).headers["Location"].startswith("/files/")
