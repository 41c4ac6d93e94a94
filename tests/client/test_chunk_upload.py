"""Uploads over the documented chunk API against a server on a real socket that fails on demand."""

import asyncio
import json
from pathlib import Path

import pytest

from tests.client.cancellation import cancelled_in_the_middle
from tests.client.chunked import CHUNKS, chunks_sent, uploader
from tests.client.conftest import Waits
from tests.client.links import slow_link
from tests.client.peer import UPLOADS, Fault, Peer, Seen, Upload
from tusvideo_client import (
    AsyncChunkedVideoUploader,
    AsyncUploader,
    FileChangedError,
    FileTooLargeError,
    GaveUpError,
    IntegrityError,
    LocalFileError,
    ProtocolError,
    RejectedError,
    UnsupportedTypeError,
    UploadError,
)
from tusvideo_client.state import MIB

FIELDS = ["uploadId", "chunkIndex", "totalChunks", "chunkSize", "fileSize", "checksum", "chunk"]


async def test_a_video_arrives_whole(peer: Peer, video: Path, state_dir: Path) -> None:
    """Every chunk is sent once, in order, fields first; then finalize is asked once, with the checksum of the whole."""
    percents: list[int] = []
    name = await uploader(peer).upload_video(video, percents.append)
    assert bytes(peer.only().data) == video.read_bytes()
    assert name == peer.only().filename
    assert chunks_sent(peer) == [0, 1, 2]
    assert all(seen.names == FIELDS for seen in peer.seen[:CHUNKS])
    assert peer.seen[0].fields["fileSize"] == str(video.stat().st_size)
    assert (peer.seen[0].fields["totalChunks"], peer.seen[0].fields["chunkSize"]) == ("3", str(MIB))
    assert set(peer.seen[-1].json) == {"uploadId", "filename", "totalChunks", "checksum"}
    assert peer.seen[-1].json["filename"] == "talk.mp4"
    assert len(peer.seen) == CHUNKS + 1
    assert list((state_dir / "uploads").iterdir()) == []


async def test_progress_is_whole_per_cents_of_what_is_stored(peer: Peer, video: Path, waits: Waits) -> None:
    """Rising numbers from 0 on, none twice, and 100 only after finalize succeeded."""
    peer.faults = [Fault("POST", cut_after=2**19, path="chunk", skip=1), Fault("POST", status=503, path="finalize")]
    told: list[tuple[int, bool]] = []

    def note(percent: int) -> None:
        told.append((percent, any(made.filename for made in peer.chunked.values())))

    await uploader(peer, waits).upload_video(video, on_progress=note)
    percents = [percent for percent, _ in told]
    assert percents == sorted(set(percents))
    assert percents[0] == 0
    assert [(percent, done) for percent, done in told if percent == 100] == [(100, True)]
    assert all(isinstance(percent, int) for percent in percents)


async def test_the_result_and_the_record(peer: Peer, video: Path) -> None:
    """A title makes the video record, under the name that the server chose."""
    result = await uploader(peer, profile="listing").upload(video, title="Talk", description="About", name="x.mov")
    assert (result.url, result.protocol) == (f"{peer.url}{UPLOADS}/{result.filename}", "chunks")
    assert (result.size, result.stats.wire_bytes) == (video.stat().st_size, video.stat().st_size)
    assert peer.records == [
        {"filename": result.filename, "profile": "listing", "title": "Talk", "description": "About"}
    ]
    assert all("/api/listing/video/" in seen.path for seen in peer.seen[:-1])
    assert peer.seen[CHUNKS].json["filename"] == "x.mov"


async def test_without_a_title_there_is_no_record(peer: Peer, video: Path) -> None:
    """A description alone makes no record: the title is what a record must have."""
    await uploader(peer).upload(video, description="About")
    assert peer.count("POST", "metadata") == 0


