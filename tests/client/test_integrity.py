"""What arrives is proven to be what was sent, by digests or checksums, also where no TLS would notice damage."""

import asyncio
import io
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from aiohttp import web

from tests.client.conftest import Command, Waits
from tests.client.draft_peer import DraftPeer
from tests.client.integrity import TUS_WITH_CHECKSUMS, flip_always, flip_at, requests, upload
from tests.client.loop import IMPATIENT
from tests.client.peer import Fault, Peer
from tusvideo_client import (
    AsyncUploader,
    Damaged,
    GaveUpError,
    IntegrityError,
    Phase,
    Progress,
    ProtocolError,
    Uploader,
    checksum,
    comparison,
)
from tusvideo_client.comparison import HELD_BACK
from tusvideo_client.state import MIB


@pytest_asyncio.fixture
async def draft() -> AsyncIterator[DraftPeer]:
    """A server like that of this project, spoken to in the IETF draft."""
    peer = DraftPeer()
    peer.tells_digests = True
    peer.offer |= {name: TUS_WITH_CHECKSUMS[name] for name in ("Tus-Extension", "Tus-Checksum-Algorithm")}
    await peer.start()
    yield peer
    await peer.stop()
    assert peer.mistakes == []


async def test_the_last_bytes_wait_until_all_others_are_proven(ours: Peer, video: Path) -> None:
    """One long request, its digest, then the rest with a checksum: damage before it cannot complete the upload."""
    result = await upload(ours, video)
    size = video.stat().st_size
    assert requests(ours) == ["POST", "DIGEST", "PATCH", "DIGEST", "PATCH"]
    first, last = [seen for seen in ours.seen if seen.method == "PATCH"]
    assert (first.received, last.start, last.received) == (size - HELD_BACK, size - HELD_BACK, HELD_BACK)
    assert "Upload-Checksum" not in first.headers
    assert last.headers["Upload-Checksum"].startswith("sha256 ")
    assert bytes(ours.only().data) == video.read_bytes()
    assert (result.verified, result.stats.damaged, result.stats.resent_bytes) == ("digests", 0, 0)


async def test_a_small_file_goes_in_one_request_with_a_checksum(ours: Peer, tmp_path: Path) -> None:
    """There is nothing to hold back and nothing to ask."""
    path = tmp_path / "small.bin"
    path.write_bytes(bytes(range(256)) * 1024)
    result = await upload(ours, path)
    assert requests(ours) == ["POST", "PATCH"]
    assert result.verified == "checksums"


async def test_what_an_earlier_call_stored_counts_as_proven(ours: Peer, video: Path) -> None:
    """Its digest is asked for once; a resumed upload asks nobody what the server can do."""
    ours.faults = [Fault("PATCH", cut_after=MIB)]
    with pytest.raises(GaveUpError):
        await upload(ours, video, retry=IMPATIENT)
    ours.seen.clear()
    result = await upload(ours, video)
    assert requests(ours) == ["HEAD", "DIGEST", "PATCH", "DIGEST", "PATCH"]
    assert (len(ours.asked), result.resumed_from, result.verified) == (1, MIB, "digests")


async def test_a_cut_costs_no_more_than_without(ours: Peer, video: Path, waits: Waits) -> None:
    """Long requests carry no checksum, so the server keeps what came of them."""
    ours.faults = [Fault("PATCH", cut_after=MIB)]
    result = await upload(ours, video, clock=waits.clock)
    assert [seen.start for seen in ours.seen if seen.method == "PATCH"] == [0, MIB, video.stat().st_size - HELD_BACK]
    assert result.verified == "digests"


@pytest.mark.parametrize(
    "fault",
    [Fault("GET", lose=True, times=9), Fault("GET", status=503, times=2), Fault("GET", status=500, times=2)],
    ids=["lost", "503", "500"],
)
async def test_a_digest_that_does_not_come_is_asked_for_again(
    fault: Fault, ours: Peer, video: Path, waits: Waits
) -> None:
    """The last bytes wait for it."""
    fault.skip = 1  # the question whether there are digests at all
    ours.faults = [fault]
    result = await upload(ours, video, clock=waits.clock)
    assert bytes(ours.only().data) == video.read_bytes()
    assert result.verified == "digests"


