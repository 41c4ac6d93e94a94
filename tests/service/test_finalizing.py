"""FinalizeService and Publisher: once, eight times at once, again, with a crash at every step."""

import asyncio
import contextlib
from typing import Any

import pytest

from tests.fakes.body import FakeBody
from tests.fakes.faults import Crash, Steps
from tests.fakes.house import ANNA, FILES, House
from tests.service.wishes import KEY, a_video, appending, creation, creation_with, finalizing, putting, sha256, some
from tusvideo.commands import QueryParts, TerminateParts, TerminateUpload
from tusvideo.errors import (
    ChecksumMismatch,
    FactConflict,
    NotFound,
    PartsMissing,
    StorageFailed,
    UnsupportedType,
)
from tusvideo.model import Location, Status, Upload

DATA = a_video(2500)


async def put(house: House, *indexes: int, data: bytes = DATA, key: str = KEY, **facts: Any) -> Upload:
    """Store parts of 1000 bytes; gives the last state."""
    upload = None
    for index in indexes:
        command = putting(index, 3, client_key=key, **facts)
        body = FakeBody(data[index * 1000 : (index + 1) * 1000], command=command)
        upload = (await house.parts.put(ANNA, command, body)).upload
    assert upload is not None
    return upload


async def test_all_parts_make_the_file(house: House) -> None:
    """Published under a name of the profile, with the name that the client gave kept, and nothing left in staging."""
    await put(house, 0, 1, 2)
    upload = (await house.finalizing.finalize(ANNA, finalizing(3))).upload
    assert (upload.status, upload.length, upload.original_name, upload.content_type) == (
        Status.COMPLETE,
        2500,
        "holiday.mp4",
        "video/mp4",
    )
    assert upload.location == Location(
        directory="posters",
        folder="anna",
        filename=f"video_{int(house.clock.now().timestamp() * 1000)}.mp4",
    )
    assert await house.published(upload) == DATA
    assert await house.store.staged_ids() == []
    assert house.events.names() == ["upload_created", *["part_stored"] * 3, "upload_completed"]


@pytest.mark.parametrize(
    ("stored", "missing"), [((0,), ((1, 2),)), ((1,), ((0, 0), (2, 2))), ((2,), ((0, 1),)), ((0, 2), ((1, 1),))]
)
async def test_missing_parts_are_listed(
    house: House, stored: tuple[int, ...], missing: tuple[tuple[int, int], ...]
) -> None:
    """409 with what is missing; nothing changed, and finalize works once they came."""
    before = await put(house, *stored)
    with pytest.raises(PartsMissing) as caught:
        await house.finalizing.finalize(ANNA, finalizing(3))
    assert (caught.value.missing, caught.value.count) == (missing, 3 - len(stored))
    assert await house.row(before.id) == before
    await put(house, *(set(range(3)) - set(stored)))
    assert await house.published((await house.finalizing.finalize(ANNA, finalizing(3))).upload) == DATA


async def test_another_count_is_a_contradiction(house: House) -> None:
    """The count of finalize is that of the parts."""
    await put(house, 0, 1, 2)
    with pytest.raises(FactConflict):
        await house.finalizing.finalize(ANNA, finalizing(4))


async def test_an_unknown_key_is_not_found(house: House) -> None:
    """Nothing under this key, or nothing in this profile."""
    with pytest.raises(NotFound):
        await house.finalizing.finalize(ANNA, finalizing(3))
    await put(house, 0, 1, 2)
    with pytest.raises(NotFound):
        await house.finalizing.finalize(ANNA, finalizing(3, profile="files"))


@pytest.mark.parametrize("checksum", [None, sha256(DATA)])
async def test_eight_at_once_make_one_file(house: House, checksum: str | None) -> None:
    """All eight get the same answer, and there is one file and one event."""
    await put(house, 2, 1, 0)
    command = finalizing(3, checksum=checksum)
    outcomes = await asyncio.gather(*(house.finalizing.finalize(ANNA, command) for _ in range(8)))
    assert len({outcome.upload.location for outcome in outcomes}) == 1
    assert house.events.names().count("upload_completed") == 1
    assert await house.published(outcomes[0].upload) == DATA


async def test_a_wrong_checksum_is_final(house: House) -> None:
    """The upload is FAILED, its bytes are gone, and the key may be used anew."""
    upload = await put(house, 0, 1, 2)
    with pytest.raises(ChecksumMismatch):
        await house.finalizing.finalize(ANNA, finalizing(3, checksum=sha256(b"other")))
    row = await house.row(upload.id)
    assert (row.status, row.reason, row.location) == (Status.FAILED, "checksum_mismatch", None)
    assert await house.store.staged_ids() == []
    with pytest.raises(NotFound):
        await house.finalizing.finalize(ANNA, finalizing(3))
    await put(house, 0, 1, 2)
    assert await house.published((await house.finalizing.finalize(ANNA, finalizing(3))).upload) == DATA


