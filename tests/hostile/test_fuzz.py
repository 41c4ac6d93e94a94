"""Seeded mutations of requests that work: whatever is left of them, no 5xx, no hang, no growth, nothing lost.

``TUSVIDEO_FUZZ_REQUESTS`` sets how many, ``TUSVIDEO_FUZZ_SEED`` where they begin; a failure names the one that did it.
"""

import base64
import hashlib
import os
import random
import re
import select
import socket
import time
from collections.abc import Callable, Sequence

import pytest

from tests.faults.wire import ANSWER_SECONDS, request
from tests.hostile.target import BYTES, CHUNK, FINALIZE, JSON, METADATA, TUS, VIDEO, Target
from tests.web import forms

REQUESTS = int(os.environ.get("TUSVIDEO_FUZZ_REQUESTS", "2000"))
SEED = int(os.environ.get("TUSVIDEO_FUZZ_SEED", "1"))
CHECKED_EVERY = max(100, REQUESTS // 50)
MEMORY_KIB = 48 * 1024
"""Growth that buffers, caches and the pages of SQLite explain; what leaks with every request is more."""
SOON = 0.05
"""Seconds after which a request without an answer counts as unfinished; its end is then sent."""

SHA1_OF_50 = base64.b64encode(hashlib.sha1(b"x" * 50, usedforsecurity=False).digest()).decode()
SHA256_OF_HELLO = f"sha-256=:{base64.b64encode(hashlib.sha256(b'hello').digest()).decode()}:"

_STATUS = re.compile(rb"HTTP/1\.[01] ([0-9]{3}) ")
TOKENS: Sequence[bytes] = (
    b"",
    b"\r\n",
    b"\r\n\r\n",
    b"\n",
    b"\r",
    b"\x00",
    b"\xff",
    b"\xe2\x80\xae",
    b"-1",
    b"+0",
    b"0",
    b"9" * 20,
    b"9" * 5000,
    b"1e9",
    b"0x10",
    b"\xd9\xa1",
    b"../",
    b"..%2f",
    b"%00",
    b"%",
    b"?",
    b"#",
    b"&",
    b";",
    b"=",
    b",",
    b":",
    b" ",
    b"\t",
    b'"',
    b"\\",
    b"{",
    b"[" * 40,
    b"null",
    b"NaN",
    b"--b0undary",
    b"--b0undary--",
    b"Content-Length: 5\r\n",
    b"Transfer-Encoding: chunked\r\n",
    b"Expect: 100-continue\r\n",
    b"Upgrade: websocket\r\nConnection: Upgrade\r\n",
    b"Content-Encoding: gzip\r\n",
    b"X-HTTP-Method-Override: DELETE\r\n",
    b"X-HTTP-Method-Override: HEAD\r\n",
    b"Range: bytes=0-\r\n",
    b"A" * 70_000,
)


def samples(target: Target, number: int) -> list[Callable[[], bytes]]:
    """Make requests that work, on uploads that may be lost."""
    key = f"fuzz-{number}"
    checksum = ("checksum", b"0" * 64)
    path = target.create(100, "Upload-Metadata: filename ZnV6eg==,profile ZmlsZXM=") if number % 4 == 0 else "/files/x"
    fields = [*forms.chunk_fields(0, 2, key=key), ("chunkSize", b"500"), ("fileSize", b"900")]
    chunk = forms.form(*fields, ("chunk", VIDEO[:500]))
    last = forms.form(("chunk", VIDEO[:400]), *forms.chunk_fields(1, 2, key=key), checksum)
    done = f'{{"uploadId":"{key}","filename":"a b.mp4","totalChunks":2,"checksum":null}}'.encode()
    record = f'{{"filename":"{target.kept.filename}","title":"t \\u00e9","description":"d"}}'.encode()
    encoded = b"uploadId=" + key.encode() + b"&totalChunks=2&filename=a%20b.mp4"
    chunked = b"32\r\n" + b"x" * 50 + b"\r\n0\r\n\r\n"
    stored = (TUS, BYTES, "Upload-Offset: 0")
    draft = "Upload-Draft-Interop-Version: 9"
    partial = ("Content-Type: application/partial-upload", "Upload-Offset: 0")
    return [
        lambda: request("POST /files/ HTTP/1.1", TUS, "Upload-Length: 10", "Upload-Metadata: filename YQ==,b Yg=="),
        lambda: request("POST /files/ HTTP/1.1", TUS, BYTES, "Upload-Length: 10", body=b"hello"),
        lambda: request("POST /files/ HTTP/1.1", TUS, "Upload-Defer-Length: 1", f"Idempotency-Key: {key}"),
        lambda: request(f"PATCH {path} HTTP/1.1", *stored, body=b"x" * 50),
        lambda: request(f"PATCH {path} HTTP/1.1", *stored, "Transfer-Encoding: chunked", body=chunked),
        lambda: request(f"HEAD {path} HTTP/1.1", TUS),
        lambda: request(f"DELETE {path} HTTP/1.1", TUS),
        lambda: request(f"PATCH {path} HTTP/1.1", *stored, f"Upload-Checksum: sha1 {SHA1_OF_50}", body=b"x" * 50),
        lambda: request("POST /files/ HTTP/1.1", TUS, f"Upload-Concat: final;{path} {path}"),
        lambda: request("OPTIONS /files/ HTTP/1.1", "Origin: http://localhost"),
        lambda: request("OPTIONS * HTTP/1.1"),
        lambda: request("POST /files/ HTTP/1.1", draft, "Upload-Complete: ?0", "Upload-Length: 10", body=b"hello"),
        lambda: request(
            "POST /files/ HTTP/1.1", draft, "Upload-Complete: ?1", f"Repr-Digest: {SHA256_OF_HELLO}", body=b"hello"
        ),
        lambda: request("POST /files/ HTTP/1.1", "Upload-Draft-Interop-Version: 3", "Upload-Incomplete: ?1", body=b"a"),
        lambda: request(f"PATCH {path} HTTP/1.1", draft, *partial, "Upload-Complete: ?0", body=b"x" * 50),
        lambda: request(
            f"PATCH {path} HTTP/1.1", draft, *partial, "Upload-Complete: ?1", "Transfer-Encoding: chunked", body=chunked
        ),
        lambda: request(f"HEAD {path} HTTP/1.1", draft),
        lambda: request(f"DELETE {path} HTTP/1.1", draft),
        lambda: request("PUT /files/a%20b.txt HTTP/1.1", "Content-Type: text/plain", body=b"hello"),
        lambda: request("POST /files/ HTTP/1.1", 'Content-Disposition: attachment; filename="a.txt"', body=b"hello"),
        lambda: request(f"GET {path}/digest?from=0&to=9 HTTP/1.1"),
        lambda: request(f"POST {CHUNK} HTTP/1.1", forms.TYPE, body=chunk),
        lambda: request(f"POST {CHUNK} HTTP/1.1", forms.TYPE, body=last),
        lambda: request(f"GET {CHUNK}?uploadId={key} HTTP/1.1"),
        lambda: request(f"DELETE {CHUNK}?uploadId={key} HTTP/1.1"),
        lambda: request(f"POST {FINALIZE} HTTP/1.1", JSON, body=done),
        lambda: request(f"POST {FINALIZE} HTTP/1.1", "Content-Type: application/x-www-form-urlencoded", body=encoded),
        lambda: request(f"POST {METADATA} HTTP/1.1", JSON, body=record),
        lambda: request("GET /api/videos?limit=5 HTTP/1.1"),
        lambda: request(f"GET {target.kept.published} HTTP/1.1", "Range: bytes=0-9", 'If-Range: "a"'),
        lambda: request("GET /readyz HTTP/1.1", "X-Request-ID: fuzz"),
    ]


def mutated(data: bytes, chance: random.Random) -> bytes:
    """Damage a request in one to four places."""
    for _ in range(chance.choice((1, 1, 1, 2, 4))):
        at = chance.randrange(len(data) + 1)
        end = min(len(data), at + chance.choice((0, 1, 2, 8, 40)))
        lines = data.split(b"\r\n")
        line = chance.randrange(len(lines))
        match chance.randrange(7):
            case 0:
                data = data[:at] + bytes([chance.randrange(256)]) + data[at + 1 :]
            case 1:
                data = data[:at] + chance.choice(TOKENS) + data[end:]
            case 2:
                data = data[:at] + data[end:]
            case 3:
                data = data[:end] + data[at:]
            case 4:
                data = b"\r\n".join([*lines[:line], lines[line], *lines[line:]])
            case 5:
                name = lines[line].partition(b":")[0]
                data = b"\r\n".join([*lines[:line], name + b": " + chance.choice(TOKENS), *lines[line + 1 :]])
            case _:
                other = chance.randrange(len(lines))
                lines[line], lines[other] = lines[other], lines[line]
                data = b"\r\n".join(lines)
    return data


def converse(port: int, data: bytes) -> bytes:
    """Send bytes, then the end; give everything that came until the server closed. Raises TimeoutError if it hangs."""
    came = b""
    deadline = time.monotonic() + ANSWER_SECONDS
    with socket.create_connection(("127.0.0.1", port), timeout=ANSWER_SECONDS) as plug:
        try:
            plug.sendall(data)
            select.select([plug], [], [], SOON)
            plug.shutdown(socket.SHUT_WR)
            while time.monotonic() < deadline:
                block = plug.recv(65_536)
                if not block:
                    return came
                came += block
        except ConnectionError:
            return came
    raise TimeoutError


@pytest.mark.timeout(60 + REQUESTS // 20)
def test_mutations_of_good_requests(target: Target) -> None:
    """0 answers 5xx, 0 hangs, bounded memory, and what was stored before is whole."""
    secrets = (str(target.root).encode(), b"Traceback", b"site-packages", b'File "')
    statuses: dict[int, int] = {}
    warm = 0
    for number in range(REQUESTS):
        chance = random.Random(SEED * 1_000_003 + number)
        data = mutated(chance.choice(samples(target, number))(), chance)
        try:
            came = converse(target.port, data)
        except TimeoutError:
            pytest.fail(f"request {number} of seed {SEED} hangs: {data[:2000]!r}")
        for found in _STATUS.findall(came):
            status = int(found)
            statuses[status] = statuses.get(status, 0) + 1
            assert status < 500, f"request {number} of seed {SEED}: {data[:2000]!r} got {came[:500]!r}"
        assert not any(secret in came for secret in secrets), f"request {number} of seed {SEED}: {came[:500]!r}"
        if number % CHECKED_EVERY == 0:
            target.stands(nothing_new=False)
        if number == REQUESTS // 4:
            warm = target.resident_kib()
    grown = target.resident_kib() - warm
    deadline = time.monotonic() + ANSWER_SECONDS
    while target.spares() and time.monotonic() < deadline:
        target.healthy()
    assert not target.spares(), "a temporary name was left behind"
    print(f"{REQUESTS} requests, seed {SEED}: {dict(sorted(statuses.items()))}, {grown} KiB more memory")  # noqa: T201  # seen with -s
    assert grown < MEMORY_KIB, f"{grown} KiB more after the first quarter"
    assert sum(count for status, count in statuses.items() if status < 300) > REQUESTS // 20, "hardly one came through"
    assert sum(count for status, count in statuses.items() if status >= 400) > REQUESTS // 4, "hardly one was refused"
