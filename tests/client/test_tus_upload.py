"""Uploads over tus against a server on a real socket that fails on demand."""

import asyncio
import os
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.client.conftest import Waits
from tests.client.peer import Fault, Peer
from tusvideo_client import (
    AsyncUploader,
    AuthError,
    FileChangedError,
    GaveUpError,
    LocalFileError,
    Phase,
    Progress,
    ProtocolError,
    RejectedError,
    RetryPolicy,
    UploadError,
    UploadGoneError,
    UploadResult,
)
from tusvideo_client.fingerprint import Place
from tusvideo_client.journal import Claim, Journal
from tusvideo_client.state import MIB

IMPATIENT = RetryPolicy(no_progress=0, max_offline=0, busy=0)


async def upload(peer: Peer, path: Path, **options: object) -> UploadResult:
    """One call of ``upload`` with an uploader of its own, as a run of a script makes it; nothing is asked before.

    Nothing is compared either: these are the requests of the loop alone (see test_integrity).
    """
    made = {
        name: options.pop(name)
        for name in ("token", "retry", "request_bytes", "stall_timeout", "clock") & options.keys()
    }
    async with AsyncUploader(peer.url, protocol="tus", integrity="never", **made) as uploader:  # type: ignore[arg-type]
        return await uploader.upload(path, **options)  # type: ignore[arg-type]


def records(state_dir: Path) -> list[Path]:
    """The journal's files."""
    return sorted((state_dir / "uploads").glob("*.json"))


def no_byte_was_sent_below_the_stored_offset(peer: Peer) -> bool:
    """True if every PATCH began where the one before ended for the server."""
    starts = [seen.start for seen in peer.seen if seen.method == "PATCH"]
    return starts == sorted(start for start in starts if start is not None)


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


async def test_a_refused_token_is_renewed_once(peer: Peer, video: Path) -> None:
    """When the server refuses a token the provider is asked for another one, and the upload goes on."""
    tokens = iter(["old", "new"])
    peer.token = "new"
    asked = []

    async def provide() -> str:
        asked.append(1)
        return next(tokens)

    await upload(peer, video, token=provide)
    assert bytes(peer.only().data) == video.read_bytes()
    assert [seen.headers["Authorization"] for seen in peer.seen] == ["Bearer old", "Bearer new", "Bearer new"]
    assert len(asked) == 2


async def test_a_token_that_expires_in_mid_upload_costs_nothing(peer: Peer, video: Path) -> None:
    """A 401 on a PATCH leads to a fresh token and HEAD, never to a new upload."""
    tokens = iter(["old", "new"])
    peer.token = "old"
    peer.faults = [Fault("PATCH", cut_after=MIB, path="files")]

    def expire(received: int) -> None:
        peer.token = "new"

    peer.on_body = expire
    result = await upload(peer, video, token=lambda: next(tokens))
    assert bytes(peer.only().data) == video.read_bytes()
    assert (peer.count("POST"), result.restarted) == (1, False)


@pytest.mark.parametrize("provider", [lambda: "wrong", "wrong", None], ids=["callable", "text", "none"])
async def test_a_token_that_stays_refused_keeps_the_record(
    provider: Callable[[], str] | str | None, peer: Peer, video: Path, state_dir: Path
) -> None:
    """AuthError ends the call; what is stored is kept for the next one."""
    peer.token = "right"
    with pytest.raises(AuthError, match=r"token|401"):
        await upload(peer, video, token=provider)
    assert len(records(state_dir)) == 1
    peer.token = None
    assert (await upload(peer, video, token="any")).size == video.stat().st_size


async def test_a_403_is_the_servers_refusal_whatever_the_token_comes_from(peer: Peer, video: Path) -> None:
    """A provider with no other token changes nothing: the error has the status and the server's own words."""
    peer.faults = [Fault("POST", status=403, body="your folder is full")]
    with pytest.raises(RejectedError, match="the server answered 403: your folder is full") as caught:
        await upload(peer, video, token=lambda: "any")
    assert (caught.value.status, peer.count("POST")) == (403, 1)


async def test_a_token_with_a_line_break_is_explained(peer: Peer, video: Path) -> None:
    """A token that no header can carry is an AuthError, not a crash."""
    with pytest.raises(AuthError, match="cannot be sent"):
        await upload(peer, video, token="secret\n")


async def test_the_token_goes_to_its_own_server_only(peer: Peer, video: Path) -> None:
    """A Location at another origin does not get the credentials."""
    other = Peer()
    await other.start()
    try:
        elsewhere = {"Location": f"{other.url}/files/x", "Tus-Resumable": "1.0.0"}
        peer.faults = [Fault("POST", status=201, headers=elsewhere)]
        other.faults = [Fault("PATCH", status=400)]
        with pytest.raises(RejectedError):
            await upload(peer, video, token="secret")
        assert "Authorization" in peer.seen[0].headers
        assert "Authorization" not in other.seen[0].headers
    finally:
        await other.stop()


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


async def test_an_early_answer_is_heard_while_the_body_is_under_way(peer: Peer, tmp_path: Path) -> None:
    """A 415 that comes before the body was read ends the upload at once, not after it."""
    large = tmp_path / "large.bin"
    with large.open("wb") as file:
        file.truncate(64 * MIB)
    peer.faults = [Fault("PATCH", status=415, headers={"Connection": "close"}, times=3)]
    with pytest.raises(RejectedError, match="415"):
        await upload(peer, large)


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


async def test_an_interrupted_call_resumes_with_no_flag(peer: Peer, video: Path, state_dir: Path) -> None:
    """Cancelling saves the state; the same call again asks HEAD first and sends only the rest."""
    peer.faults = [Fault("PATCH", hold_after=MIB)]
    task = asyncio.create_task(upload(peer, video))
    await peer.reached.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
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
    task = asyncio.create_task(upload(peer, video))
    await peer.reached.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
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


async def test_a_new_title_on_resume_changes_the_record(peer: Peer, video: Path) -> None:
    """An upload that is resumed under another title keeps its bytes and gets the new title."""
    peer.faults = [Fault("PATCH", cut_after=MIB)]
    with pytest.raises(GaveUpError):
        await upload(peer, video, title="Tlak", retry=IMPATIENT)
    peer.faults = [Fault("POST", status=500, path="metadata")]
    result = await upload(peer, video, title="Talk")
    assert result.resumed_from == MIB
    assert peer.records == [{"filename": "talk.mp4", "title": "Talk"}]


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
