"""UploadService.create: with and without a body, twice with one key, empty, too long, on a full disk."""

import asyncio
import random

import pytest

from tests.fakes.body import FakeBody, cut_body
from tests.fakes.faults import Crash, Steps
from tests.fakes.house import ANNA, BERT, House
from tests.service.wishes import a_video, creation, creation_with, some
from tusvideo.commands import ListVideos, QueryUpload
from tusvideo.errors import (
    BodyCut,
    DiskFull,
    Expired,
    FactConflict,
    NotFound,
    TooLarge,
    TusvideoError,
    UnsupportedType,
)
from tusvideo.model import Limits, Status


async def nothing_left(house: House) -> bool:
    """Tell whether neither bytes nor a living row are left; tombstones are fine."""
    unfinished = (Status.OPEN, Status.FINALIZING, Status.TERMINATED)
    rows = [await house.sessions.with_status(status, after=None, limit=9) for status in unfinished]
    return not any(rows) and not await house.store.staged_ids()


async def test_a_creation_has_no_bytes_yet(house: House) -> None:
    """An upload begins open, at offset 0, owned by who made it; that is told once (C-01, C-03)."""
    created = await house.uploads.create(ANNA, creation(10, metadata="filename YQ=="), None)
    row = await house.row(created.upload.id)
    assert (row.status, row.offset, row.length, row.owner, row.metadata) == (
        Status.OPEN,
        0,
        10,
        ANNA,
        "filename YQ==",
    )
    assert not created.stored_body
    assert house.events.names() == ["upload_created"]


async def test_many_creations_at_once_make_many_uploads(house: House) -> None:
    """Without a key every creation is one of its own (C-04)."""
    made = await asyncio.gather(*(house.uploads.create(ANNA, creation(10), None) for _ in range(50)))
    assert len({created.upload.id for created in made}) == 50


async def test_a_body_comes_along(house: House) -> None:
    """The body of a creation is stored at once (W-01, W-11)."""
    for chunked in (False, True):
        created = await house.uploads.create(
            ANNA, creation_with(b"hello", length=10, chunked=chunked), FakeBody(b"hello")
        )
        assert created.stored_body
        assert created.upload.offset == 5
        assert await house.staged(await house.row(created.upload.id)) == b"hello"


async def test_a_body_that_is_the_whole_file_publishes_it(house: House) -> None:
    """One request is enough; the end is told once (W-03)."""
    created = await house.uploads.create(ANNA, creation_with(b"hello", length=5), FakeBody(b"he", b"llo"))
    assert created.upload.status is Status.COMPLETE
    assert await house.published(created.upload) == b"hello"
    assert house.events.names().count("upload_completed") == 1


async def test_a_body_of_a_deferred_length_stays_open(house: House) -> None:
    """Nobody told the length, so nothing is complete (W-09)."""
    created = await house.uploads.create(ANNA, creation_with(b"hello", length=None), FakeBody(b"hello"))
    assert (created.upload.status, created.upload.offset, created.upload.length) == (Status.OPEN, 5, None)


async def test_a_body_without_bytes_is_fine(house: House) -> None:
    """The right type and no bytes make an upload at offset 0 (W-10)."""
    created = await house.uploads.create(ANNA, creation_with(b"", length=10), FakeBody())
    assert (created.upload.status, created.upload.offset) == (Status.OPEN, 0)


async def test_a_cut_body_leaves_what_arrived(house: House) -> None:
    """The upload exists with the bytes so far (W-08)."""
    with pytest.raises(BodyCut):
        await house.uploads.create(ANNA, creation_with(b"hello", length=5, creation_key="k"), cut_body(b"hel"))
    again = await house.uploads.create(ANNA, creation_with(b"hello", length=5, creation_key="k"), FakeBody(b"hello"))
    assert not again.stored_body
    assert again.upload.offset == 3
    assert await house.staged(again.upload) == b"hel"


@pytest.mark.parametrize("chunked", [False, True])
@pytest.mark.parametrize("blocks", [(b"hello",), (b"h", b"e", b"llo")])
async def test_a_body_that_is_too_long_leaves_no_upload(house: House, chunked: bool, blocks: tuple[bytes, ...]) -> None:
    """413, and nothing is left of it (W-04)."""
    with pytest.raises(TooLarge):
        await house.uploads.create(ANNA, creation_with(b"hello", length=3, chunked=chunked), FakeBody(*blocks))
    assert await nothing_left(house)


