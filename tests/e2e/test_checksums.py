"""Checksums over real sockets and a real disk: what was not verified is never visible, whatever happens meanwhile."""

import base64
import hashlib
from pathlib import Path

import pytest

from tests.e2e import tus
from tests.e2e.disk import MIB, published, staged, video
from tests.faults.processes import ServerProcess, resident
from tests.web.wire import Answer, connect

LARGE = 96 * MIB
HELLO = b"hello world"


def field(data: bytes, *, algorithm: str = "sha1") -> str:
    """Write Upload-Checksum."""
    digest = hashlib.new(algorithm, data).digest()
    return f"Upload-Checksum: {algorithm} {base64.b64encode(digest).decode()}"


async def patch(port: int, path: str, data: bytes, *, at: int, of: bytes) -> Answer:
    """Append bytes with the checksum of some."""
    return await tus.ask(port, *tus.patch_lines(path, at=at, length=len(data)), field(of), body=data)


async def test_options_tell(server: ServerProcess) -> None:
    """The extension and its algorithms are announced (O-07)."""
    answer = await tus.ask(server.port, "OPTIONS /files/ HTTP/1.1")
    assert "checksum" in answer.headers["Tus-Extension"].split(",")
    assert "sha1" in answer.headers["Tus-Checksum-Algorithm"].split(",")
    assert "checksum-trailer" not in answer.headers["Tus-Extension"]


async def test_right_and_wrong(server: ServerProcess) -> None:
    """460 leaves no trace, tells when the upload expires, and the connection goes on (K-01 to K-03, X-03)."""
    path = await tus.create(server.port, 20)
    assert (await patch(server.port, path, b"first", at=0, of=b"first")).status == 204
    refused = await patch(server.port, path, b"x" * 15, at=5, of=b"y" * 15)
    assert (refused.status, refused.json["code"]) == (460, "checksum_mismatch")
    assert "Upload-Expires" in refused.headers
    assert not refused.closes
    assert await tus.offset(server.port, path) == 5
    done = await patch(server.port, path, b"second and last", at=5, of=b"second and last")
    assert (done.status, done.headers["Upload-Offset"]) == (204, "20")
    [file] = published(server.data_dir, "files")
    assert file.read_bytes() == b"firstsecond and last"


@pytest.mark.parametrize(("of", "status", "offset"), [(HELLO, 204, 11), (b"other", 460, 0)])
async def test_a_chunked_body(of: bytes, status: int, offset: int, server: ServerProcess) -> None:
    """A body need not tell its length to be checked (K-11)."""
    path = await tus.create(server.port, 11)
    lines = (f"PATCH {path} HTTP/1.1", tus.TUS, tus.BYTES, "Upload-Offset: 0", "Transfer-Encoding: chunked")
    answer = await tus.ask(server.port, *lines, field(of), body=b"5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n")
    assert answer.status == status
    assert await tus.offset(server.port, path) == offset


@pytest.mark.parametrize("value", ["foo Kq5sNclPz7QV2+lfQIuc6R7oRu0=", "sha1", "sha1  x y", "sha1 AAAA", ""])
async def test_what_cannot_be_checked_is_not_read(value: str, server: ServerProcess) -> None:
    """400 before 100 Continue, nothing changed (K-04, K-06)."""
    path = await tus.create(server.port, 11)
    wire = await connect(server.port)
    lines = tus.patch_lines(path, at=0, length=11)
    answer = await wire.ask(*lines, "Expect: 100-continue", f"Upload-Checksum: {value}")
    assert (answer.status, answer.interim, answer.closes) == (400, (), True)
    assert "Upload-Expires" in answer.headers
    await wire.close()
    assert await tus.offset(server.port, path) == 0


async def test_creation_with_upload(server: ServerProcess) -> None:
    """201 with the bytes stored; 460 and no upload (W-12)."""
    lines = ("POST /files/ HTTP/1.1", tus.TUS, tus.BYTES, "Upload-Length: 11", "Content-Length: 11")
    stored = await tus.ask(server.port, *lines, field(HELLO), body=HELLO)
    assert (stored.status, stored.headers["Upload-Offset"]) == (201, "11")
    refused = await tus.ask(server.port, *lines, field(b"other"), body=HELLO)
    assert refused.status == 460
    assert "Location" not in refused.headers
    assert staged(server.data_dir) == []


async def test_cut_and_killed_in_the_middle(server: ServerProcess) -> None:
    """Half of a long body is on the disk, past many a checkpoint: a question, a cut and a kill -9 all find the old
    offset, and the whole can be sent again (K-08 to K-10, K-13)."""
    data = video(5, LARGE)
    path = await tus.create(server.port, LARGE + 5)
    assert (await patch(server.port, path, b"\x00\x00\x00\x20f", at=0, of=b"\x00\x00\x00\x20f")).status == 204
    [file] = staged(server.data_dir)
    for end in ("cut", "kill"):
        wire = await connect(server.port)
        await wire.send(*tus.patch_lines(path, at=5, length=LARGE), field(data))
        await wire.raw(data[: LARGE // 2])
        while file.stat().st_size < LARGE // 4:
            assert await tus.offset(server.port, path) == 5
        if end == "cut":
            wire.reset()
        else:
            await server.kill()
            await wire.ended()
            await wire.close()
            await server.start()
        assert await tus.offset(server.port, path) == 5
    assert (await patch(server.port, path, data, at=5, of=data)).status == 204
    [file] = published(server.data_dir, "files")
    assert file.read_bytes() == b"\x00\x00\x00\x20f" + data


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="memory is read from /proc, which is not here")
async def test_memory_stays_flat(server: ServerProcess) -> None:
    """A body of 512 MiB is verified as it passes (K-15)."""
    block = video(6, MIB)
    size, digest = 512 * MIB, hashlib.sha256()
    path = await tus.create(server.port, size)
    for _ in range(512):
        digest.update(block)
    checksum = f"Upload-Checksum: sha256 {base64.b64encode(digest.digest()).decode()}"
    before = resident(server.pid, "VmRSS")
    wire = await connect(server.port)
    await wire.send(*tus.patch_lines(path, at=0, length=size), checksum)
    assert await wire.push(block, most=size) == size
    answer = await wire.answer()
    await wire.close()
    assert (answer.status, answer.headers["Upload-Offset"]) == (204, str(size))
    assert resident(server.pid, "VmHWM") - before < 32 * MIB
