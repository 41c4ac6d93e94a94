"""SessionRepository.complete for an upload that replaces the file of a record: one transaction, all or nothing."""

from dataclasses import replace
from typing import Any

import pytest

from tests.conformance.sessions.samples import ANNA, BERT, NOW, SECOND, Sessions, a_video, an_upload, upload_id
from tusvideo.errors import SessionConflict
from tusvideo.model import Location, Status, Upload
from tusvideo.video import Facts, Video, VideoState

LATER = NOW + SECOND
RECORD = a_video(
    9,
    filename="old.mp4",
    description="calm",
    state=VideoState.READY,
    tries=1,
    duration=2.0,
    width=320,
    height=240,
    rotation=0,
    video_codec="h264",
    thumbnail="ab",
    original_name="o.mp4",
)
FILE = a_video(8, filename="new.mp4", title="", size=7, created_at=LATER, updated_at=LATER, state=VideoState.CHECKING)


def place(filename: str) -> Location:
    """Where a file of anna lies."""
    return Location(directory="videos", folder="anna", filename=filename)


async def finalizing(sessions: Sessions, number: int, filename: str, **facts: Any) -> Upload:
    """Add an upload that has chosen its name."""
    return await sessions.add(
        an_upload(number, status=Status.FINALIZING, length=7, offset=7, location=place(filename), **facts)
    )


async def a_record(sessions: Sessions) -> Upload:
    """Store ``RECORD`` with its file; give the upload of that."""
    was = await finalizing(sessions, 1, "old.mp4")
    old = replace(was, status=Status.COMPLETE)
    await sessions.complete(old, was=was, video=None)
    await sessions.put_video(RECORD)
    return old


async def completed(sessions: Sessions, number: int = 2, *, file: Video = FILE, **facts: Any) -> Video | None:
    """Complete an upload that is to replace the file of ``RECORD``."""
    was = await finalizing(sessions, number, file.filename, **{"replaces": RECORD.id, **facts})
    return await sessions.complete(replace(was, status=Status.COMPLETE), was=was, video=file)


async def test_a_record_gets_another_file(sessions: Sessions) -> None:
    """Its id, its age and its texts stay; all that was known of its file is forgotten; the old upload is to be
    removed."""
    old = await a_record(sessions)
    stored = await completed(sessions, original_name="n.mp4", file=replace(FILE, original_name="n.mp4"))
    assert stored == a_video(
        9,
        filename="new.mp4",
        description="calm",
        size=7,
        updated_at=LATER,
        replaced_at=LATER,
        state=VideoState.CHECKING,
        original_name="n.mp4",
    )
    assert await sessions.videos(ANNA, limit=9) == (stored,)
    assert await sessions.video_of(ANNA, profile="videos", filename="new.mp4") == stored
    assert await sessions.video_of(ANNA, profile="videos", filename="old.mp4") is None
    assert await sessions.get(old.id) == old
    assert await sessions.checking(limit=9) == (stored,)
    assert await sessions.begin_check(RECORD, tries=2) is None
    assert await sessions.thumbnails() == frozenset()


async def test_the_old_file_is_given_until_it_is_gone(sessions: Sessions) -> None:
    """At once, and whatever the clock says; restored by nobody, and served to nobody."""
    old = await a_record(sessions)
    assert not await sessions.is_leaving(old.id)
    await completed(sessions)
    assert await sessions.is_leaving(old.id)
    [leaving] = await sessions.take_removals(now=NOW - 99 * SECOND, limit=9)
    assert (leaving.upload_id, leaving.video.filename) == (old.id, "old.mp4")
    assert leaving.video.id != RECORD.id
    assert await sessions.take_removals(now=NOW - 99 * SECOND, limit=9) == (leaving,)
    assert await sessions.restore_video(ANNA, leaving.video.id, now=NOW - 99 * SECOND) is None
    found = await sessions.leaving(ANNA, profile="videos", filename="old.mp4")
    assert found == leaving
    assert await sessions.remove_video(leaving.video)
    assert await sessions.take_removals(now=LATER, limit=9) == ()
    assert await sessions.video(ANNA, RECORD.id) is not None


@pytest.mark.parametrize(
    ("told", "texts"),
    [
        ({}, ("First", "calm")),
        ({"title": "Sea"}, ("Sea", "calm")),
        ({"description": ""}, ("First", "")),
        ({"title": "Sea", "description": "rough"}, ("Sea", "rough")),
    ],
)
async def test_texts_that_the_row_has_by_then_win(
    sessions: Sessions, told: dict[str, str], texts: tuple[str, str]
) -> None:
    """They may have been drafted after the caller read it; the record is found by them."""
    await a_record(sessions)
    was = await finalizing(sessions, 2, "new.mp4", replaces=RECORD.id)
    await sessions.draft(ANNA, was.id, **{"title": None, "description": None, **told})
    stored = await sessions.complete(replace(was, status=Status.COMPLETE), was=was, video=FILE)
    assert stored is not None
    assert (stored.title, stored.description) == texts


