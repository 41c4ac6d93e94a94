"""SessionRepository: what is on its way, and what is drafted for it."""

from dataclasses import replace
from typing import Any

import pytest

from tests.conformance.sessions.samples import ANNA, BERT, NOW, SECOND, Sessions, a_video, an_upload, upload_id
from tusvideo.model import Location, Status, Upload

PLACE = Location(directory="videos", folder="anna", filename="1.mp4")


async def recent(sessions: Sessions, *, limit: int = 9) -> list[int]:
    """The numbers of the uploads of anna that go on or ended in the last ten seconds."""
    found = await sessions.recent(ANNA, since=NOW - 10 * SECOND, limit=limit)
    return [int(row.id, 16) for row in found]


async def test_what_goes_on_and_what_ended_just_now(sessions: Sessions) -> None:
    """Open and finalizing ones whatever their age, complete and failed ones by their end, however long ago their last
    byte came; newest first."""
    old: dict[str, Any] = {"ended_at": NOW - 10 * SECOND}
    now: dict[str, Any] = {"stored_at": NOW - 99 * SECOND, "ended_at": NOW}
    rows = (
        an_upload(1, created_at=NOW - 900 * SECOND, stored_at=NOW - 800 * SECOND),
        an_upload(2, created_at=NOW + SECOND, status=Status.FINALIZING, location=PLACE),
        an_upload(3, created_at=NOW - SECOND, status=Status.COMPLETE, **now),
        an_upload(4, created_at=NOW - 2 * SECOND, status=Status.FAILED, **now),
        an_upload(5, status=Status.COMPLETE, **old),
        an_upload(6, status=Status.FAILED, **old),
        an_upload(7, status=Status.TERMINATED),
        an_upload(8, status=Status.EXPIRED),
        an_upload(9, concat="partial"),
        an_upload(10, concat="partial", status=Status.FAILED, **now),
        an_upload(11, owner=BERT),
        an_upload(12, concat=f"final;/files/{upload_id(9)}"),
    )
    for row in rows:
        await sessions.add(row)
    assert await recent(sessions) == [2, 12, 3, 4, 1]
    assert await recent(sessions, limit=2) == [2, 12]


@pytest.mark.parametrize("status", [Status.OPEN, Status.FINALIZING])
async def test_a_draft_changes_texts_alone(sessions: Sessions, status: Status) -> None:
    """Those that are told; the next save of the transfer leaves them alone."""
    was = await sessions.add(an_upload(status=status, title="old", description="long"))
    assert await sessions.draft(ANNA, was.id, title="new", description=None) == replace(was, title="new")
    assert await sessions.draft(ANNA, was.id, title=None, description="") == replace(was, title="new", description="")
    await sessions.save(replace(was, offset=5), was=was)
    assert await sessions.get(was.id) == replace(was, title="new", description="", offset=5)


@pytest.mark.parametrize(
    "row",
    [an_upload(owner=BERT), an_upload(status=Status.COMPLETE), an_upload(status=Status.FAILED), an_upload(2)],
    ids=["of somebody else", "published", "failed", "another"],
)
async def test_other_uploads_are_not_drafted(sessions: Sessions, row: Upload) -> None:
    """To their owner they are no uploads that go on."""
    stored = await sessions.add(row)
    assert await sessions.draft(ANNA, upload_id(1), title="new", description=None) is None
    assert await sessions.get(row.id) == stored


async def test_a_record_says_what_was_drafted_meanwhile(sessions: Sessions) -> None:
    """Texts that came after the row was read are those of the record; it is given as it is stored."""
    was = await sessions.add(an_upload(status=Status.FINALIZING, title="old"))
    await sessions.draft(ANNA, was.id, title="new", description="long")
    done = replace(was, status=Status.COMPLETE, location=PLACE)
    stored = await sessions.complete(done, was=was, video=a_video(title="old"))
    assert stored == a_video(title="new", description="long")
    assert await sessions.video(ANNA, a_video().id) == stored
    assert await sessions.video_of(ANNA, profile="videos", filename="1.mp4") == stored
    assert await sessions.video_of(BERT, profile="videos", filename="1.mp4") is None


async def test_without_a_title_there_is_no_record(sessions: Sessions) -> None:
    """A description alone asks for none."""
    was = await sessions.add(an_upload(status=Status.FINALIZING))
    await sessions.draft(ANNA, was.id, title=None, description="long")
    done = replace(was, status=Status.COMPLETE, location=PLACE)
    assert await sessions.complete(done, was=was, video=a_video(title="")) is None
    assert await sessions.count_videos(ANNA) == 0