@pytest.mark.parametrize("first", [None, sha256(DATA)])
async def test_after_the_end_a_wrong_checksum_changes_nothing(house: House, first: str | None) -> None:
    """What is complete stays so; a right checksum, or none, gets the first answer again."""
    await put(house, 0, 1, 2)
    upload = (await house.finalizing.finalize(ANNA, finalizing(3, checksum=first))).upload
    with pytest.raises(ChecksumMismatch):
        await house.finalizing.finalize(ANNA, finalizing(3, checksum=sha256(b"other")))
    for checksum in (None, sha256(DATA)):
        again = await house.finalizing.finalize(ANNA, finalizing(3, checksum=checksum, filename="other.mp4"))
        assert again.upload == upload
    assert await house.published(upload) == DATA


async def test_an_interrupted_publication_is_checked_when_it_goes_on(house: House) -> None:
    """A finalize that goes on where another broke off still answers for its own checksum."""
    await put(house, 0, 1, 2)
    publish, house.store.publish = house.store.publish, _fails  # type: ignore[method-assign]  # a double for a while
    with pytest.raises(StorageFailed):
        await house.finalizing.finalize(ANNA, finalizing(3))
    house.store.publish = publish  # type: ignore[method-assign]  # a double for a while
    with pytest.raises(ChecksumMismatch):
        await house.finalizing.finalize(ANNA, finalizing(3, checksum=sha256(b"other")))
    again = await house.finalizing.finalize(ANNA, finalizing(3, checksum=sha256(DATA)))
    assert await house.published(again.upload) == DATA


async def _fails(*args: Any, **kwargs: Any) -> bool:
    raise StorageFailed


async def test_a_file_that_was_removed_by_hand_is_not_found(house: House) -> None:
    """Its checksum cannot be told any more."""
    await put(house, 0, 1, 2)
    upload = (await house.finalizing.finalize(ANNA, finalizing(3))).upload
    assert upload.location is not None
    await house.store.remove_published(upload.location)
    with pytest.raises(NotFound):
        await house.finalizing.finalize(ANNA, finalizing(3, checksum=sha256(DATA)))
    with pytest.raises(NotFound):
        await put(house, 0)


async def test_a_told_length_is_compared_with_a_last_part_that_waits(house: House) -> None:
    """fileSize told while the odd last part waits for its place must fit it: it is refused then, not by finalize."""
    await put(house, 2)
    await put(house, 0)
    with pytest.raises(FactConflict):
        await put(house, 1, length=2600)
    await put(house, 1)
    assert await house.published((await house.finalizing.finalize(ANNA, finalizing(3))).upload) == DATA


@pytest.mark.parametrize("taken", [1, 3])
async def test_a_taken_name_gives_the_next(house: House, taken: int) -> None:
    """A name that another file has is never overwritten: in time order here, counted where the client named it."""
    for number in range(taken):
        key = f"other-{number}"
        await put(house, 0, 1, 2, key=key, data=a_video(2500, seed=number))
        await house.finalizing.finalize(ANNA, finalizing(3, client_key=key))
    await put(house, 0, 1, 2)
    upload = (await house.finalizing.finalize(ANNA, finalizing(3))).upload
    assert upload.location is not None
    milliseconds = int(house.clock.now().timestamp() * 1000)
    assert upload.location.filename == f"video_{milliseconds + taken}.mp4"
    assert await house.published(upload) == DATA
    names = []
    for _ in range(taken + 1):
        made = await house.uploads.create(ANNA, creation_with(b"x", length=1, original_name="a.txt"), FakeBody(b"x"))
        assert made.upload.location is not None
        names.append(made.upload.location.filename)
    assert names == ["a.txt", *(f"a ({n}).txt" for n in range(2, taken + 2))]


async def test_two_that_choose_one_name_at_once_both_get_theirs(house: House) -> None:
    """Twenty files of one name published side by side lie under twenty names, each with its own bytes."""
    contents = [bytes([65 + n]) * 10 for n in range(20)]
    made = await asyncio.gather(
        *(
            house.uploads.create(ANNA, creation_with(data, length=10, original_name="a.txt"), FakeBody(data))
            for data in contents
        )
    )
    assert len({created.upload.location for created in made}) == 20
    assert [await house.published(created.upload) for created in made] == contents