@pytest.mark.parametrize("length", [100_001, 10**18])
async def test_a_length_over_the_limit_makes_nothing(house: House, length: int) -> None:
    """413 without an upload (C-10)."""
    with pytest.raises(TooLarge):
        await house.uploads.create(ANNA, creation(length), None)
    assert await nothing_left(house)


async def test_a_length_at_the_limit_is_fine(house: House) -> None:
    """The limit itself is allowed (C-11)."""
    assert (await house.uploads.create(ANNA, creation(100_000), None)).upload.length == 100_000


async def test_an_unknown_profile_is_not_found(house: House) -> None:
    """There is no place for the file."""
    with pytest.raises(NotFound):
        await house.uploads.create(ANNA, creation(10, profile="nowhere"), None)


@pytest.mark.parametrize("with_body", [False, True])
async def test_an_empty_file_is_published_at_once(house: House, with_body: bool) -> None:
    """Zero bytes are a whole file where any type is taken (C-09)."""
    command = creation_with(b"", length=0, chunked=True) if with_body else creation(0)
    created = await house.uploads.create(ANNA, command, FakeBody() if with_body else None)
    assert created.upload.status is Status.COMPLETE
    assert await house.published(created.upload) == b""
    assert house.events.names() == ["upload_created", "upload_completed"]


async def test_an_empty_file_is_no_video(house: House) -> None:
    """Zero bytes fail where only videos are taken."""
    with pytest.raises(UnsupportedType):
        await house.uploads.create(ANNA, creation(0, profile="poster"), None)
    assert await nothing_left(house)


async def test_an_empty_file_survives_a_crash_at_any_step(house: House) -> None:
    """Whatever of an empty creation is committed, the next start or the same request again publishes exactly once."""
    for at in range(100):
        steps = Steps(at=at)
        key = f"key-{at}"
        with_crash = house.with_steps(steps)
        try:
            await with_crash.uploads.create(ANNA, creation(0, creation_key=key, original_name=f"{at}.bin"), None)
        except Crash:
            pass
        else:
            assert steps.is_over
            break
        after, _ = await house.restarted()
        again = await after.uploads.create(ANNA, creation(0, creation_key=key, original_name=f"{at}.bin"), None)
        assert again.upload.status is Status.COMPLETE
        assert await after.published(again.upload) == b""
    assert at > 4


async def test_an_empty_creation_whose_publishing_failed_is_finished_by_the_next(house: House) -> None:
    """The row of a creation that failed half-way is no dead end: a question and the same creation go on with it."""
    steps = Steps(at=2, error=DiskFull, once=True)
    failing = house.with_steps(steps)
    with pytest.raises(DiskFull):
        await failing.uploads.create(ANNA, creation(0, creation_key="k"), None)
    (row,) = await house.sessions.with_status(Status.OPEN, after=None, limit=9)
    asked = (await house.uploads.query(ANNA, QueryUpload(upload_id=row.id))).upload
    assert asked.status is Status.COMPLETE
    again = await house.uploads.create(ANNA, creation(0, creation_key="k"), None)
    assert (again.upload.id, again.upload.status) == (row.id, Status.COMPLETE)


async def test_the_same_key_gives_the_same_upload(house: House) -> None:
    """A creation whose answer was lost is found again, also when two come at once (C-17)."""
    command = creation(10, creation_key="k")
    first, second = await asyncio.gather(
        house.uploads.create(ANNA, command, None), house.uploads.create(ANNA, command, None)
    )
    assert first.upload.id == second.upload.id
    assert house.events.names() == ["upload_created"]


async def test_a_key_belongs_to_its_user(house: House) -> None:
    """Another user's key is another key."""
    command = creation(10, creation_key="k")
    mine = await house.uploads.create(ANNA, command, None)
    theirs = await house.uploads.create(BERT, command, None)
    assert mine.upload.id != theirs.upload.id


