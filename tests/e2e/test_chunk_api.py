"""The documented chunk API on a real server: any order, side by side, repeated, torn, finalized, described, removed."""

import asyncio
import hashlib
import random

import pytest

from tests.e2e import chunks, tus
from tests.e2e.disk import place_of, published, staged, video
from tests.faults.processes import ServerProcess
from tests.web.wire import connect

PART = 20_000
ODD = 7_777


async def send_all(server: ServerProcess, parts: list[bytes], key: str = "k") -> None:
    """Store every chunk, in order."""
    for index, part in enumerate(parts):
        assert (await chunks.put(server.port, key, index, len(parts), data=part)).status == 200


async def finalized(server: ServerProcess, parts: list[bytes], key: str = "k") -> str:
    """Finalize, compare the file on disk, and give the path it is served under."""
    answer = await chunks.finalize(server.port, key, len(parts))
    assert answer.status == 200, answer.body
    assert place_of(server.data_dir, answer.json["url"]).read_bytes() == b"".join(parts)
    assert answer.json["size"] == sum(map(len, parts))
    assert answer.json["contentType"] == "video/mp4"
    assert staged(server.data_dir) == []
    url: str = answer.json["url"]
    return url


@pytest.mark.parametrize("file_first", [False, True])
async def test_chunks_may_come_in_any_order_side_by_side(file_first: bool, server: ServerProcess) -> None:
    """64 chunks at once, in random order; some tell the chunk size, some the file size, some nothing."""
    chance = random.Random(64)
    parts = chunks.split(video(64, 63 * PART + ODD), PART)
    told: list[dict[str, int]] = [{}, {"chunkSize": PART}, {"fileSize": 63 * PART + ODD}]
    order = chance.sample(range(64), 64)
    answers = await asyncio.gather(
        *(
            chunks.put(server.port, "k", index, 64, data=parts[index], file_first=file_first, **chance.choice(told))
            for index in order
        )
    )
    assert [answer.status for answer in answers] == [200] * 64
    assert max(answer.json["received"] for answer in answers) == 64
    state = (await chunks.query(server.port, "k")).json
    assert (state["offset"], state["received"], state["missing"]) == (63 * PART + ODD, [[0, 63]], [])
    await finalized(server, parts)


@pytest.mark.parametrize("file_first", [False, True])
@pytest.mark.parametrize(
    "told", [{}, {"chunkSize": PART}, {"fileSize": 2 * PART + ODD}, {"chunkSize": PART, "fileSize": 2 * PART + ODD}]
)
async def test_the_last_chunk_may_come_first(told: dict[str, int], file_first: bool, server: ServerProcess) -> None:
    """A last chunk of odd size finds its place, whatever was told about the others."""
    parts = chunks.split(video(3, 2 * PART + ODD), PART)
    for index in (2, 0, 1):
        answer = await chunks.put(server.port, "k", index, 3, data=parts[index], file_first=file_first, **told)
        assert answer.status == 200, answer.body
        head = await chunks.query(server.port, "k", method="HEAD")
        contiguous = {2: 0, 0: PART, 1: 2 * PART + ODD}[index]
        assert (head.status, head.headers["Upload-Offset"]) == (200, str(contiguous))
    await finalized(server, parts)


async def test_a_chunk_may_come_eight_times_at_once(server: ServerProcess) -> None:
    """Each of eight equal requests gets 200, or 503 and then 200; other bytes get 409; the file has the bytes once."""
    parts = chunks.split(video(8, PART + ODD), PART)

    async def put_until_stored() -> int:
        while True:
            answer = await chunks.put(server.port, "k", 0, 2, data=parts[0])
            if answer.status == 200:
                return answer.json["received"]  # type: ignore[no-any-return]  # JSON
            assert answer.status == 503, answer.body
            assert "Retry-After" in answer.headers

    assert await asyncio.gather(*(put_until_stored() for _ in range(8))) == [1] * 8
    assert (await chunks.put(server.port, "k", 0, 2, data=bytes(PART))).status == 409
    assert (await chunks.put(server.port, "k", 1, 2, data=parts[1])).status == 200
    await finalized(server, parts)
    repeated = await chunks.put(server.port, "k", 0, 2, data=parts[0])
    assert (repeated.status, repeated.json["filename"]) == (200, published(server.data_dir, "posters")[0].name)
    assert (await chunks.put(server.port, "k", 0, 2, data=bytes(PART))).status == 409