# --- crashes and failures at every step ---------------------------------------------------------------------------


async def everything(house: House) -> int:
    """Count published files of anna's poster folder by their rows; every one must be there."""
    rows = await house.sessions.with_status(Status.COMPLETE, after=None, limit=1000)
    for row in rows:
        await house.published(row)
    return len(rows)


@pytest.mark.parametrize("recovers", [True, False])
@pytest.mark.parametrize("order", [(0, 1, 2), (2, 0, 1)])
async def test_a_crash_at_any_step_of_finalize(house: House, order: tuple[int, ...], recovers: bool) -> None:
    """Killed before each step in turn, restarted with or without recovery in between, finalized again: one exact
    file, no orphan in staging, and the parked last part was moved once."""
    for at in range(100):
        key = f"{KEY}-{at}"
        house.clock.move(1)
        await put(house, *order, key=key)
        command = finalizing(3, client_key=key, checksum=sha256(DATA))
        steps = Steps(at=at)
        crashed = False
        try:
            await house.with_steps(steps).finalizing.finalize(ANNA, command)
        except Crash:
            crashed = True
        after = house
        if recovers:
            after, _ = await house.restarted()
        else:
            after = house.with_(locks=house.locks)
        upload = (await after.finalizing.finalize(ANNA, command)).upload
        assert await after.published(upload) == DATA
        assert await after.store.staged_ids() == [] or not recovers
        assert await everything(after) == at + 1
        if not crashed:
            break
        house = after
    assert at >= 8
    last, _ = await house.restarted()
    assert await last.store.staged_ids() == []


async def test_a_failure_at_any_step_of_finalize(house: House) -> None:
    """Disk or database fail once, at each step in turn, before or after they did their work: again is enough."""
    for after in (False, True):
        for at in range(100):
            key = f"{KEY}-{at}-{after}"
            house.clock.move(1)
            await put(house, 2, 0, 1, key=key)
            command = finalizing(3, client_key=key)
            steps = Steps(at=at, error=StorageFailed, once=True, after=after)
            with contextlib.suppress(StorageFailed):
                await house.with_steps(steps).finalizing.finalize(ANNA, command)
            upload = (await house.finalizing.finalize(ANNA, command)).upload
            assert await house.published(upload) == DATA
            if steps.is_over:
                break
        assert at >= 8


@pytest.mark.parametrize("size", [10, None], ids=["a short body", "nobody knows how long"])
@pytest.mark.parametrize("length", [10, None])
async def test_a_crash_at_any_step_of_the_last_append(house: House, length: int | None, size: int | None) -> None:
    """Killed before each step in turn: after the restart the offset is honest, what was whole is published, and the
    client comes to the exact file by asking and appending."""
    for at in range(100):
        upload = (await house.uploads.create(ANNA, creation(length, original_name=f"{at}.bin"), None)).upload
        steps = Steps(at=at)
        crashed = False
        body = FakeBody(b"01234", b"56789")
        try:
            await house.with_steps(steps).uploads.append(ANNA, appending(upload, size, at=0, length=10), body)
        except Crash:
            crashed = True
        after, recovered = await house.restarted()
        assert recovered.damaged == 0
        row = await after.row(upload.id)
        assert row.status in {Status.OPEN, Status.COMPLETE}
        if row.status is Status.OPEN:
            assert row.offset < 10
            rest = b"0123456789"[row.offset :]
            row = (
                await after.uploads.append(ANNA, appending(upload, len(rest), at=row.offset, length=10), FakeBody(rest))
            ).upload
        assert await after.published(row) == b"0123456789"
        assert await after.store.staged_ids() == []
        house = after
        if not crashed:
            break
    assert at > (8 if size is None else 7)  # the bytes of a short body are written and synced in one step


