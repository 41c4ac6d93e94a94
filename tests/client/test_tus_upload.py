"""Uploads over tus against a server on a real socket that fails on demand."""

import asyncio
import os
import threading
from pathlib import Path

import pytest

from tests.client.conftest import Waits
from tests.client.loop import IMPATIENT, records, upload
from tests.client.peer import Fault, Peer
from tusvideo_client import (
    AsyncUploader,
    GaveUpError,
    LocalFileError,
    Phase,
    Progress,
    ProtocolError,
    RejectedError,
    RetryPolicy,
    UploadError,
)
from tusvideo_client.fingerprint import Place
from tusvideo_client.journal import Claim, Journal
from tusvideo_client.state import MIB


async def test_a_file_arrives_whole_with_one_create_and_one_patch(peer: Peer, video: Path, state_dir: Path) -> None:
    """On a clean link an upload costs two requests and no byte twice, and leaves no record behind."""
    result = await upload(peer, video, title="Talk", description="", profile="video", metadata={"lang": "de"})
    assert bytes(peer.only().data) == video.read_bytes()
    assert [seen.method for seen in peer.seen] == ["POST", "PATCH"]
    expected = {"filename": "talk.mp4", "lang": "de", "title": "Talk", "description": "", "profile": "video"}
    assert peer.only().metadata == {**expected, "filetype": "video/mp4"}
    assert (result.url, result.filename) == (f"{peer.url}/uploads/files/local/talk.mp4", "talk.mp4")
    assert (result.stats.wire_bytes, result.stats.resent_bytes, result.stats.retries) == (video.stat().st_size, 0, 0)
    assert (result.resumed_from, result.restarted, result.protocol) == (0, False, "tus")
    assert records(state_dir) == []