async def test_a_new_upload_has_the_patience_of_the_first(ours: Peer, video: Path, waits: Waits) -> None:
    """Refusals to tell a digest count for one upload: what was asked in vain of the lost one is no word on the next."""
    tell, told = ours.tell_digest, []

    async def refuse(request: web.Request) -> web.StreamResponse:
        told.append(request.match_info["id"])
        if len(told) == 3:
            del ours.uploads[told[-1]]
        return web.Response(status=404) if len(told) in {2, 3, 4, 5} else await tell(request)

    ours.tell_digest = refuse
    result = await upload(ours, video, clock=waits.clock)
    assert (len(set(told)), told.count(told[-1])) == (2, 3)
    assert bytes(ours.only().data) == video.read_bytes()
    assert (result.restarted, result.verified) == (True, "digests")


async def test_ranges_are_compared_while_more_is_sent(ours: Peer, video: Path) -> None:
    """A range of a request that is done is looked at beside the next one; the last range at the end."""
    result = await upload(ours, video, request_bytes=MIB)
    assert requests(ours).count("PATCH") == 4
    assert 2 <= requests(ours).count("DIGEST") - 1 <= 3
    assert result.verified == "digests"


@pytest.mark.parametrize(
    ("theirs", "here", "told"),
    [(True, True, True), (True, False, False), (False, True, False)],
    ids=["both have it", "not here", "not there"],
)
async def test_the_cheap_digest_is_used_where_both_have_it(
    theirs: bool, here: bool, told: bool, ours: Peer, video: Path, waits: Waits, monkeypatch: pytest.MonkeyPatch
) -> None:
    """CRC-32C finds damage like SHA-256 does, and who has not got it says nothing of it."""
    ours.has_crc32c = theirs
    if not here:
        monkeypatch.setattr(checksum, "DIGESTS", checksum.digests(None))
    preferred: list[bool] = []
    answered: list[str] = []
    tell = ours.tell_digest

    async def note(request: web.Request) -> web.StreamResponse:
        answer = await tell(request)
        assert isinstance(answer, web.Response)
        preferred.append("prefer" in request.query)
        answered.append(json.loads(answer.text or "")["algorithm"])
        return answer

    ours.tell_digest = note
    ours.mangle = flip_at(MIB + 17)
    seen: list[object] = []
    result = await upload(ours, video, on_event=seen.append, clock=waits.clock)
    assert set(answered) == {"crc32c" if told else "sha-256"}
    assert preferred == [here, *[here and theirs] * (len(answered) - 1)]
    assert [event.start <= MIB + 17 < event.end for event in seen if isinstance(event, Damaged)] == [True]
    assert (result.restarted, bytes(ours.only().data)) == (True, video.read_bytes())


async def test_a_server_that_computes_something_else_by_now_is_understood(ours: Peer, video: Path) -> None:
    """What an answer says of itself counts, and not what was wished for."""
    ours.has_crc32c = True
    ours.on_body = lambda _: setattr(ours, "has_crc32c", False)
    result = await upload(ours, video)
    assert (result.verified, result.stats.damaged, ours.count("POST")) == ("digests", 0, 1)
    assert requests(ours).count("DIGEST") == 2


async def test_with_no_checksum_that_both_know_the_last_bytes_go_without(ours: Peer, video: Path) -> None:
    """A server that tells digests of what it stores, and takes checksums that nobody computes here, is compared."""
    ours.offer["Tus-Checksum-Algorithm"] = "blake3"
    result = await upload(ours, video)
    assert requests(ours) == ["POST", "DIGEST", "PATCH", "DIGEST", "PATCH", "DIGEST"]
    assert not any("Upload-Checksum" in seen.headers for seen in ours.seen)
    last = ours.seen[-2]
    assert (last.start, last.received) == (video.stat().st_size - HELD_BACK, HELD_BACK)
    assert bytes(ours.only().data) == video.read_bytes()
    assert (result.verified, result.stats.damaged) == ("digests", 0)


@pytest.mark.parametrize(
    ("status", "body", "asked"),
    [(416, "", 1), (400, "", 1), (200, "<html>", 1), (403, "", 1), (404, "", 3), (410, "", 3)],
)
async def test_digests_that_end_are_told_as_that(
    status: int, body: str, asked: int, ours: Peer, video: Path, waits: Waits
) -> None:
    """Who told a digest and tells none of what it stores stops the upload, and the sentence says which and why.

    If it may be that the upload is gone, the server is asked for that first.
    """
    ours.faults = [Fault("GET", status=status, body=body, skip=1, times=9)]
    with pytest.raises(ProtocolError) as caught:
        await upload(ours, video, clock=waits.clock)
    end = video.stat().st_size - HELD_BACK
    assert f"not that of bytes 0 to {end}, which it stores: it answered {status}" in str(caught.value)
    assert caught.value.status == status
    assert "integrity 'never'" in (caught.value.hint or "")
    assert requests(ours).count("DIGEST") == 1 + asked
    assert len(ours.only().data) == end