@pytest.mark.parametrize(
    "fault",
    [
        Fault("POST", cut_after=2**19, path="chunk", skip=1),
        Fault("POST", lose=True, path="chunk", skip=1),
        Fault("POST", status=500, path="chunk", skip=1),
        Fault("POST", status=503, headers={"Retry-After": "0"}, path="chunk", skip=1),
        Fault("POST", status=422, path="chunk", skip=1),
    ],
    ids=["cut", "answer lost", "500", "503", "damaged"],
)
async def test_a_chunk_that_fails_is_tried_again_after_head(
    fault: Fault, peer: Peer, video: Path, waits: Waits
) -> None:
    """HEAD is asked before the resume; a chunk whose answer was lost is not sent twice."""
    peer.faults = [fault]
    result = await uploader(peer, waits).upload(video)
    assert bytes(peer.only().data) == video.read_bytes()
    assert waits.slept == [1]
    assert peer.count("HEAD") == 1
    whole = [index for index in chunks_sent(peer) if index is not None]
    assert whole == [0, 1, 2]
    assert result.stats.retries == 1


async def test_the_documented_retries(peer: Peer, video: Path, waits: Waits) -> None:
    """Three retries a chunk, 1, 2 and 4 seconds apart; then on_error is told once and the error is raised."""
    peer.faults = [Fault("POST", status=500, path="chunk", skip=1, times=99)]
    errors: list[str] = []
    with pytest.raises(GaveUpError) as caught:
        await uploader(peer, waits).upload_video(video, on_error=errors.append)
    assert waits.slept == [1, 2, 4]
    assert errors == [str(caught.value)]
    assert peer.count("POST", "chunk") == 1 + 4


async def test_retries_count_from_the_last_stored_chunk(peer: Peer, video: Path, waits: Waits) -> None:
    """Three failures for every chunk are fine, if each is stored in the end."""
    peer.faults = [Fault("POST", status=500, path="chunk", times=3, skip=skip) for skip in (0, 1, 2)]
    await uploader(peer, waits).upload_video(video)
    assert waits.slept == [1, 2, 4] * CHUNKS


async def test_a_server_that_is_away_for_good(peer: Peer, video: Path, waits: Waits) -> None:
    """The documented figures hold for a refused connection too."""
    await peer.stop()
    with pytest.raises(GaveUpError, match="cannot be reached"):
        await uploader(peer, waits).upload_video(video)
    assert waits.slept == [1, 2, 4]


async def test_a_chunk_times_out_without_progress(peer: Peer, video: Path, waits: Waits) -> None:
    """Silence for the stall time ends the try, and the next one succeeds."""
    peer.faults = [Fault("POST", hold_after=2**19, path="chunk")]
    await uploader(peer, waits, stall_timeout=0.5).upload_video(video)
    assert waits.slept == [1]
    assert bytes(peer.only().data) == video.read_bytes()


async def test_a_slow_chunk_does_not_time_out(peer: Peer, tmp_path: Path, waits: Waits) -> None:
    """As long as bytes move a chunk may take many times the stall time: here more than four times."""
    path = tmp_path / "slow.mp4"
    path.write_bytes(bytes(MIB))
    loop = asyncio.get_running_loop()
    async with slow_link(peer.port, bytes_per_second=2**19) as url:
        began = loop.time()
        slow = AsyncChunkedVideoUploader(url, stall_timeout=0.4, clock=waits.clock)
        result = await slow.upload(path)
    assert loop.time() - began > 4 * 0.4
    assert (result.stats.retries, result.stats.resent_bytes) == (0, 0)
    assert bytes(peer.only().data) == path.read_bytes()


async def test_a_lost_finalize_is_asked_again(peer: Peer, video: Path, waits: Waits) -> None:
    """Finalize is idempotent: the second answer names the same file."""
    peer.faults = [Fault("POST", lose=True, path="finalize", times=2)]
    name = await uploader(peer, waits).upload_video(video)
    assert name == peer.only().filename
    assert (peer.count("POST", "finalize"), waits.slept) == (3, [1, 2])