async def test_finalize_may_be_asked_eight_times_at_once(server: ServerProcess) -> None:
    """Eight answers, all equal, and one file."""
    parts = chunks.split(video(9, PART + ODD), PART)
    await send_all(server, parts)
    answers = await asyncio.gather(*(chunks.finalize(server.port, "k", 2) for _ in range(8)))
    assert [answer.status for answer in answers] == [200] * 8
    assert len({answer.body for answer in answers}) == 1
    assert len(published(server.data_dir, "posters")) == 1
    assert await finalized(server, parts) == answers[0].json["url"]


async def test_finalize_with_missing_chunks_names_them(server: ServerProcess) -> None:
    """409 with the indexes, nothing changes, and the missing chunks can still come."""
    parts = chunks.split(video(5, 4 * PART + ODD), PART)
    for index in (0, 3):
        await chunks.put(server.port, "k", index, 5, data=parts[index])
    refused = await chunks.finalize(server.port, "k", 5)
    assert (refused.status, refused.json["missing"], refused.json["success"]) == (409, [1, 2, 4], False)
    assert published(server.data_dir, "posters") == []
    for index in (4, 2, 1):
        assert (await chunks.put(server.port, "k", index, 5, data=parts[index])).status == 200
    await finalized(server, parts)


async def test_a_wrong_checksum_of_the_whole_fails_the_upload(server: ServerProcess) -> None:
    """422, the status is failed, the bytes are gone; the same id may begin again and end well."""
    parts = chunks.split(video(6, PART + ODD), PART)
    await send_all(server, parts)
    refused = await chunks.finalize(server.port, "k", 2, checksum=hashlib.sha256(b"other").hexdigest())
    assert refused.status == 422
    assert (await chunks.query(server.port, "k")).json["status"] == "failed"
    assert staged(server.data_dir) == published(server.data_dir, "posters") == []
    await send_all(server, parts)
    right = hashlib.sha256(b"".join(parts)).hexdigest()
    assert (await chunks.finalize(server.port, "k", 2, checksum=right)).status == 200
    await finalized(server, parts)


async def test_a_chunk_with_a_wrong_checksum_is_not_stored(server: ServerProcess) -> None:
    """422 for the chunk alone; sent again without the damage it is stored."""
    parts = chunks.split(video(7, PART + ODD), PART)
    right = hashlib.sha256(parts[0]).hexdigest()
    damaged = bytes([parts[0][0] ^ 1]) + parts[0][1:]
    assert (await chunks.put(server.port, "k", 0, 2, data=damaged, checksum=right)).status == 422
    assert (await chunks.query(server.port, "k")).json["received"] == []
    assert (await chunks.put(server.port, "k", 0, 2, data=parts[0], checksum=right)).status == 200
    assert (await chunks.put(server.port, "k", 1, 2, data=parts[1])).status == 200
    await finalized(server, parts)