async def test_an_upload_that_is_gone_when_it_is_compared_begins_anew(ours: Peer, video: Path, waits: Waits) -> None:
    """404 to the question for a digest may mean just that."""
    ours.faults = [Fault("GET", status=404, skip=1), Fault("HEAD", status=404)]
    result = await upload(ours, video, clock=waits.clock)
    assert (result.restarted, result.verified) == (True, "digests")


async def test_bytes_that_the_server_lost_are_proven_anew(ours: Peer, video: Path, waits: Waits) -> None:
    """What was proven is proven no more once the server has less."""
    ours.faults = [Fault("PATCH", lose=True, skip=1)]

    def lose(now: Progress) -> None:
        if now.phase is Phase.WAITING:
            del ours.only().data[MIB:]
            ours.only().data[5] ^= 1  # and what it kept is not what it had
            ours.only().data[5] ^= 1

    result = await upload(ours, video, clock=waits.clock, progress=lose)
    assert bytes(ours.only().data) == video.read_bytes()
    assert result.verified == "digests"


async def test_a_lost_last_answer_is_proven_afterwards(ours: Peer, video: Path, waits: Waits) -> None:
    """HEAD says that all is there; the digest says that it is the file's."""
    ours.faults = [Fault("PATCH", lose=True, skip=1)]
    result = await upload(ours, video, clock=waits.clock)
    assert result.verified == "digests"
    assert (ours.count("POST"), ours.count("PATCH")) == (1, 2)


async def test_a_foreign_server_gets_a_checksum_with_every_piece(foreign: Peer, video: Path, waits: Waits) -> None:
    """Pieces are short, because a cut loses all of one; one that came damaged is sent again, half as long."""
    foreign.mangle = flip_at(MIB + 5)
    foreign.faults = [Fault("PATCH", cut_after=100_000, skip=2)]
    result = await upload(foreign, video, clock=waits.clock)
    assert bytes(foreign.only().data) == video.read_bytes()
    sent = [seen for seen in foreign.seen if seen.method == "PATCH"]
    assert all(seen.headers["Upload-Checksum"].startswith("sha256 ") for seen in sent)
    assert max(seen.received for seen in sent) <= 2 * MIB
    assert (result.verified, result.stats.damaged, foreign.count("POST")) == ("checksums", 1, 1)


@pytest.mark.parametrize(("announced", "used"), [("sha1", "sha1"), ("crc32", "crc32"), ("SHA1,crc32", "sha1")])
async def test_the_checksum_is_one_that_the_server_announces(
    announced: str, used: str, foreign: Peer, video: Path
) -> None:
    """Spec: tus 1.0.0 § Checksum: the Server MUST support at least SHA1."""
    foreign.offer["Tus-Checksum-Algorithm"] = announced
    result = await upload(foreign, video)
    assert {seen.headers["Upload-Checksum"].split()[0] for seen in foreign.seen if seen.method == "PATCH"} == {used}
    assert result.verified == "checksums"


async def test_a_server_that_has_neither_is_told(peer: Peer, video: Path) -> None:
    """The upload goes as ever, costs no question, and its result does not claim what nobody looked at."""
    result = await upload(peer, video)
    assert requests(peer) == ["POST", "PATCH"]
    assert result.verified is None


async def test_a_protocol_that_is_named_is_asked_for_checksums(ours: Peer, video: Path) -> None:
    """OPTIONS is asked once, and where it is refused digests are asked for all the same."""
    ours.faults = [Fault("OPTIONS", status=405)]
    result = await upload(ours, video, protocol="tus")
    assert (len(ours.asked), result.verified) == (1, "digests")


async def test_a_question_that_is_never_answered_does_not_hold_the_upload_up(
    peer: Peer, video: Path, waits: Waits
) -> None:
    """Something on the way that drops OPTIONS and what it does not know: three tries, then the upload goes on."""
    peer.faults = [Fault("OPTIONS", lose=True, times=99), Fault("GET", status=500, times=99)]
    result = await upload(peer, video, protocol="tus", clock=waits.clock)
    assert bytes(peer.only().data) == video.read_bytes()
    assert result.verified is None


async def test_never_means_never(ours: Peer, video: Path) -> None:
    """Nothing is asked and nothing is held back."""
    result = await upload(ours, video, integrity="never")
    assert requests(ours) == ["POST", "PATCH"]
    assert result.verified is None