async def test_missing_chunks_are_sent_and_finalize_is_asked_again(peer: Peer, video: Path) -> None:
    """A 409 that names missing chunks is answered with exactly those."""

    def lose_a_chunk(seen: Seen) -> None:
        if seen.path.endswith("finalize") and peer.count("POST", "finalize") == 1:
            peer.only().chunks.pop(1)

    peer.on_request = lose_a_chunk
    result = await uploader(peer).upload(video)
    assert bytes(peer.only().data) == video.read_bytes()
    assert (chunks_sent(peer), peer.count("POST", "finalize")) == ([0, 1, 2, 1], 2)
    assert result.stats.resent_bytes == MIB


async def test_a_refused_type_is_final(peer: Peer, video: Path, waits: Waits) -> None:
    """A 415 is not repeated, and its sentence reaches on_error."""
    body = json.dumps({"success": False, "error": "This is no video."})
    peer.faults = [Fault("POST", status=415, path="chunk", body=body)]
    errors: list[str] = []
    with pytest.raises(RejectedError) as caught:
        await uploader(peer, waits).upload_video(video, on_error=errors.append)
    assert (errors, caught.value.status, waits.slept) == (["the server answered 415: This is no video."], 415, [])


async def test_a_wrong_checksum_of_the_whole_is_an_integrity_error(peer: Peer, video: Path) -> None:
    """A 422 on finalize means that the bytes differ; the next call starts anew, because the server removed them."""
    peer.faults = [Fault("POST", status=422, path="finalize")]
    with pytest.raises(IntegrityError):
        await uploader(peer).upload_video(video)
    peer.chunked.clear()
    result = await uploader(peer).upload(video)
    assert result.restarted
    assert bytes(peer.only().data) == video.read_bytes()


@pytest.mark.parametrize(
    ("answer", "error"),
    [({"success": True}, ProtocolError), ({"filename": "a.mp4", "size": 5}, IntegrityError), ("[]", ProtocolError)],
    ids=["no name", "another size", "no object"],
)
async def test_a_finalize_answer_is_checked(answer: object, error: type[UploadError], peer: Peer, video: Path) -> None:
    """An answer without a name or with another size is no success."""
    peer.faults = [Fault("POST", status=200, path="finalize", body=json.dumps(answer))]
    with pytest.raises(error):
        await uploader(peer).upload_video(video)


async def test_an_answer_without_an_address_still_names_the_file(peer: Peer, video: Path) -> None:
    """The original server answers with the filename alone."""
    peer.faults = [Fault("POST", status=200, path="finalize", body='{"filename": "a.mp4"}')]
    result = await uploader(peer).upload(video)
    assert (result.filename, result.url) == ("a.mp4", result.upload_url)


async def test_a_rerun_resumes_from_the_stored_chunk(peer: Peer, video: Path) -> None:
    """A later call asks HEAD first, keeps the id and the chunk size, and sends only what is not there."""
    peer.faults = [Fault("POST", hold_after=2**19, path="chunk", skip=2)]
    await cancelled_in_the_middle(peer, uploader(peer).upload_video(video))
    peer.seen.clear()
    result = await uploader(peer, chunk_size=2**18).upload(video)
    assert [seen.method for seen in peer.seen] == ["HEAD", "POST", "POST"]
    assert (result.resumed_from, chunks_sent(peer)) == (2 * MIB, [2])
    assert bytes(peer.only().data) == video.read_bytes()
    assert result.stats.wire_bytes == video.stat().st_size - 2 * MIB


async def test_a_rerun_after_finalize_only_asks(peer: Peer, video: Path, waits: Waits) -> None:
    """If the call died after finalize, the next one gets the same name and makes the record."""
    peer.faults = [Fault("POST", status=500, path="metadata", times=4)]
    with pytest.raises(GaveUpError):
        await uploader(peer, waits).upload(video, title="Talk")
    peer.seen.clear()
    result = await uploader(peer).upload(video, title="Talk")
    assert result.filename == peer.only().filename
    assert [(seen.method, seen.path.rpartition("/")[2]) for seen in peer.seen] == [
        ("HEAD", "chunk"),
        ("POST", "finalize"),
        ("POST", "metadata"),
    ]


