"""Which protocol an uploader speaks: asked once, remembered, or named by hand."""

import json
from pathlib import Path

import pytest

from tests.client.conftest import Waits
from tests.client.peer import Fault, Peer
from tusvideo_client import AsyncUploader, AuthError, FileTooLargeError, GaveUpError, ProtocolError, RetryPolicy
from tusvideo_client.state import MIB

IMPATIENT = RetryPolicy(no_progress=0, max_offline=0, busy=0)
TUS = {"Tus-Resumable": "1.0.0"}


def remembered(state_dir: Path) -> dict[str, object]:
    """The one record of the journal."""
    (path,) = (state_dir / "uploads").glob("*.json")
    record: dict[str, object] = json.loads(path.read_text())
    return record


async def test_a_server_is_asked_once(peer: Peer, video: Path) -> None:
    """One OPTIONS serves all files of an uploader."""
    async with AsyncUploader(peer.url) as uploader:
        results = [await uploader.upload(video, name=name) for name in ("a.mp4", "b.mp4")]
    assert [result.protocol for result in results] == ["tus", "tus"]
    assert len(peer.asked) == 1


async def test_an_upload_that_is_resumed_keeps_what_it_began_with(peer: Peer, video: Path, state_dir: Path) -> None:
    """The record remembers the choice: the second call asks for the upload, and for nothing else."""
    peer.faults = [Fault("PATCH", cut_after=MIB)]
    async with AsyncUploader(peer.url, retry=IMPATIENT) as uploader:
        with pytest.raises(GaveUpError):
            await uploader.upload(video)
    record = remembered(state_dir)
    assert (record["protocol"], record["collection"]) == ("tus", f"{peer.url}/files/")
    peer.offer = {}
    async with AsyncUploader(peer.url, integrity="never") as uploader:
        result = await uploader.upload(video)
    assert (result.resumed_from, len(peer.asked)) == (MIB, 1)


async def test_a_question_that_is_lost_or_refused_for_now_is_asked_again(peer: Peer, video: Path, waits: Waits) -> None:
    """Negotiation is as patient as everything else; the first loss is mended by the HTTP library, unseen."""
    peer.faults = [Fault("OPTIONS", lose=True), Fault("OPTIONS", status=503)]
    async with AsyncUploader(peer.url, clock=waits.clock) as uploader:
        await uploader.upload(video)
    assert bytes(peer.only().data) == video.read_bytes()
    assert (len(peer.asked), waits.slept) == (3, [0.25])


async def test_what_was_found_is_told_when_it_is_no_protocol(peer: Peer, video: Path) -> None:
    """Nothing is sent on a guess; the error names each place that was asked."""
    peer.offer = {"Allow": "GET"}
    async with AsyncUploader(peer.url) as uploader:
        with pytest.raises(ProtocolError) as caught:
            await uploader.upload(video)
    assert f"{peer.url}/files/ answered OPTIONS with 204 and neither Tus-Resumable nor Upload-Limit" in str(
        caught.value
    )
    assert f"{peer.url}/ answered OPTIONS with 404" in str(caught.value)
    assert "by hand" in (caught.value.hint or "")
    assert peer.seen == []


@pytest.mark.parametrize("path", ["/files", "/files/"])
async def test_the_address_of_the_collection_will_do(path: str, peer: Peer, video: Path) -> None:
    """What people copy from the configuration of other clients is understood."""
    async with AsyncUploader(peer.url + path) as uploader:
        await uploader.upload(video)
    assert bytes(peer.only().data) == video.read_bytes()


async def test_a_refused_token_ends_the_question(peer: Peer, video: Path) -> None:
    """401 is about the caller, not about the protocol."""
    peer.token = "right"
    async with AsyncUploader(peer.url, token="wrong") as uploader:
        with pytest.raises(AuthError):
            await uploader.upload(video)


async def test_a_file_larger_than_the_server_takes_is_not_begun(peer: Peer, video: Path) -> None:
    """Tus-Max-Size is judged before anything is made."""
    peer.offer = {**TUS, "Tus-Max-Size": "1000"}
    async with AsyncUploader(peer.url) as uploader:
        with pytest.raises(FileTooLargeError, match="takes at most 1000"):
            await uploader.upload(video)
    assert peer.seen == []


@pytest.mark.parametrize("path", ["", "/files/"])
async def test_a_protocol_that_is_named_is_spoken_without_asking(path: str, peer: Peer, video: Path) -> None:
    """Where something on the way holds OPTIONS back, the user knows better; a path with a slash is the very place."""
    async with AsyncUploader(peer.url + path, protocol="tus", integrity="never") as uploader:
        await uploader.upload(video)
    assert peer.asked == []
    assert bytes(peer.only().data) == video.read_bytes()


async def test_chunks_are_spoken_when_they_are_named(peer: Peer, video: Path) -> None:
    """The chunk API announces itself nowhere, so it has to be named; the record is made where there is a title."""
    async with AsyncUploader(peer.url, protocol="chunks") as uploader:
        result = await uploader.upload(video, title="Talk", profile="poster")
    assert result.protocol == "chunks"
    assert bytes(peer.only().data) == video.read_bytes()
    assert [record["title"] for record in peer.records] == ["Talk"]


def test_a_protocol_that_nobody_speaks() -> None:
    """The error lists those that there are."""
    with pytest.raises(ValueError, match="auto, tus, ietf, chunks"):
        AsyncUploader("http://h", protocol="ftp")  # type: ignore[arg-type]  # what is refused