async def test_a_stream_goes_in_checked_pieces_and_is_mended_in_place(ours: Peer, video: Path, waits: Waits) -> None:
    """Its bytes come once, so an upload of it cannot begin anew: a damaged piece is sent again from the spool."""
    data = video.read_bytes()

    async def produce() -> AsyncIterator[bytes]:
        for start in range(0, len(data), 100_000):
            yield data[start : start + 100_000]

    ours.mangle = flip_at(MIB)
    async with AsyncUploader(ours.url, clock=waits.clock) as uploader:
        result = await uploader.upload(produce(), name="talk.mp4")
    assert bytes(ours.only().data) == data
    assert (result.verified, result.stats.damaged, result.restarted) == ("checksums", 1, False)


async def test_bytes_in_memory_are_proven_like_a_file(ours: Peer, video: Path) -> None:
    """File objects and bytes can be read again."""
    async with AsyncUploader(ours.url) as uploader:
        result = await uploader.upload(io.BytesIO(video.read_bytes()), name="talk.mp4")
    assert result.verified == "digests"


async def test_the_draft_is_proven_in_its_own_words(draft: DraftPeer, video: Path, waits: Waits) -> None:
    """Content-Digest instead of Upload-Checksum; damage in the middle and at the end is mended before publishing."""
    size = video.stat().st_size
    draft.mangle = flip_at(MIB, 2 * size - HELD_BACK - 9)
    result = await upload(draft, video, protocol="ietf", clock=waits.clock)
    (published,) = [upload for upload in draft.uploads.values() if id(upload) in draft.finished]
    assert bytes(published.data) == video.read_bytes()
    assert (result.verified, result.stats.damaged, result.restarted) == ("checksums", 2, True)
    assert len(draft.finished) == 1


async def test_a_draft_server_that_tells_no_digests_is_compared_at_the_end(draft: DraftPeer, video: Path) -> None:
    """Nobody announces that Content-Digest is obeyed, so only Repr-Digest of the whole proves anything."""
    draft.tells_digests = False
    result = await upload(draft, video, protocol="ietf")
    assert result.verified == "digests"
    draft.uploads.clear()
    draft.mangle = flip_always
    with pytest.raises(IntegrityError, match="other bytes"):
        await upload(draft, video, protocol="ietf")


async def test_limits_of_the_draft_are_held(draft: DraftPeer, video: Path) -> None:
    """What is too little for a request of its own goes with the bytes that are held back."""
    size = video.stat().st_size
    draft.limits = f"min-append-size={size - HELD_BACK + 1}"
    draft.offer["Upload-Limit"] = draft.limits
    result = await upload(draft, video, protocol="ietf")
    assert [seen.received for seen in draft.seen if seen.method == "PATCH"] == [size]
    assert result.verified == "checksums"


async def test_the_command_line_says_how_it_was_proven(command: Command, ours: Peer, video: Path) -> None:
    """``verified`` in the JSON; --integrity never leaves it null."""
    for words, verified in (((), "digests"), (("--integrity", "never"), None)):
        code, out, _ = await command("upload", str(video), "--to", ours.url, "--json", *words)
        (done,) = [event for event in map(json.loads, out.splitlines()) if event["event"] == "uploaded"]
        assert (code, done["verified"]) == (0, verified)


def test_a_word_that_means_nothing() -> None:
    """The error lists those that there are, here as in code that blocks."""
    for made in (AsyncUploader, Uploader):
        with pytest.raises(ValueError, match="auto, always, never"):
            made("http://h", integrity="sometimes")  # type: ignore[arg-type]  # what a type checker would find


async def test_a_question_whose_connection_is_dead_does_not_hold_the_upload_up(
    ours: Peer, video: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is compared beside the sending is waited for a little while only, and then asked for anew."""
    monkeypatch.setattr(comparison, "ASIDE_SECONDS", 0.05)
    is_asleep = asyncio.Event()
    digests = 0

    async def answer(request: web.Request) -> web.StreamResponse:
        nonlocal digests
        digests += 1
        if digests == 2:  # the first asks whether there are any
            is_asleep.set()
            await asyncio.Event().wait()
        return await tell(request)

    tell, ours.tell_digest = ours.tell_digest, answer
    result = await upload(ours, video, request_bytes=MIB)
    assert is_asleep.is_set()
    assert (result.verified, bytes(ours.only().data)) == ("digests", video.read_bytes())