async def test_chunks_that_went_are_sent_again_and_no_others(peer: Peer, video: Path, waits: Waits) -> None:
    """If HEAD shows less than was acknowledged, GET tells which chunks are there."""
    peer.faults = [Fault("POST", cut_after=5, path="chunk", skip=2, times=4)]
    with pytest.raises(GaveUpError):
        await uploader(peer, waits).upload_video(video)
    del peer.only().chunks[0]
    peer.seen.clear()
    await uploader(peer).upload_video(video)
    assert [seen.method for seen in peer.seen] == ["HEAD", "GET", "POST", "POST", "POST"]
    assert chunks_sent(peer)[:2] == [0, 2]
    assert bytes(peer.only().data) == video.read_bytes()


async def test_an_upload_that_is_gone_starts_anew(peer: Peer, video: Path, waits: Waits) -> None:
    """When the server has nothing left a new id is used, and the result says restarted."""
    peer.faults = [Fault("POST", cut_after=5, path="chunk", skip=2, times=4)]
    with pytest.raises(GaveUpError):
        await uploader(peer, waits).upload_video(video)
    (old,) = peer.chunked
    peer.chunked.clear()
    result = await uploader(peer).upload(video)
    assert result.restarted
    assert result.upload_id != old
    assert bytes(peer.only().data) == video.read_bytes()


async def test_other_bytes_on_the_server_lead_to_a_new_upload(peer: Peer, video: Path, waits: Waits) -> None:
    """A 409 on a chunk means that the stored ones are not ours: they are removed, and everything is sent anew."""
    peer.faults = [Fault("POST", status=409, path="chunk", skip=1)]
    result = await uploader(peer, waits).upload(video)
    assert result.restarted
    assert bytes(peer.only().data) == video.read_bytes()
    assert peer.count("DELETE") == 1
    assert 0 < result.stats.resent_bytes == result.stats.wire_bytes - video.stat().st_size


async def test_a_file_edited_in_between_is_never_spliced(peer: Peer, video: Path, waits: Waits) -> None:
    """A changed file gets a new upload; the old one is removed from the server."""
    peer.faults = [Fault("POST", cut_after=5, path="chunk", skip=2, times=4)]
    with pytest.raises(GaveUpError):
        await uploader(peer, waits).upload_video(video)
    video.write_bytes(video.read_bytes()[::-1])
    result = await uploader(peer).upload(video)
    assert (result.resumed_from, result.restarted) == (0, False)
    assert bytes(peer.only().data) == video.read_bytes()
    assert peer.count("DELETE") == 1


async def test_a_finished_upload_of_an_older_version_is_left_alone(peer: Peer, video: Path, waits: Waits) -> None:
    """What is published stays published."""
    peer.faults = [Fault("POST", status=500, path="metadata", times=4)]
    with pytest.raises(GaveUpError):
        await uploader(peer, waits).upload(video, title="Talk")
    video.write_bytes(b"another version")
    await uploader(peer).upload(video)
    assert (peer.count("DELETE"), len(peer.chunked)) == (0, 2)


async def test_a_file_edited_while_it_is_sent_stops_the_upload(peer: Peer, video: Path) -> None:
    """The change is noticed before a byte of it leaves, and before finalize."""

    def edit(received: int) -> None:
        with video.open("ab") as file:
            file.write(b"more")

    peer.on_body = edit
    with pytest.raises(FileChangedError):
        await uploader(peer).upload_video(video)
    assert peer.count("POST", "finalize") == 0
    peer.on_body = None
    await uploader(peer).upload_video(video)
    assert bytes(peer.only().data) == video.read_bytes()


@pytest.mark.parametrize(
    ("name", "error"),
    [("notes.txt", UnsupportedTypeError), ("scan.PDF", UnsupportedTypeError), ("a.mp4", LocalFileError)],
)
async def test_what_is_obviously_no_video_is_refused_before_a_request(
    name: str, error: type[UploadError], peer: Peer, tmp_path: Path
) -> None:
    """A document and an empty file are refused on this side; on_error is told once."""
    (tmp_path / name).write_bytes(b"" if name == "a.mp4" else b"text")
    errors: list[str] = []
    with pytest.raises(error):
        await uploader(peer).upload_video(tmp_path / name, on_error=errors.append)
    assert (len(errors), peer.seen) == (1, [])


