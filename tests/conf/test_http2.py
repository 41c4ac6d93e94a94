"""HTTP/2, which browsers speak to a proxy with a certificate; here without one, because a test has none."""

import asyncio
import hashlib
import shutil
from pathlib import Path

import pytest

from tests.conf.deployments import EACH, NAME, PASSWORD, Proxy, proxying
from tests.conf.uploads import digest_of, made, served
from tests.e2e import tus
from tests.web.wire import until

pytestmark = pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed: apt-get install curl")

MIB = 1024 * 1024
SIZE = 4 * MIB + 17
RATE = 2 * MIB
FIELDS = (f"Host: {NAME}", f"Authorization: {PASSWORD['Authorization']}", tus.TUS)


async def begun(proxy: Proxy, method: str, path: str, *words: str) -> asyncio.subprocess.Process:
    """Start curl over HTTP/2; it writes the answer's head, and then the version that was spoken."""
    fields = [word for each in FIELDS for word in ("-H", each)]
    return await asyncio.create_subprocess_exec(
        *("curl", "-sS", "--http2-prior-knowledge", "-X", method, *fields, *words),
        *("-D", "-", "-o", "/dev/null", "-w", "spoken: %{http_version}", f"http://127.0.0.1:{proxy.port}{path}"),
        stdout=asyncio.subprocess.PIPE,
    )


async def asked(proxy: Proxy, method: str, path: str, *words: str) -> dict[str, str]:
    """Send a request over HTTP/2; gives the fields of the answer, with ``status``."""
    process = await begun(proxy, method, path, *words)
    out, _ = await process.communicate()
    assert process.returncode == 0
    first, *lines = out.decode().splitlines()
    fields = dict(line.split(": ", 1) for line in lines if ": " in line)
    assert fields["spoken"] == "2"
    return {**fields, "status": first.split()[1]}


@pytest.mark.parametrize("name", EACH)
async def test_upload_is_cut_and_resumed(name: str, tmp_path: Path) -> None:
    """A client that dies in the middle of a request over HTTP/2 loses nothing of what had come; another one goes on."""
    source = tmp_path / "source"
    source.write_bytes(made(SIZE))
    with (
        served(tmp_path, trusted='"127.0.0.1"') as upstream,
        proxying(name, tmp_path, upstream=upstream, http2=True) as proxy,
    ):
        created = await asked(
            proxy, "POST", "/files/", "-H", f"Upload-Length: {SIZE}", "-H", tus.metadata(filename="a")
        )
        path = created["location"]

        async def offset() -> int:
            return int((await asked(proxy, "HEAD", path, "--head"))["upload-offset"])

        async def half_is_there() -> bool:
            return await offset() >= SIZE // 2

        sending = ("-T", str(source), "-H", tus.BYTES)
        first = await begun(proxy, "PATCH", path, *sending, "-H", "Upload-Offset: 0", "--limit-rate", str(RATE))
        await until(half_is_there)
        first.kill()
        await first.communicate()
        stored = await offset()
        assert SIZE // 2 <= stored < SIZE
        rest = ("-H", f"Upload-Offset: {stored}", "-C", str(stored), "-H", "Content-Range:")
        answer = await asked(proxy, "PATCH", path, *sending, *rest)
        assert (answer["status"], answer["upload-offset"]) == ("204", str(SIZE))
        assert digest_of(tmp_path, "a") == hashlib.sha256(source.read_bytes()).hexdigest()