@pytest.mark.parametrize("facts", [{"length": 11}, {"metadata": "filename Yg=="}, {"profile": "poster"}])
async def test_a_key_means_the_same_request(house: House, facts: dict[str, object]) -> None:
    """Another length, metadata or profile under a known key is a contradiction."""
    await house.uploads.create(ANNA, creation(10, creation_key="k"), None)
    with pytest.raises(FactConflict):
        await house.uploads.create(ANNA, creation(**{"length": 10, "creation_key": "k", **facts}), None)  # type: ignore[arg-type]  # a row


async def test_the_key_of_an_expired_upload_says_so(house: House) -> None:
    """The upload of then is gone, and the answer says why; until it is removed it goes on."""
    first = await house.uploads.create(ANNA, creation(10, creation_key="k"), None)
    house.clock.move(Limits().expiry_seconds + 1)
    assert (await house.uploads.create(ANNA, creation(10, creation_key="k"), None)).upload == first.upload
    assert (await house.sweeper.run()).expired == 1
    with pytest.raises(Expired):
        await house.uploads.create(ANNA, creation(10, creation_key="k"), None)


async def test_a_full_disk_refuses_before_anything_is_made(house: House) -> None:
    """An upload that would go below the floor of free room is refused before its first byte."""
    tight = house.with_limits(min_free_bytes=await house.store.free_bytes() + 10**12)
    with pytest.raises(DiskFull):
        await tight.uploads.create(ANNA, creation(1), None)
    assert await nothing_left(house)


async def test_a_wrong_type_is_refused_with_the_creation(house: House) -> None:
    """Content that the profile does not take leaves no bytes."""
    data = some(5000)
    with pytest.raises(UnsupportedType):
        await house.uploads.create(ANNA, creation_with(data, length=9000, profile="poster"), FakeBody(data))
    assert await nothing_left(house)


async def test_a_title_in_the_creation_makes_the_record(house: House) -> None:
    """A file that is published with a title has its record in the same breath."""
    data = a_video(6000)
    command = creation_with(data, length=6000, profile="poster", title="Sea", description="waves")
    created = await house.uploads.create(ANNA, command, FakeBody(data))
    assert created.upload.location is not None
    (video,) = (await house.videos.list(ANNA, ListVideos(limit=9))).videos
    assert (video.title, video.description, video.filename, video.size, video.content_type) == (
        "Sea",
        "waves",
        created.upload.location.filename,
        6000,
        "video/mp4",
    )


@pytest.mark.parametrize("turn", [0, 1, 2, 3, 5, 8, 13, 21, 34])
async def test_a_cancelled_creation_counts_only_what_is_there(house: House, turn: int) -> None:
    """Cancelled at any moment, the row that is left counts bytes that are there, and can be continued."""
    data = some(40)
    body = FakeBody(*(data[i : i + 10] for i in range(0, 40, 10)))
    running = asyncio.create_task(house.uploads.create(ANNA, creation_with(data, length=40, creation_key="k"), body))
    for _ in range(turn):
        await asyncio.sleep(0)
    running.cancel()
    await asyncio.wait([running])
    try:
        again = await house.uploads.create(ANNA, creation(40, creation_key="k"), None)
    except TusvideoError as error:
        pytest.fail(repr(error))
    row = await house.row(again.upload.id)
    if row.status is Status.COMPLETE:
        assert await house.published(row) == data
    else:
        assert await house.staged(row) == data[: row.offset]


async def test_the_fiftieth_file_of_a_name_costs_no_fifty_commits(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first are counted on, as people expect; each name that is tried is a commit, so later ones are guessed."""
    monkeypatch.setattr("random.random", random.Random(1).random)
    names, counted = [], Steps()
    for _ in range(50):
        counted = Steps()
        data = some(10)
        command = creation_with(data, length=10, original_name="scan.pdf")
        upload = (await house.with_steps(counted).uploads.create(ANNA, command, FakeBody(data))).upload
        assert upload.location is not None
        names.append(upload.location.filename)
    assert names[:4] == ["scan.pdf", "scan (2).pdf", "scan (3).pdf", "scan (4).pdf"]
    assert len(set(names)) == 50
    assert counted.names.count("publish") < 30
