"""Uploads over tus that go on in a later run: proven prefixes, edited files."""

import os
from pathlib import Path

import pytest

from tests.client.cancellation import cancelled_in_the_middle
from tests.client.conftest import Waits
from tests.client.edits import rewrite
from tests.client.loop import IMPATIENT, records, upload
from tests.client.peer import Fault, Peer, Seen
from tusvideo_client import AsyncUploader, FileChangedError, GaveUpError
from tusvideo_client.fingerprint import sample_ranges
from tusvideo_client.model import Choice
from tusvideo_client.source import TELLS_CHANGES
from tusvideo_client.state import MIB


async def test_an_interrupted_call_resumes_with_no_flag(peer: Peer, video: Path, state_dir: Path) -> None:
    """Cancelling saves the state; the same call again asks HEAD first and sends only the rest."""
    peer.faults = [Fault("PATCH", hold_after=MIB)]
    await cancelled_in_the_middle(peer, upload(peer, video))
    peer.seen.clear()
    result = await upload(peer, video)
    assert [seen.method for seen in peer.seen] == ["HEAD", "GET", "PATCH"]
    assert (result.resumed_from, peer.sent_bytes()) == (MIB, video.stat().st_size - MIB)
    assert bytes(peer.only().data) == video.read_bytes()
    assert records(state_dir) == []


async def test_a_crash_after_the_last_byte_does_not_upload_again(peer: Peer, video: Path) -> None:
    """If the call died between the server's completion and the end, the next one only asks."""
    peer.faults = [Fault("PATCH", lose=True)]
    with pytest.raises(GaveUpError):
        await upload(peer, video, retry=IMPATIENT)
    peer.seen.clear()
    result = await upload(peer, video)
    assert [seen.method for seen in peer.seen] == ["HEAD", "GET"]
    assert result.filename == "talk.mp4"


async def test_a_whole_upload_of_other_bytes_is_not_reported_as_this_file(
    peer: Peer, video: Path, waits: Waits
) -> None:
    """Also the last byte is proven before the end: an edit that kept size and time makes a new upload."""
    peer.tells_digests = True
    peer.faults = [Fault("PATCH", lose=True)]
    with pytest.raises(GaveUpError):
        await upload(peer, video, retry=IMPATIENT)
    peer.only().data[5] ^= 1
    peer.faults = [Fault("GET", lose=True), Fault("GET", status=503)]  # a failed question is no proof
    result = await upload(peer, video, clock=waits.clock)
    assert (result.resumed_from, result.restarted, peer.count("GET", "digest")) == (0, True, 3)
    assert bytes(list(peer.uploads.values())[-1].data) == video.read_bytes()


async def test_a_file_edited_in_between_is_never_spliced(peer: Peer, video: Path) -> None:
    """A changed file starts a new upload; the unfinished one of the old version is terminated."""
    peer.faults = [Fault("PATCH", hold_after=MIB)]
    await cancelled_in_the_middle(peer, upload(peer, video))
    data = bytearray(video.read_bytes())
    data[5] ^= 1
    video.write_bytes(data)
    peer.seen.clear()
    result = await upload(peer, video)
    assert [seen.method for seen in peer.seen] == ["HEAD", "DELETE", "POST", "PATCH"]
    assert bytes(peer.only().data) == video.read_bytes()
    assert (result.resumed_from, result.restarted) == (0, False)


async def test_a_finished_upload_of_an_older_version_is_left_alone(peer: Peer, video: Path) -> None:
    """What is published stays published, even if the call that finished it crashed and the file changed since."""
    peer.faults = [Fault("PATCH", lose=True)]
    with pytest.raises(GaveUpError):
        await upload(peer, video, retry=IMPATIENT)
    video.write_bytes(b"another version")
    await upload(peer, video)
    assert peer.count("DELETE") == 0
    assert len(peer.uploads) == 2


async def test_a_file_edited_while_it_is_sent_stops_the_upload(peer: Peer, video: Path) -> None:
    """The change is noticed, FileChangedError says so, nothing is completed, and the next call starts anew."""

    def edit(received: int) -> None:
        if peer.count("PATCH") == 2 and received:
            with video.open("ab") as file:
                file.write(b"more")

    peer.on_body = edit
    with pytest.raises(FileChangedError) as caught:
        await upload(peer, video, request_bytes=MIB)
    assert caught.value.retryable
    assert len(peer.only().data) < (peer.only().length or 0)
    peer.on_body = None
    result = await upload(peer, video)
    assert bytes(peer.only().data) == video.read_bytes()
    assert result.resumed_from == 0