async def test_a_file_may_take_several_requests(peer: Peer, video: Path) -> None:
    """No request is longer than request_bytes."""
    result = await upload(peer, video, request_bytes=MIB)
    assert bytes(peer.only().data) == video.read_bytes()
    assert [seen.received for seen in peer.seen if seen.method == "PATCH"] == [MIB, MIB, MIB // 2 + 7]
    assert result.stats.requests == 4


async def test_an_empty_file_is_created_and_asked_for(peer: Peer, tmp_path: Path) -> None:
    """Spec: an Upload-Length of 0 needs no PATCH; HEAD tells where the file is published."""
    (tmp_path / "empty.txt").touch()
    result = await upload(peer, tmp_path / "empty.txt")
    assert [seen.method for seen in peer.seen] == ["POST", "HEAD"]
    assert (result.size, result.filename) == (0, "empty.txt")


async def test_a_server_that_publishes_nothing_still_gets_the_file(peer: Peer, video: Path) -> None:
    """A foreign tus server names no published file; the result then names the upload."""
    peer.says_content_location = False
    result = await upload(peer, video)
    assert (result.url, result.filename) == (result.upload_url, "talk.mp4")


async def test_a_refusal_carries_the_servers_words(peer: Peer, video: Path, state_dir: Path) -> None:
    """A 413 ends the upload with the server's sentence, the status and the request's id."""
    body = '{"detail": "The file is larger than 1 MiB.", "code": "too_large"}'
    peer.faults = [Fault("POST", status=413, headers={"X-Request-ID": "abc"}, body=body)]
    with pytest.raises(RejectedError, match="larger than 1 MiB") as caught:
        await upload(peer, video)
    assert (caught.value.status, caught.value.request_id, caught.value.retryable) == (413, "abc", False)
    assert records(state_dir) == []  # no upload was made: there is nothing to go on with


@pytest.mark.parametrize("method", ["POST", "PATCH"])
async def test_redirects_are_not_followed(method: str, peer: Peer, video: Path) -> None:
    """A redirect would lose the body or send it elsewhere."""
    peer.faults = [Fault(method, status=307, headers={"Location": "/elsewhere"})]
    with pytest.raises(ProtocolError, match="307"):
        await upload(peer, video)
    assert all("elsewhere" not in seen.path for seen in peer.seen)


@pytest.mark.parametrize(
    ("headers", "words"), [({}, "no Location"), ({"Location": "ftp://h/x"}, "cannot be used")], ids=["none", "ftp"]
)
async def test_a_201_without_a_usable_location(headers: dict[str, str], words: str, peer: Peer, video: Path) -> None:
    """Spec: the Server MUST set the Location header to the URL of the created resource."""
    peer.faults = [Fault("POST", status=201, headers=headers)]
    with pytest.raises(ProtocolError, match=words):
        await upload(peer, video)


async def test_an_offset_beyond_the_file_is_a_protocol_error(peer: Peer, video: Path) -> None:
    """A server that stored more than there is has another file."""
    peer.faults = [Fault("PATCH", status=204, headers={"Upload-Offset": "99999999"})]
    with pytest.raises(ProtocolError, match="99999999"):
        await upload(peer, video)


async def test_an_early_answer_is_heard_while_the_body_is_under_way(peer: Peer, tmp_path: Path) -> None:
    """A 415 that comes before the body was read ends the upload at once, not after it."""
    large = tmp_path / "large.bin"
    with large.open("wb") as file:
        file.truncate(64 * MIB)
    peer.faults = [Fault("PATCH", status=415, headers={"Connection": "close"}, times=3)]
    with pytest.raises(RejectedError, match="415"):
        await upload(peer, large)


async def test_a_body_that_is_too_large_for_a_proxy_is_halved(peer: Peer, video: Path) -> None:
    """A 413 to a PATCH leads to smaller ones, until they pass; nothing is begun anew."""
    quarter, rest = divmod(video.stat().st_size, 4)
    peer.largest_body = MIB
    result = await upload(peer, video)
    assert bytes(peer.only().data) == video.read_bytes()
    assert (peer.count("POST"), result.restarted) == (1, False)
    assert [seen.received for seen in peer.seen if seen.received] == [quarter] * 4 + [rest]


async def test_two_uploads_of_one_file_at_once_are_refused(peer: Peer, video: Path) -> None:
    """The second one is told who holds the file; the first one is not disturbed."""
    peer.faults = [Fault("PATCH", hold_after=MIB)]
    first = asyncio.create_task(upload(peer, video, stall_timeout=0.5))
    await peer.reached.wait()
    with pytest.raises(LocalFileError, match=f"process {os.getpid()}"):
        await upload(peer, video)
    assert (await first).size == video.stat().st_size
    assert peer.count("POST") == 1


async def test_a_call_that_is_cancelled_before_it_holds_the_file_lets_it_go(
    peer: Peer, video: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The state folder may be slow: the right to the file that comes after the cancel is given back at once."""
    loop, entered, go_on, given_back = asyncio.get_running_loop(), asyncio.Event(), threading.Event(), asyncio.Event()
    claim, release = Journal.claim, Claim.release

    def claim_late(journal: Journal, place: Place) -> Claim:
        loop.call_soon_threadsafe(entered.set)
        go_on.wait(10)
        return claim(journal, place)

    def release_and_tell(held: Claim) -> None:
        release(held)
        given_back.set()

    with monkeypatch.context() as slow:
        slow.setattr(Journal, "claim", claim_late)
        slow.setattr(Claim, "release", release_and_tell)
        task = asyncio.create_task(upload(peer, video))
        await entered.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        go_on.set()
        async with asyncio.timeout(10):
            await given_back.wait()
    assert (await upload(peer, video)).size == video.stat().st_size


async def test_one_uploader_serves_many_files_at_once(peer: Peer, tmp_path: Path) -> None:
    """Uploads of different files run side by side over one pool."""
    paths = [tmp_path / f"{number}.bin" for number in range(5)]
    for path in paths:
        path.write_bytes(path.name.encode() * 50_000)
    async with AsyncUploader(peer.url) as uploader:
        results = await asyncio.gather(*map(uploader.upload, paths))
    stored = {made.metadata["filename"]: bytes(made.data) for made in peer.uploads.values()}
    assert stored == {path.name: path.read_bytes() for path in paths}
    assert [result.filename for result in results] == [path.name for path in paths]


async def test_a_server_without_records_is_no_error(peer: Peer, video: Path, caplog: pytest.LogCaptureFixture) -> None:
    """The file is there; that a foreign tus server keeps no titles is only logged."""
    peer.faults = [Fault("PATCH", cut_after=MIB)]
    with pytest.raises(GaveUpError):
        await upload(peer, video, retry=IMPATIENT)
    peer.faults = [Fault("POST", status=404, path="metadata")]
    assert (await upload(peer, video, title="Talk")).size == video.stat().st_size
    assert "record_not_changed" in caplog.text


async def test_progress_rises_and_ends_at_100(peer: Peer, video: Path, waits: Waits) -> None:
    """Per cents never fall, 100 comes once, at the end; a wait says why, and phases are told."""
    peer.faults = [Fault("PATCH", cut_after=700_000, times=3)]
    told: list[Progress] = []
    await upload(peer, video, clock=waits.clock, progress=told.append)
    percents = [now.percent for now in told]
    assert percents == sorted(percents)
    assert [now.percent for now in told if now.percent == 100] == [100]
    assert (told[-1].phase, told[-1].stored, told[-1].sent) == (Phase.DONE, video.stat().st_size, video.stat().st_size)
    assert {now.phase for now in told} >= {Phase.CREATING, Phase.SENDING, Phase.PROBING, Phase.WAITING, Phase.DONE}
    assert all((now.waiting is not None) == (now.phase is Phase.WAITING) for now in told)
    assert "the connection was lost" in next(now.waiting or "" for now in told if now.waiting)
    assert all(now.stored <= now.sent <= (now.total or 0) for now in told)


async def test_an_error_in_the_callback_is_the_callers(peer: Peer, video: Path, state_dir: Path) -> None:
    """What a progress callback raises ends the upload as it is; the state is saved."""

    def fail(now: Progress) -> None:
        raise KeyError(now.phase)

    with pytest.raises(KeyError):
        await upload(peer, video, progress=fail)
    assert len(records(state_dir)) == 1


async def test_a_file_name_that_is_no_text_is_uploaded(peer: Peer, tmp_path: Path) -> None:
    """A name of arbitrary bytes is a name, and its upload resumes like any other."""
    path = tmp_path / os.fsdecode(b"caf\xe9.mp4")
    path.write_bytes(b"x" * MIB)
    peer.faults = [Fault("PATCH", cut_after=1000)]
    with pytest.raises(GaveUpError):
        await upload(peer, path, retry=IMPATIENT)
    result = await upload(peer, path)
    assert (peer.only().metadata["filename"], result.resumed_from) == ("caf?.mp4", 1000)


async def test_an_uploader_must_be_open(peer: Peer, video: Path) -> None:
    """Constructing does no I/O; using without `async with` is a mistake that is named."""
    with pytest.raises(RuntimeError, match="async with"):
        await AsyncUploader(peer.url).upload(video)


@pytest.mark.parametrize("url", ["", "localhost:8080", "ftp://h", "http://", "http://h:x"])
def test_an_address_that_is_none_is_refused_early(url: str) -> None:
    """A wrong base URL is a ValueError of the constructor."""
    with pytest.raises(ValueError, match=r"address|[Pp]ort"):
        AsyncUploader(url)


async def test_values_that_cannot_be_sent_are_refused_early(peer: Peer, video: Path) -> None:
    """A bad metadata key or a length of zero is refused before a request is made."""
    with pytest.raises(ValueError, match="request_bytes"):
        AsyncUploader(peer.url, request_bytes=0)
    with pytest.raises(ValueError, match="metadata key"):
        await upload(peer, video, metadata={"a b": "c"})
    assert peer.seen == []


async def test_no_error_of_the_http_library_comes_out(peer: Peer, video: Path, waits: Waits) -> None:
    """Whatever the wire does, callers see UploadError only."""

    async def garbage(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"SSH-2.0-OpenSSH_9.2\r\n\r\n")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(garbage, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        async with AsyncUploader(
            f"http://127.0.0.1:{port}", retry=RetryPolicy(no_progress=5), clock=waits.clock
        ) as uploader:
            with pytest.raises(UploadError):
                await uploader.upload(video)


async def test_a_record_is_written_before_the_first_request(peer: Peer, video: Path, state_dir: Path) -> None:
    """At the moment of the first request the id it carries is on disk."""
    kept: list[str] = []
    peer.on_request = lambda _: kept.extend(path.read_text() for path in records(state_dir) if not kept)
    await upload(peer, video)
    assert len(kept) == 1
    assert peer.seen[0].headers["Idempotency-Key"] in kept[0]