@pytest.mark.parametrize("why", ["gone", "hidden", "bert", "profile"])
async def test_without_the_record_there_is_a_new_one(sessions: Sessions, why: str) -> None:
    """Nothing of the other one changes, and no file is to go; the name of the file stands for a title."""
    old = await a_record(sessions)
    if why == "gone":
        await sessions.remove_video(RECORD)
    if why == "hidden":
        await sessions.begin_removal(RECORD, due=LATER, upload_id=old.id)
    others: dict[str, dict[str, Any]] = {"bert": {"owner": BERT}, "profile": {"profile": "other"}}
    facts = others.get(why, {})
    stored = await completed(sessions, file=replace(FILE, **facts), **facts)
    assert stored == replace(FILE, title="new.mp4", **facts)
    assert await sessions.take_removals(now=NOW, limit=9) == ()
    if why == "hidden":
        assert await sessions.restore_video(ANNA, RECORD.id, now=NOW) == RECORD


async def test_of_two_the_later_one_wins(sessions: Sessions) -> None:
    """And both of the others are to go."""
    old = await a_record(sessions)
    await completed(sessions, 2)
    stored = await completed(sessions, 3, file=replace(FILE, filename="newer.mp4"))
    assert stored is not None
    assert (stored.id, stored.filename) == (RECORD.id, "newer.mp4")
    taken = {upload for _, upload in await sessions.take_removals(now=LATER, limit=9)}
    assert taken == {old.id, upload_id(2)}


async def test_an_old_file_under_the_same_name_is_not_to_go(sessions: Sessions) -> None:
    """It was removed by hand, and its name is that of the new file now."""
    await a_record(sessions)
    stored = await completed(sessions, file=replace(FILE, filename="old.mp4"))
    assert stored is not None
    assert stored.id == RECORD.id
    assert await sessions.take_removals(now=LATER, limit=9) == ()


@pytest.mark.parametrize("name", ["new.mp4", "old.mp4"])
async def test_an_old_file_of_another_directory_is_to_go_too(sessions: Sessions, name: str) -> None:
    """The profile had that directory then; also when the new file has the same name in the other one. Files of others
    and of other profiles stay."""
    there = Location(directory="clips", folder="anna", filename="old.mp4")
    others: list[dict[str, Any]] = [{}, {"owner": BERT}, {"profile": "other"}]
    for number, facts in enumerate(others, 4):
        was = await sessions.add(
            an_upload(number, status=Status.FINALIZING, length=7, offset=7, location=there, **facts)
        )
        await sessions.complete(replace(was, status=Status.COMPLETE), was=was, video=None)
    await sessions.put_video(RECORD)
    await finalizing(sessions, 3, "other.mp4")
    stored = await completed(sessions, file=replace(FILE, filename=name))
    assert stored is not None
    assert (stored.id, stored.filename) == (RECORD.id, name)
    [leaving] = await sessions.take_removals(now=LATER, limit=9)
    assert (leaving.upload_id, leaving.video.filename) == (upload_id(4), "clips/old.mp4")
    assert await sessions.remove_video(leaving.video)
    assert await sessions.videos(ANNA, limit=9) == (stored,)


async def test_no_two_records_have_one_file(sessions: Sessions) -> None:
    """One that is left under the name of the new file lost its own."""
    await a_record(sessions)
    await sessions.put_video(a_video(7, filename="new.mp4"))
    stored = await completed(sessions)
    assert await sessions.videos(ANNA, limit=9) == (stored,)


async def test_a_file_without_an_upload_is_left_alone(sessions: Sessions) -> None:
    """Nobody knows whose it is."""
    await sessions.put_video(RECORD)
    stored = await completed(sessions)
    assert stored is not None
    assert await sessions.take_removals(now=LATER, limit=9) == ()


async def test_a_row_that_moved_on_replaces_nothing(sessions: Sessions) -> None:
    """Row and record change together or not at all."""
    await a_record(sessions)
    was = await finalizing(sessions, 2, "new.mp4", replaces=RECORD.id)
    stale = replace(was, offset=3)
    with pytest.raises(SessionConflict):
        await sessions.complete(replace(stale, status=Status.COMPLETE), was=stale, video=FILE)
    assert await sessions.videos(ANNA, limit=9) == (RECORD,)


async def test_facts_that_come_late_are_of_no_file(sessions: Sessions) -> None:
    """An examination of the old file says nothing of the new one."""
    await a_record(sessions)
    await completed(sessions)
    ended = await sessions.end_check(RECORD, state=VideoState.READY, reason=None, facts=Facts(), thumbnail="cd")
    assert ended is None