@pytest.mark.parametrize("file_first", [False, True])
async def test_a_torn_chunk_leaves_no_trace(file_first: bool, server: ServerProcess) -> None:
    """A form that breaks off in the middle of the file counts for nothing, and what was stored before stays."""
    parts = chunks.split(video(4, PART + ODD), PART)
    assert (await chunks.put(server.port, "k", 1, 2, data=parts[1], chunkSize=PART)).status == 200
    before = (await chunks.query(server.port, "k")).json
    body = chunks.form("k", 0, 2, data=parts[0], file_first=file_first)
    for sent in (len(body) // 2, len(body) - 1):
        wire = await connect(server.port)
        await wire.send(*chunks.lines(body), body=body[:sent])
        wire.reset()
        await wire.close()
    assert (await chunks.query(server.port, "k")).json == before
    assert len(staged(server.data_dir)) == 1, "what waited for its fields has no name"
    assert (await chunks.put(server.port, "k", 0, 2, data=parts[0])).status == 200
    await finalized(server, parts)


async def test_an_upload_can_be_removed_before_and_after_it_is_finished(server: ServerProcess) -> None:
    """DELETE takes bytes, file and record; again it is unknown; the id can be used anew."""
    parts = chunks.split(video(2, PART + ODD), PART)
    await chunks.put(server.port, "k", 0, 2, data=parts[0])
    assert (await chunks.query(server.port, "k", method="DELETE")).status == 204
    assert (await chunks.query(server.port, "k", method="DELETE")).status == 404
    assert (await chunks.query(server.port, "k", method="HEAD")).status == 404
    assert staged(server.data_dir) == []
    await send_all(server, parts)
    url = await finalized(server, parts)
    name = url.rpartition("/")[2]
    described = await chunks.post_json(server.port, "/api/videos/metadata", {"filename": name, "title": "T"})
    assert described.status == 201
    assert (await chunks.query(server.port, "k", method="DELETE")).status == 204
    assert published(server.data_dir, "posters") == []
    assert (await tus.ask(server.port, f"GET {url} HTTP/1.1")).status == 404
    assert (await tus.ask(server.port, "GET /api/videos HTTP/1.1")).json["videos"] == []


async def test_records_are_made_listed_page_by_page_changed_and_removed(server: ServerProcess) -> None:
    """The life of video records: 201, then 200 for the same file; newest first with a cursor; PATCH; DELETE."""
    names = []
    for number in range(5):
        parts = [video(number, 20_000)]
        await send_all(server, parts, key=f"k{number}")
        names.append((await finalized(server, parts, key=f"k{number}")).rpartition("/")[2])
    missing = {"filename": "video_1.mp4", "title": "T"}
    assert (await chunks.post_json(server.port, "/api/videos/metadata", missing)).status == 404
    made = []
    for number, name in enumerate(names):
        told = {"filename": name, "title": f"Film {number}", "description": "d"}
        answer = await chunks.post_json(server.port, "/api/videos/metadata", told)
        assert answer.status == 201
        made.append(answer.json)
    again = {"filename": names[0], "title": "Film 0, new"}
    answer = await chunks.post_json(server.port, "/api/videos/metadata", again)
    assert (answer.status, answer.json["id"], answer.json["title"]) == (200, made[0]["id"], "Film 0, new")

    listed, cursor = [], ""
    while True:
        page = (await tus.ask(server.port, f"GET /api/videos?limit=2{cursor} HTTP/1.1")).json
        listed += [record["id"] for record in page["videos"]]
        if page["cursor"] is None:
            break
        cursor = f"&cursor={page['cursor']}"
    assert sorted(listed) == sorted(record["id"] for record in made)
    times = [next(record["createdAt"] for record in made if record["id"] == each) for each in listed]
    assert times == sorted(times, reverse=True)

    place = f"/api/videos/{made[1]['id']}"
    changed = await chunks.post_json(server.port, place, {"description": "other"}, method="PATCH")
    assert (changed.status, changed.json["title"], changed.json["description"]) == (200, "Film 1", "other")
    assert (await tus.delete(server.port, place)).status == 204
    assert (await tus.ask(server.port, f"GET {place} HTTP/1.1")).status == 404
    assert len(published(server.data_dir, "posters")) == 5, "the record goes, the file stays"
    assert (await tus.delete(server.port, f"/api/videos/{made[2]['id']}?file=1&undo=0")).status == 204
    assert names[2] not in {path.name for path in published(server.data_dir, "posters")}
    assert (await chunks.query(server.port, "k2", method="HEAD")).status == 404
