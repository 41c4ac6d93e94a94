"""The chunk routes, answers: exactly the documented keys and fields."""

import json
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.protocol.heads import NEXT_WEEK_TEXT, POSTER, chunked, told
from tusvideo.commands import Finalized, PartsListed, PartStored
from tusvideo.message import ResponseHead
from tusvideo.model import Location, Part, Status, Upload
from tusvideo.protocol import chunk_api

MIB = 1024 * 1024
LENGTH = 3 * MIB + 1
PLACE = Location(directory="posters", folder="ann", filename="video_1.mp4")
COMPLETE = chunked(
    status=Status.COMPLETE,
    length=LENGTH,
    offset=LENGTH,
    parts_stored=4,
    next_part=4,
    location=PLACE,
    content_type="video/mp4",
)


def parts(*indexes: int) -> tuple[Part, ...]:
    """Stored parts with these indexes."""
    return tuple(Part(index=index, size=MIB, position=index * MIB) for index in indexes)


def body(answer: ResponseHead) -> dict[str, object]:
    """The JSON of a 200."""
    assert answer.status == 200
    assert told(answer)["Content-Type"] == "application/json"
    found = json.loads(answer.body)
    assert isinstance(found, dict)
    return found


def status(upload: Upload, *stored: int) -> dict[str, object]:
    """The answer to GET."""
    answer = chunk_api.render_status(PartsListed(upload=upload, profile=POSTER, parts=parts(*stored)))
    assert told(answer)["Cache-Control"] == "no-store"
    return body(answer)


def test_a_stored_chunk() -> None:
    """POST …/chunk: 200 with exactly the documented keys; ``received`` counts stored chunks."""
    assert body(chunk_api.render_part(PartStored(upload=chunked(), index=2))) == {
        "success": True,
        "uploadId": "holiday-1",
        "chunkIndex": 2,
        "offset": MIB,
        "received": 2,
        "totalChunks": 4,
    }


def test_a_chunk_of_a_published_file() -> None:
    """POST …/chunk after finalize: the same with the filename."""
    found = body(chunk_api.render_part(PartStored(upload=COMPLETE, index=2)))
    assert (found["filename"], found["offset"], found["received"]) == ("video_1.mp4", LENGTH, 4)


def test_no_filename_before_it_is_final() -> None:
    """While finalizing, the chosen name may still change and is not told."""
    upload = chunked(status=Status.FINALIZING, location=PLACE)
    assert "filename" not in body(chunk_api.render_part(PartStored(upload=upload, index=2)))


def test_head_of_an_open_upload() -> None:
    """HEAD …/chunk: offset, chunk size, next chunk, expiry; no length while it is not known."""
    answer = chunk_api.render_head(PartsListed(upload=chunked(), profile=POSTER), content_location="/uploads/x")
    assert (answer.status, answer.body) == (200, b"")
    assert told(answer) == {
        "Upload-Offset": str(MIB),
        "Upload-Chunk-Size": str(MIB),
        "Upload-Next-Chunk": "1",
        "Upload-Expires": NEXT_WEEK_TEXT,
        "Cache-Control": "no-store",
    }


def test_head_of_a_published_file() -> None:
    """HEAD …/chunk after finalize: offset = length and Content-Location."""
    answer = chunk_api.render_head(PartsListed(upload=COMPLETE, profile=POSTER), content_location="/uploads/x")
    assert told(answer) == {
        "Upload-Offset": str(LENGTH),
        "Upload-Length": str(LENGTH),
        "Upload-Chunk-Size": str(MIB),
        "Upload-Next-Chunk": "4",
        "Content-Location": "/uploads/x",
        "Cache-Control": "no-store",
    }


def test_head_without_an_address() -> None:
    """A result that has no address is not named."""
    answer = chunk_api.render_head(PartsListed(upload=COMPLETE, profile=POSTER), content_location=None)
    assert "Content-Location" not in told(answer)


def test_the_chunk_size_is_the_profiles_until_it_is_known() -> None:
    """HEAD …/chunk before any size is known tells the one to use."""
    listed = PartsListed(upload=chunked(part_size=None), profile=POSTER)
    assert told(chunk_api.render_head(listed, content_location=None))["Upload-Chunk-Size"] == str(POSTER.chunk_size)


def test_status_of_an_open_upload() -> None:
    """GET …/chunk: exactly the documented keys, ranges of what is stored, indexes of what is missing."""
    assert status(chunked(), 2, 0) == {
        "success": True,
        "uploadId": "holiday-1",
        "status": "open",
        "offset": MIB,
        "length": None,
        "chunkSize": MIB,
        "totalChunks": 4,
        "nextChunk": 1,
        "received": [[0, 0], [2, 2]],
        "missing": [1, 3],
        "expiresAt": "2026-11-30T12:00:00.000Z",
    }


def test_status_of_a_published_file() -> None:
    """GET …/chunk after finalize: everything received, although the parts themselves are gone, and the filename."""
    found = status(COMPLETE)
    assert (found["status"], found["received"], found["missing"]) == ("complete", [[0, 3]], [])
    assert (found["filename"], found["expiresAt"], found["length"]) == ("video_1.mp4", None, LENGTH)


@pytest.mark.parametrize(
    ("total", "stored", "missing"),
    [
        (100_000, [], list(range(1_000))),
        (100_000, [0, 99_999], list(range(1, 1_001))),
        (1_001, [0], list(range(1, 1_001))),
        (3, [0, 1, 2], []),
    ],
)
def test_missing_has_a_bound(total: int, stored: list[int], missing: list[int]) -> None:
    """GET …/chunk lists at most 1,000 missing chunks, the first ones."""
    assert status(chunked(total_parts=total), *stored)["missing"] == missing


def test_an_upload_without_a_count_misses_nothing_yet() -> None:
    """As long as nobody told how many chunks there are, none is missing."""
    assert status(chunked(total_parts=None))["missing"] == []


@given(st.sets(st.integers(0, 40)))
def test_ranges_and_gaps_are_the_whole(stored: set[int]) -> None:
    """Ranges of what is there and gaps of what is not cover every index once, and no two touch."""
    ranges = chunk_api.ranges_of(parts(*stored))
    gaps = chunk_api.gaps_of(ranges, total=41)
    found = [index for first, last in (*ranges, *gaps) for index in range(first, last + 1)]
    assert sorted(found) == list(range(41))
    assert {index for first, last in ranges for index in range(first, last + 1)} == stored
    assert all(before[1] + 1 < after[0] for before, after in pairwise(ranges))


def test_a_finalized_upload() -> None:
    """POST …/finalize: exactly the documented keys."""
    assert body(chunk_api.render_finalized(Finalized(upload=COMPLETE), url="/uploads/posters/ann/video_1.mp4")) == {
        "success": True,
        "filename": "video_1.mp4",
        "url": "/uploads/posters/ann/video_1.mp4",
        "size": LENGTH,
        "contentType": "video/mp4",
        "uploadId": "holiday-1",
    }


def test_a_terminated_upload() -> None:
    """DELETE …/chunk: 204 and nothing else."""
    assert chunk_api.render_terminated() == ResponseHead(status=204)
