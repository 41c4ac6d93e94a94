"""Bytes that are damaged on the way: found, told, and mended before anything is said to be whole."""

import json
import os
from pathlib import Path

import pytest

from tests.client.conftest import Waits
from tests.client.integrity import TUS_WITH_CHECKSUMS, flip_always, flip_at, upload
from tests.client.loop import IMPATIENT
from tests.client.peer import Fault, Peer
from tusvideo_client import (
    Damaged,
    FileChangedError,
    GaveUpError,
    IntegrityError,
    Phase,
    Progress,
    Verified,
)
from tusvideo_client.comparison import GRAIN, HELD_BACK
from tusvideo_client.source import TELLS_CHANGES
from tusvideo_client.state import MIB


async def test_damage_is_found_told_and_mended(ours: Peer, video: Path, waits: Waits) -> None:
    """The damaged upload is removed before it is complete; the new one goes in pieces that are checked one by one."""
    ours.mangle = flip_at(MIB + 17)
    seen: list[object] = []
    result = await upload(ours, video, on_event=seen.append, clock=waits.clock)
    assert bytes(ours.only().data) == video.read_bytes()
    (found,) = [event for event in seen if isinstance(event, Damaged)]
    assert found.start <= MIB + 17 < found.end <= found.start + GRAIN
    assert found.is_stored
    assert (result.verified, result.restarted, result.stats.damaged) == ("checksums", True, 1)
    assert [event.has_checksum for event in seen if isinstance(event, Verified)] == [True]
    assert (ours.count("POST"), ours.count("DELETE")) == (2, 1)
    size = video.stat().st_size
    assert result.stats.resent_bytes == result.stats.wire_bytes - size == size - HELD_BACK
    second = ours.seen[max(at for at, seen in enumerate(ours.seen) if seen.method == "POST") :]
    assert all("Upload-Checksum" in seen.headers for seen in second if seen.method == "PATCH")


async def test_nothing_is_said_to_be_whole_before_it_is_proven(ours: Peer, video: Path, waits: Waits) -> None:
    """100 % and the phase ``done`` come once, at the end, and the damaged upload never had all of its bytes."""
    ours.mangle = flip_at(MIB)
    stored: list[int] = []
    told: list[Progress] = []

    def look(received: int) -> None:
        stored.append(max(len(upload.data) for upload in ours.uploads.values() if upload.length is not None))

    ours.on_body = look
    await upload(ours, video, progress=told.append, clock=waits.clock)
    is_last = [(now.phase is Phase.DONE, now.percent == 100.0) for now in told]
    assert is_last == [(False, False)] * (len(told) - 1) + [(True, True)]
    first_upload = stored[: next((at for at in range(1, len(stored)) if stored[at] < stored[at - 1]), len(stored))]
    assert max(first_upload) <= video.stat().st_size - HELD_BACK


async def test_damage_in_the_last_bytes_is_refused_and_they_are_sent_again(
    ours: Peer, video: Path, waits: Waits
) -> None:
    """Nothing of them is stored, so there is nothing to begin anew."""
    size = video.stat().st_size
    ours.mangle = flip_at(size - 5)
    seen: list[object] = []
    result = await upload(ours, video, on_event=seen.append, clock=waits.clock)
    assert bytes(ours.only().data) == video.read_bytes()
    assert [(event.start, event.end, event.is_stored) for event in seen if isinstance(event, Damaged)] == [
        (size - HELD_BACK, size, False)
    ]
    assert (ours.count("POST"), result.verified, result.restarted) == (1, "digests", False)
    assert result.stats.resent_bytes == HELD_BACK


async def test_a_link_that_damages_everything_is_given_up(ours: Peer, video: Path, waits: Waits) -> None:
    """The error says what is wrong and what to do; the server is left with nothing, and nothing was complete."""
    ours.mangle = flip_always
    with pytest.raises(IntegrityError, match="damaged on its way") as caught:
        await upload(ours, video, clock=waits.clock)
    assert "https" in (caught.value.hint or "")
    assert all(len(upload.data) < (upload.length or 0) for upload in ours.uploads.values())
    ours.mangle = None
    result = await upload(ours, video, clock=waits.clock)
    assert bytes(ours.uploads[result.upload_url.rpartition("/")[2]].data) == video.read_bytes()