@pytest.mark.parametrize("name", ["a.MP4", "a.ts", "a.mkv", "clip", "a.unknown", "a.flv", "a.bin"])
async def test_what_may_be_a_video_is_the_servers_to_judge(name: str, peer: Peer, tmp_path: Path) -> None:
    """Types are judged by content, and that is the server's part."""
    (tmp_path / name).write_bytes(b"\x00\x00\x00\x18ftypmp42")
    assert await uploader(peer).upload_video(tmp_path / name)


async def test_pairs_that_chunks_have_no_place_for_are_refused_before_a_request(peer: Peer, video: Path) -> None:
    """What would be lost without a word is no option; a title and a description are kept."""
    async with AsyncUploader(peer.url, protocol="chunks") as client:
        with pytest.raises(ValueError, match="no place for camera, place; give title"):
            await client.upload(video, title="Talk", metadata={"place": "Rome", "camera": "2"})
        assert peer.seen == []
        await client.upload(video, title="Talk", metadata={"description": "Long"})
    assert [record["description"] for record in peer.records] == ["Long"]


async def test_too_many_chunks_are_refused_before_a_request(peer: Peer, tmp_path: Path) -> None:
    """The chunk API has at most 100,000 chunks; the error names the way out."""
    large = tmp_path / "large.mp4"
    with large.open("wb") as file:
        file.truncate(100_001)
    with pytest.raises(FileTooLargeError, match="100000 chunks of 1") as caught:
        await uploader(peer, chunk_size=1).upload_video(large)
    assert (caught.value.hint, peer.seen) == ("choose a larger chunk size", [])


@pytest.mark.parametrize(("url", "options"), [("localhost", {}), ("http://h", {"chunk_size": 0})])
def test_values_that_cannot_work_are_refused_early(url: str, options: dict[str, int]) -> None:
    """A wrong address or chunk size is a ValueError of the constructor."""
    with pytest.raises(ValueError, match=r"address|chunk_size"):
        AsyncChunkedVideoUploader(url, **options)  # type: ignore[arg-type]  # a row of a table


def test_the_peer_stores_by_number() -> None:
    """The test server's own idea of what is contiguous."""
    assert Upload(length=3, chunks={0: b"a", 1: b"b", 3: b"d"}).contiguous == 2


@pytest.mark.parametrize(
    ("fault", "resent"),
    [(Fault("POST", path="chunk", mute=True, skip=1), 0), (Fault("POST", path="chunk", deaf=True, skip=1), MIB)],
    ids=["the answer is lost", "the chunk is lost"],
)
async def test_an_answer_that_does_not_come_is_not_waited_for_to_the_end(
    fault: Fault, resent: int, peer: Peer, video: Path
) -> None:
    """A connection may die after the last byte of a chunk: when another one is answered, that one takes over."""
    peer.faults = [fault]
    async with AsyncUploader(peer.url, protocol="chunks", stall_timeout=0.9, connections=1) as patient:
        result = await patient.upload(video)
    assert (result.stats.stalls, result.stats.resent_bytes) == (1, resent)
    assert 0.3 <= result.stats.detect_max < 1.2  # and not the 1.8 s that an answer may take
    assert len(peer.only().chunks) == CHUNKS


async def test_a_server_that_takes_its_time_is_given_it(peer: Peer, video: Path) -> None:
    """A chunk goes twice for the sake of haste at most: after that the answer has all of its time."""
    peer.faults = [Fault("POST", path="chunk", deaf=True, times=2)]
    async with AsyncUploader(peer.url, protocol="chunks", stall_timeout=0.6, connections=1) as patient:
        result = await patient.upload(video)
    assert (result.stats.stalls, result.stats.resent_bytes) == (2, 2 * MIB)
    assert result.stats.detect_max >= 1.2
