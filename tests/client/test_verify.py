"""`verify`: what the server has against the file here, byte by byte in effect, digest by digest on the link."""

from pathlib import Path
from typing import Any

import pytest

from tests.client.cancellation import leave
from tests.client.conftest import CLIP_BYTES, Command
from tests.client.peer import Peer, as_json
from tests.faults.processes import ServerProcess
from tusvideo_client import AsyncChunkedVideoUploader, AsyncUploader, UploadResult
from tusvideo_client.commands.far import Published
from tusvideo_client.source import Source
from tusvideo_client.state import MIB
from tusvideo_client.transport import Reply, Transport


def spoil(path: Path, *places: int) -> None:
    """Make bytes of a file others than they were."""
    data = bytearray(path.read_bytes())
    for place in places:
        data[place] ^= 255
    path.write_bytes(data)


async def sent(server: ServerProcess, path: Path) -> UploadResult:
    """Upload a file over tus."""
    async with AsyncUploader(server.url) as uploader:
        return await uploader.upload(path)


async def test_against_our_server(server: ServerProcess, clip: Path, command: Command) -> None:
    """By the address of the upload (digests) or the file (bytes): equal, then exactly what was spoiled, and longer."""
    result = await sent(server, clip)
    for url in (result.upload_url, result.url):
        code, out, _ = await command("verify", str(clip), url)
        assert (code, out) == (0, f"{clip}: equal, all {CLIP_BYTES} bytes\n"), url
    spoil(clip, 0, MIB, MIB + 5, CLIP_BYTES - 1)
    for url in (result.upload_url, result.url):
        code, out, _ = await command("verify", str(clip), url)
        assert code == 7
        assert out.splitlines() == [
            "byte 0 differs",
            f"bytes {MIB} to {MIB + 5} differ",
            f"byte {CLIP_BYTES - 1} differs",
            f"{clip}: not what the server has",
        ]
    spoil(clip, 0, MIB, MIB + 5, CLIP_BYTES - 1)
    clip.write_bytes(clip.read_bytes() + b"more")
    for url in (result.upload_url, result.url):
        code, out, _ = await command("verify", str(clip), url, "--json")
        (verdict, last) = as_json(out)
        assert (code, verdict["verdict"], verdict["size"], verdict["total"]) == (
            7,
            "different",
            CLIP_BYTES + 4,
            CLIP_BYTES,
        )
        assert last["exit_code"] == 7


async def test_what_the_chunk_api_published(server: ServerProcess, clip: Path, command: Command) -> None:
    """An upload over chunks is compared by its file, whichever of its two addresses is given."""
    result = await AsyncChunkedVideoUploader(server.url).upload(clip)
    for url in (result.upload_url, result.url):
        assert (await command("verify", str(clip), url))[0] == 0
    spoil(clip, 2 * MIB)
    code, out, _ = await command("verify", str(clip), result.upload_url)
    assert (code, out.splitlines()[0]) == (7, f"byte {2 * MIB} differs")


@pytest.mark.parametrize("protocol", ["tus", "chunks"])
async def test_a_published_file_is_complete(protocol: str, server: ServerProcess, clip: Path, command: Command) -> None:
    """`status` of the URL that `upload` printed tells its length; `rm` leaves it where it is; a page is told apart."""
    code, out, _ = await command("upload", str(clip), "--to", server.url, "--protocol", protocol)
    url = out.strip()
    code, out, err = await command("status", url)
    rows = [line.split(maxsplit=1) for line in out.splitlines()]
    assert (code, err) == (0, "")
    assert rows == [["state", "complete"], ["stored", f"{CLIP_BYTES} of {CLIP_BYTES} bytes (100 %)"], ["file", url]]
    code, out, _ = await command("status", url, "--json")
    told = as_json(out)[0]
    assert (told["state"], told["stored"], told["total"], told["url"]) == ("complete", CLIP_BYTES, CLIP_BYTES, url)
    code, out, _ = await command("rm", url)
    assert (code, out) == (0, f"{url}: complete, and left at {url}\n")
    assert (await command("verify", str(clip), url))[0] == 0
    code, out, err = await command("status", f"{server.url}/")
    assert (code, out, "no address of an upload, nor of a file" in err) == (1, "", True)


async def test_an_unfinished_upload(peer: Peer, video: Path, command: Command) -> None:
    """It is compared as far as it is stored, and is never said to be the file: 75, or 7 if it differs already."""
    peer.tells_digests = True
    name = await leave(peer, video)
    stored = len(peer.only().data)
    for words in ([str(video)], [str(video), name[:8]]):
        code, out, _ = await command("verify", *words)
        assert (code, f"equal as far as it is stored, {stored} of {video.stat().st_size} bytes" in out) == (75, True)
    peer.only().data[10] ^= 1
    code, out, _ = await command("verify", str(video))
    assert (code, out.splitlines()[0]) == (7, "byte 10 differs")


async def test_a_server_without_digests(peer: Peer, video: Path, command: Command) -> None:
    """Of unfinished uploads nothing can be said then, and that is said."""
    await leave(peer, video)
    code, out, err = await command("verify", str(video))
    assert (code, out, "tells no digests" in err) == (5, "", True)


class PatientTransport(Transport):
    """Answers ranges of one byte string, and writes down how patient the questions were."""

    def __init__(self, data: bytes) -> None:
        super().__init__("http://h")
        self.data = data
        self.patience: list[float] = []

    async def send(self, method: str, url: str, **options: Any) -> Reply:
        """The range that is asked for."""
        self.patience.append(options["patience"].answer)
        first, last = map(int, options["headers"]["Range"].removeprefix("bytes=").split("-"))
        headers = {"Content-Range": f"bytes {first}-{last}/{len(self.data)}"}
        return Reply(status=206, url=url, headers=headers, body=self.data[first : last + 1])


async def test_a_slow_link_has_the_time_that_a_block_takes(video: Path) -> None:
    """1 MiB at 64 kbit/s takes two minutes: an answer that carries so much is waited for accordingly."""
    transport = PatientTransport(video.read_bytes())
    source = await Source.open(video)
    try:
        assert await Published(transport, "http://h/talk.mp4", source=source).is_equal(0, MIB)
    finally:
        await source.close()
    assert [seconds >= MIB / 8000 for seconds in transport.patience] == [True]


async def test_mistakes(peer: Peer, video: Path, command: Command, tmp_path: Path) -> None:
    """No such file, no such upload, no server: each with its exit code."""
    code, _, err = await command("verify", str(tmp_path / "none"), f"{peer.url}/files/x")
    assert (code, "cannot be read" in err) == (4, True)
    code, _, err = await command("verify", str(video))
    assert (code, "no unfinished upload" in err) == (2, True)
    code, _, err = await command("verify", str(video), f"{peer.url}/files/x")
    assert (code, "404" in err) == (5, True)
    await leave(peer, video)
    await leave(peer, video, protocol="chunks", after=1000)
    code, _, err = await command("verify", str(video))
    assert (code, "has 2 unfinished uploads" in err) == (2, True)
    await peer.stop()
    code, _, err = await command("verify", str(video), f"{peer.url}/files/x")
    assert (code, "cannot be reached" in err) == (75, True)