@pytest.mark.skipif(not TELLS_CHANGES, reason="this system does not tell when a file was last changed")
@pytest.mark.parametrize("protocol", ["tus", "chunks"])
async def test_an_edit_that_was_seen_is_not_forgotten_by_the_next_call(
    protocol: Choice, peer: Peer, video: Path
) -> None:
    """It kept size, time and samples, and the server tells no digests: nothing but the journal knows of it then."""
    samples = sample_ranges(video.stat().st_size)
    unseen = sum(samples[2]) + 1
    assert not any(start <= unseen < start + size for start, size in samples)

    def edit(seen: Seen) -> None:
        if seen.method == "PATCH" or (seen.method, seen.path[-6:]) == ("POST", "/chunk"):
            bodies.append(seen)
            if len(bodies) == 2:
                rewrite(video, unseen)

    bodies: list[Seen] = []
    peer.on_request = edit
    async with AsyncUploader(peer.url, protocol=protocol, request_bytes=MIB, connections=1) as uploader:
        with pytest.raises(FileChangedError, match="was changed while it was being uploaded"):
            await uploader.upload(video)
        result = await uploader.upload(video)
    assert result.resumed_from == 0
    assert bytes(peer.only().data) == video.read_bytes()  # what the first call stored was removed


async def test_a_file_edited_after_its_last_byte_left_is_noticed(peer: Peer, video: Path) -> None:
    """The server has the old version whole; the caller learns that it is not the present one."""
    before = video.read_bytes()

    def touch(received: int) -> None:
        if received == len(before):
            os.utime(video, ns=(1, 1))

    peer.on_body = touch
    with pytest.raises(FileChangedError):
        await upload(peer, video)
    assert bytes(peer.only().data) == before


async def test_a_prefix_that_is_proven_is_kept(peer: Peer, video: Path) -> None:
    """Where the server tells digests, a later call goes on only after they agreed."""
    peer.tells_digests = True
    peer.faults = [Fault("PATCH", cut_after=MIB)]
    with pytest.raises(GaveUpError):
        await upload(peer, video, retry=IMPATIENT)
    result = await upload(peer, video)
    assert (result.resumed_from, result.restarted, peer.count("GET", "digest")) == (MIB, False, 1)
    assert result.unproven == 0
    assert bytes(peer.only().data) == video.read_bytes()


async def test_a_prefix_that_cannot_be_proven_is_told(
    peer: Peer, video: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A server that tells no digests is believed; the result says for how many bytes, and so does the log."""
    peer.faults = [Fault("PATCH", cut_after=MIB)]
    with pytest.raises(GaveUpError):
        await upload(peer, video, retry=IMPATIENT)
    result = await upload(peer, video)
    assert (result.resumed_from, result.unproven) == (MIB, MIB)
    assert f"prefix_unproven bytes={MIB}" in caplog.text


async def test_a_server_that_fails_over_digests_is_believed_in_the_end(peer: Peer, video: Path, waits: Waits) -> None:
    """tusd answers 500 to every question below an upload: that is asked three times, and then told as not proven."""
    peer.faults = [Fault("PATCH", cut_after=MIB), Fault("GET", status=500, times=9)]
    with pytest.raises(GaveUpError):
        await upload(peer, video, retry=IMPATIENT)
    result = await upload(peer, video, clock=waits.clock)
    assert (result.resumed_from, result.unproven, peer.count("GET", "digest")) == (MIB, MIB, 3)


async def test_other_bytes_on_the_server_are_never_added_to(peer: Peer, video: Path) -> None:
    """A file whose size and time did not change, but whose bytes did, is sent anew: the server's digest differs."""
    peer.tells_digests = True
    peer.faults = [Fault("PATCH", cut_after=MIB)]
    with pytest.raises(GaveUpError):
        await upload(peer, video, retry=IMPATIENT)
    peer.only().data[5] ^= 1
    result = await upload(peer, video)
    assert (result.resumed_from, result.restarted, peer.count("POST")) == (0, True, 2)
    assert video.read_bytes() in [bytes(made.data) for made in peer.uploads.values()]


async def test_a_proof_that_gets_no_answer_is_asked_for_again(peer: Peer, video: Path, waits: Waits) -> None:
    """A lost or busy digest costs a question, never the proof."""
    peer.tells_digests = True
    peer.faults = [Fault("PATCH", cut_after=MIB)]
    with pytest.raises(GaveUpError):
        await upload(peer, video, retry=IMPATIENT)
    peer.faults = [Fault("GET", lose=True), Fault("GET", status=503, skip=0)]
    result = await upload(peer, video, clock=waits.clock)
    assert (result.resumed_from, peer.count("GET", "digest")) == (MIB, 3)
    assert bytes(peer.only().data) == video.read_bytes()


async def test_a_new_title_on_resume_changes_the_record(peer: Peer, video: Path) -> None:
    """An upload that is resumed under another title keeps its bytes and gets the new title."""
    peer.faults = [Fault("PATCH", cut_after=MIB)]
    with pytest.raises(GaveUpError):
        await upload(peer, video, title="Tlak", retry=IMPATIENT)
    peer.faults = [Fault("POST", status=500, path="metadata")]
    result = await upload(peer, video, title="Talk")
    assert result.resumed_from == MIB
    assert peer.records == [{"filename": "talk.mp4", "title": "Talk"}]
