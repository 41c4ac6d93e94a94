"""Uploads over tus through cuts, lost answers, silence and servers that are away."""

from pathlib import Path

import pytest

from tests.client.conftest import Waits
from tests.client.loop import IMPATIENT, no_byte_was_sent_below_the_stored_offset, records, upload
from tests.client.peer import Fault, Peer
from tusvideo_client import GaveUpError, Phase, Progress, UploadGoneError
from tusvideo_client.state import MIB


@pytest.mark.parametrize("cuts", [1, 5])
async def test_a_cut_is_resumed_from_the_stored_byte(cuts: int, peer: Peer, video: Path, waits: Waits) -> None:
    """After every cut HEAD is asked first, and no byte below the stored offset is sent again."""
    peer.faults = [Fault("PATCH", cut_after=300_000, times=cuts)]
    result = await upload(peer, video, clock=waits.clock)
    assert bytes(peer.only().data) == video.read_bytes()
    assert [seen.method for seen in peer.seen] == ["POST", *["PATCH", "HEAD"] * cuts, "PATCH"]
    assert no_byte_was_sent_below_the_stored_offset(peer)
    assert peer.sent_bytes() == video.stat().st_size
    assert waits.slept == [0.25] * cuts
    assert (result.stats.retries, result.restarted) == (cuts, False)
    assert 0 < result.stats.resent_bytes == result.stats.wire_bytes - video.stat().st_size


async def test_a_lost_201_makes_no_second_upload(peer: Peer, video: Path, waits: Waits) -> None:
    """The create is repeated with the same Idempotency-Key, and the server gives back the same upload."""
    peer.faults = [Fault("POST", lose=True, times=2)]
    await upload(peer, video, clock=waits.clock)
    assert bytes(peer.only().data) == video.read_bytes()
    assert [seen.method for seen in peer.seen] == ["POST", "POST", "POST", "HEAD", "PATCH"]
    assert len({seen.headers["Idempotency-Key"] for seen in peer.seen if seen.method == "POST"}) == 1


async def test_a_lost_204_is_recovered_by_head(peer: Peer, video: Path, waits: Waits) -> None:
    """When the last answer is lost HEAD says that all is there; nothing is sent again."""
    peer.faults = [Fault("PATCH", lose=True)]
    result = await upload(peer, video, clock=waits.clock)
    assert [seen.method for seen in peer.seen] == ["POST", "PATCH", "HEAD"]
    assert result.filename == "talk.mp4"
    assert result.stats.resent_bytes == 0


async def test_an_offset_in_the_409_spares_the_head(peer: Peer, video: Path) -> None:
    """A 409 that names the offset is believed: bytes that somebody stored meanwhile are skipped."""
    await upload(peer, video, progress=lambda now: store_ahead(peer, video, now))
    assert bytes(peer.only().data) == video.read_bytes()
    assert [seen.method for seen in peer.seen] == ["POST", "PATCH", "PATCH"]


def store_ahead(peer: Peer, video: Path, now: Progress) -> None:
    """Give the server its first MiB behind the client's back, once the upload exists."""
    if now.phase is Phase.SENDING and not peer.only().data:
        peer.only().data.extend(video.read_bytes()[:MIB])


async def test_a_409_without_an_offset_asks(peer: Peer, video: Path, waits: Waits) -> None:
    """Other servers do not name the offset in a 409; then HEAD does."""
    peer.says_offset_on_409 = False
    await upload(peer, video, clock=waits.clock, progress=lambda now: store_ahead(peer, video, now))
    assert bytes(peer.only().data) == video.read_bytes()
    assert [seen.method for seen in peer.seen] == ["POST", "PATCH", "HEAD", "PATCH"]


async def test_a_server_that_lost_bytes_gets_them_again(peer: Peer, video: Path, waits: Waits) -> None:
    """An offset behind ours is believed, and the bytes sent twice are counted."""
    peer.faults = [Fault("PATCH", lose=True)]

    def lose_tail(now: Progress) -> None:
        if now.phase is Phase.WAITING:
            del peer.only().data[MIB:]

    result = await upload(peer, video, clock=waits.clock, progress=lose_tail)
    assert bytes(peer.only().data) == video.read_bytes()
    assert result.stats.resent_bytes == video.stat().st_size - MIB


@pytest.mark.parametrize("status", [500, 502, 503, 423])
async def test_a_passing_trouble_on_head_never_creates_anew(status: int, peer: Peer, video: Path, waits: Waits) -> None:
    """A 5xx or 423 in mid-upload costs time and no byte; one upload is made."""
    peer.faults = [Fault("PATCH", cut_after=MIB), Fault("HEAD", status=status, times=6)]
    result = await upload(peer, video, clock=waits.clock)
    assert bytes(peer.only().data) == video.read_bytes()
    assert peer.count("POST") == 1
    assert peer.sent_bytes() == video.stat().st_size
    assert not result.restarted