@pytest.mark.parametrize("state", ["open", "finalizing", "complete"])
async def test_a_crash_at_any_step_of_a_termination(house: House, state: str) -> None:
    """Killed before each step of DELETE in turn: after the restart the upload is there whole, or gone without a
    trace, and so it is after the next DELETE."""
    for at in range(100):
        key = f"{KEY}-{at}"
        house.clock.move(1)
        upload = await put(house, 0, 1, 2, key=key)
        if state == "complete":
            upload = (await house.finalizing.finalize(ANNA, finalizing(3, client_key=key))).upload
        if state == "finalizing":
            publish, house.store.publish = house.store.publish, _fails  # type: ignore[method-assign]  # a double for a while
            with pytest.raises(StorageFailed):
                await house.finalizing.finalize(ANNA, finalizing(3, client_key=key))
            house.store.publish = publish  # type: ignore[method-assign]  # a double for a while
        location = (await house.row(upload.id)).location
        steps = Steps(at=at)
        crashed = False
        command = TerminateParts(profile="poster", client_key=key)  # type: ignore[arg-type]  # a plain text
        try:
            await house.with_steps(steps).parts.terminate(ANNA, command)
        except Crash:
            crashed = True
        after, _ = await house.restarted()
        if await after.sessions.get(upload.id) is not None:
            await after.parts.terminate(ANNA, command)
        assert await after.sessions.get(upload.id) is None
        assert await after.store.staged_ids() == []
        if location is not None:
            assert await after.store.open_published(location) is None
        house = after
        if not crashed:
            break
    assert at > 4


async def test_terminating_what_was_not_published_spares_the_file_of_another(house: House) -> None:
    """Two uploads chose one name; the first broke off before it had the file, the second got it and breaks off, too.
    Deleting the first must not take the file of the second."""
    first = (await house.uploads.create(ANNA, creation(3, original_name="a.txt"), None)).upload
    publish, house.store.publish = house.store.publish, _fails  # type: ignore[method-assign]  # a double for a while
    with pytest.raises(StorageFailed):
        await house.uploads.append(ANNA, appending(first, 3, at=0), FakeBody(b"one"))
    house.store.publish = publish  # type: ignore[method-assign]  # a double for a while
    second = (await house.uploads.create(ANNA, creation(3, original_name="a.txt"), None)).upload
    complete, linked, go = house.sessions.complete, asyncio.Event(), asyncio.Event()

    async def late(upload: Upload, **kwargs: Any) -> None:
        if upload.id == second.id:
            linked.set()
            await go.wait()
        await complete(upload, **kwargs)

    house.sessions.complete = late  # type: ignore[method-assign]  # a double for a while
    publishing = asyncio.create_task(house.uploads.append(ANNA, appending(second, 3, at=0), FakeBody(b"two")))
    await linked.wait()
    await house.uploads.terminate(ANNA, TerminateUpload(upload_id=first.id))
    go.set()
    assert await house.published((await publishing).upload) == b"two"


@pytest.mark.parametrize("turn", list(range(0, 60, 4)))
async def test_a_cancelled_finalize_is_finished_by_the_next(house: House, turn: int) -> None:
    """Cancelled at any moment; the next finalize makes the one exact file."""
    await put(house, 2, 0, 1)
    running = asyncio.create_task(house.finalizing.finalize(ANNA, finalizing(3)))
    for _ in range(turn):
        await asyncio.sleep(0)
    running.cancel()
    await asyncio.wait([running])
    upload = (await house.finalizing.finalize(ANNA, finalizing(3))).upload
    assert await house.published(upload) == DATA
    assert await everything(house) == 1


async def test_a_video_that_is_none_is_refused_by_finalize_at_the_latest(house: House) -> None:
    """Bytes that nobody judged because of a crash are judged before they are published."""
    data = some(2500)
    await put(house, 0, 1, data=data)
    command = putting(2, 3)
    steps = Steps()
    dying = house.with_steps(steps)
    add_part = house.sessions.add_part

    async def then_dies(*args: Any, **kwargs: Any) -> Upload:
        stored = await add_part(*args, **kwargs)
        steps.at = steps.taken
        return stored

    house.sessions.add_part = then_dies  # type: ignore[method-assign]  # a double for a while
    with pytest.raises(Crash):
        await dying.parts.put(ANNA, command, FakeBody(data[2000:], command=command))
    house.sessions.add_part = add_part  # type: ignore[method-assign]  # a double for a while
    with pytest.raises(UnsupportedType):
        await house.finalizing.finalize(ANNA, finalizing(3))
    assert (await house.parts.query(ANNA, QueryParts(profile="poster", client_key=KEY))).upload.status is Status.FAILED
    assert await house.store.staged_ids() == []


async def test_a_profile_that_is_gone_publishes_nothing(house: House) -> None:
    """Its files stay where they are until it comes back."""
    upload = (await house.uploads.create(ANNA, creation(3), None)).upload
    without = house.with_(profiles={"other": FILES})
    with pytest.raises(NotFound):
        await without.uploads.append(ANNA, appending(upload, 3, at=0), FakeBody(b"abc"))
    assert (await house.uploads.append(ANNA, appending(upload, 3, at=0), FakeBody(b"abc"))).upload.offset == 3
