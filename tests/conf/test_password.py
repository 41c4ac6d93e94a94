"""Our client goes through the proxies of conf/, which want a name and a password (Basic)."""

import asyncio
import random
import socket
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from tests.conf.deployments import EACH, NAME, proxying
from tests.e2e.disk import MIB, published
from tests.faults.processes import ServerProcess
from tusvideo_client import AsyncChunkedVideoUploader, AsyncUploader, AuthError

DATA = b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom" + random.Random(5).randbytes(3 * MIB + 5)
ALICE = ("alice", "correct horse")


@pytest_asyncio.fixture
async def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[ServerProcess]:
    """A server as the comments in conf/ say; the name of the proxy leads to this machine."""

    async def look_up(_: str, port: int, **__: Any) -> list[Any]:
        return [(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", ("127.0.0.1", port))]

    environment = {"TUSVIDEO_SERVER_ALLOWED_HOSTS": NAME, "TUSVIDEO_SERVER_TRUSTED_PROXIES": "127.0.0.1"}
    async with ServerProcess(tmp_path / "data", environment=environment) as running:
        monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", look_up)
        yield running


@pytest.mark.parametrize("name", EACH)
async def test_the_client_gives_the_password(name: str, server: ServerProcess, tmp_path: Path) -> None:
    """With it a file arrives whole over tus and over chunks; without it, or with another, the error says what to give.

    Spec: RFC 7617 § 2
    """
    video = tmp_path / "talk.mp4"
    video.write_bytes(DATA)
    state = tmp_path / "state"
    with proxying(name, tmp_path, upstream=server.port) as proxy:
        url = f"http://{NAME}:{proxy.port}"
        async with AsyncUploader(url, auth=ALICE, state_dir=state) as uploader:
            assert (await uploader.upload(video, title="Talk")).size == len(DATA)
        chunked = AsyncChunkedVideoUploader(url, auth=ALICE, state_dir=state)
        assert (await chunked.upload(video, title="Talk")).size == len(DATA)
        for auth in (("alice", "guess"), None):
            async with AsyncUploader(url, auth=auth, state_dir=state) as uploader:
                with pytest.raises(AuthError, match="401") as caught:
                    await uploader.upload(video)
            assert str(caught.value.hint).startswith("give a name and its password")
    assert [file.read_bytes() for file in published(server.data_dir, ".")] == [DATA, DATA]