async def test_without_checksums_a_new_beginning_is_tried_twice(peer: Peer, video: Path, waits: Waits) -> None:
    """A server that tells digests and takes no checksums: the same again, then the error."""
    peer.tells_digests = True
    peer.offer = {name: value for name, value in TUS_WITH_CHECKSUMS.items() if name != "Tus-Checksum-Algorithm"}
    peer.offer["Tus-Checksum-Algorithm"] = "unheard-of"
    peer.mangle = flip_always
    with pytest.raises(IntegrityError, match="2 new beginnings"):
        await upload(peer, video, clock=waits.clock)
    assert (peer.count("POST"), peer.uploads) == (3, {})


async def test_a_kill_between_damage_and_its_discovery_publishes_nothing(ours: Peer, video: Path, waits: Waits) -> None:
    """What an earlier call stored is proven before anything is added to it."""
    ours.mangle = flip_at(1000)
    ours.faults = [Fault("PATCH", cut_after=MIB)]
    with pytest.raises(GaveUpError):
        await upload(ours, video, retry=IMPATIENT)
    result = await upload(ours, video, clock=waits.clock)
    assert bytes(ours.uploads[result.upload_url.rpartition("/")[2]].data) == video.read_bytes()
    assert (result.resumed_from, result.verified) == (0, "digests")


async def test_an_answer_that_is_hurt_itself_costs_nothing_but_a_question(ours: Peer, video: Path) -> None:
    """A digest that differs is believed only if it differs again."""
    wrong = Fault("GET", status=200, body=json.dumps({"algorithm": "sha-256", "digest": "0" * 64}), skip=1)
    ours.faults = [wrong]
    result = await upload(ours, video)
    assert (ours.count("POST"), result.stats.damaged, result.verified) == (1, 0, "digests")


async def test_damage_in_an_early_range_ends_the_upload_early(ours: Peer, video: Path, waits: Waits) -> None:
    """No more is sent after bytes that are known to be damaged."""
    ours.mangle = flip_at(10)
    reached = 0

    def look(received: int) -> None:
        nonlocal reached
        reached = (
            max(reached, *(len(upload.data) for upload in ours.uploads.values()))
            if ours.count("POST") == 1
            else reached
        )

    ours.on_body = look
    await upload(ours, video, request_bytes=256 * 1024, clock=waits.clock)
    assert reached < video.stat().st_size - HELD_BACK
    assert bytes(ours.only().data) == video.read_bytes()


@pytest.mark.parametrize("has_its_old_time", [False, True])
async def test_a_file_that_is_edited_is_no_damaged_link(has_its_old_time: bool, ours: Peer, video: Path) -> None:
    """What differs because the file is another one by now is told as that, whatever time the file says it has."""
    if has_its_old_time and not TELLS_CHANGES:
        pytest.skip("this system does not tell when a file was last changed")
    facts = video.stat()

    def edit(received: int) -> None:
        if received == video.stat().st_size - HELD_BACK:
            video.write_bytes(bytes(len(video.read_bytes())))
            if has_its_old_time:
                os.utime(video, ns=(facts.st_atime_ns, facts.st_mtime_ns))

    ours.on_body = edit
    seen: list[object] = []
    with pytest.raises(FileChangedError, match="was changed while it was being uploaded"):
        await upload(ours, video, on_event=seen.append)
    assert not any(isinstance(event, Damaged) for event in seen)


async def test_bytes_that_somebody_else_completed_are_compared(ours: Peer, video: Path) -> None:
    """An upload that is whole before its last bytes were sent is published already; what it is gets told."""

    def complete(now: Progress) -> None:
        if now.phase is Phase.SENDING and not ours.only().data:
            ours.only().data.extend(bytes(video.stat().st_size))

    with pytest.raises(IntegrityError, match="published other bytes"):
        await upload(ours, video, progress=complete)