async def test_retry_after_is_obeyed(peer: Peer, video: Path, waits: Waits) -> None:
    """A 503 with Retry-After is asked again after that time, not before."""
    peer.faults = [Fault("POST", status=503, headers={"Retry-After": "20"})]
    await upload(peer, video, clock=waits.clock)
    assert 20 <= waits.slept[0] <= 23


@pytest.mark.parametrize("status", [404, 410])
async def test_an_upload_that_is_gone_starts_anew_and_says_so(
    status: int, peer: Peer, video: Path, waits: Waits
) -> None:
    """Only a 404 or 410 on HEAD leads to a new upload; the result says restarted."""
    peer.faults = [Fault("PATCH", cut_after=MIB), Fault("HEAD", status=status)]
    result = await upload(peer, video, clock=waits.clock)
    assert result.restarted
    assert peer.count("POST") == 2
    assert len({seen.headers["Idempotency-Key"] for seen in peer.seen if seen.method == "POST"}) == 2
    assert sorted(len(made.data) for made in peer.uploads.values()) == [MIB, video.stat().st_size]


async def test_an_upload_that_goes_again_and_again_is_given_up(peer: Peer, video: Path, waits: Waits) -> None:
    """After three new beginnings the upload ends with UploadGoneError."""
    peer.faults = [Fault("PATCH", status=404, times=9), Fault("HEAD", status=404, times=9)]
    with pytest.raises(UploadGoneError):
        await upload(peer, video, clock=waits.clock)
    assert peer.count("POST") == 4


async def test_a_404_on_patch_is_not_believed_without_head(peer: Peer, video: Path, waits: Waits) -> None:
    """A stray 404 on PATCH costs a question, not the upload."""
    peer.faults = [Fault("PATCH", status=404)]
    result = await upload(peer, video, clock=waits.clock)
    assert (peer.count("POST"), result.restarted) == (1, False)


async def test_a_silent_server_is_noticed(peer: Peer, video: Path, waits: Waits) -> None:
    """When nothing moves for the stall time the connection is given up, HEAD is asked, and the upload goes on."""
    peer.faults = [Fault("PATCH", hold_after=MIB)]
    result = await upload(peer, video, clock=waits.clock, stall_timeout=0.5)
    assert bytes(peer.only().data) == video.read_bytes()
    assert no_byte_was_sent_below_the_stored_offset(peer)
    assert result.stats.retries == 1


async def test_a_second_connection_finds_out_before_the_stall_time(peer: Peer, tmp_path: Path, waits: Waits) -> None:
    """After a third of the stall time HEAD is asked beside the silent request; its answer ends the wait."""
    large = tmp_path / "large.bin"
    with large.open("wb") as file:
        file.truncate(32 * MIB)
    peer.faults = [Fault("PATCH", hold_after=MIB)]
    result = await upload(peer, large, clock=waits.clock, stall_timeout=6)
    assert len(peer.only().data) == 32 * MIB
    methods = [seen.method for seen in peer.seen]
    assert methods[:5] == ["POST", "PATCH", "HEAD", "HEAD", "PATCH"]
    assert set(methods[5:]) <= {"PATCH"}  # much was acknowledged and is not stored: for a while requests are short
    assert result.stats.stalls == 1
    assert 2 <= result.stats.detect_max < 5


async def test_a_server_that_is_away_is_waited_for(peer: Peer, video: Path, waits: Waits) -> None:
    """Connection refused is not failure: a new connection is tried every 2 s, and the upload goes on by itself."""
    peer.faults = [Fault("PATCH", cut_after=MIB)]
    tries = 0

    async def sleep(seconds: float) -> None:
        nonlocal tries
        waits.slept.append(seconds)
        waits.at += seconds
        if tries == 0:
            await peer.stop()
        tries += 1
        if tries == 4:
            await peer.start()

    clock = type(waits.clock)(now=lambda: waits.at, sleep=sleep, draw=max)
    result = await upload(peer, video, clock=clock)
    assert bytes(peer.only().data) == video.read_bytes()
    assert waits.slept == [0.25, 2.0, 2.0, 2.0]
    assert not result.restarted


async def test_patience_ends_with_the_state_on_disk(peer: Peer, video: Path, state_dir: Path) -> None:
    """GaveUpError can be repeated: the next call resumes from the stored byte."""
    peer.faults = [Fault("PATCH", cut_after=MIB)]
    with pytest.raises(GaveUpError) as caught:
        await upload(peer, video, retry=IMPATIENT)
    assert caught.value.retryable
    assert len(records(state_dir)) == 1
    result = await upload(peer, video)
    assert (result.resumed_from, result.restarted) == (MIB, False)
    assert bytes(peer.only().data) == video.read_bytes()
    assert peer.sent_bytes() == video.stat().st_size


async def test_nobody_listens_and_nobody_waits(peer: Peer, video: Path) -> None:
    """With no patience for being offline the first refused connection ends the call."""
    await peer.stop()
    with pytest.raises(GaveUpError, match="cannot be reached"):
        await upload(peer, video, retry=IMPATIENT)
