"""VideoRepository: which records wait to be examined, and what came of it."""

from dataclasses import replace
from typing import Any

import pytest

from tests.conformance.sessions.samples import ANNA, NOW, SECOND, Sessions, a_video
from tusvideo.video import Facts, Video, VideoSort, VideoState

FACTS = Facts(duration=2.125, width=320, height=240, rotation=90, video_codec="h264", audio_codec=None, faststart=False)
NAMES = tuple(Facts.__slots__)
CHECKING: dict[str, Any] = {"state": VideoState.CHECKING}


async def put(sessions: Sessions, n: int = 1, **facts: Any) -> Video:
    """Store a record that waits."""
    video, _ = await sessions.put_video(a_video(n, **{**CHECKING, **facts}))
    return video


async def test_facts_are_kept(sessions: Sessions) -> None:
    """State, facts and thumbnail are stored; texts, times and tries stay."""
    video = await put(sessions)
    ended = await sessions.end_check(video, state=VideoState.READY, reason=None, facts=FACTS, thumbnail="ab" * 8)
    facts = {name: getattr(FACTS, name) for name in NAMES}
    assert ended == replace(video, state=VideoState.READY, thumbnail="ab" * 8, **facts)
    assert await sessions.video(ANNA, video.id) == ended
    assert await sessions.thumbnails() == {f"{video.id}-{'ab' * 8}"}


@pytest.mark.parametrize("faststart", [True, False, None])
async def test_the_order_of_boxes_has_three_values(sessions: Sessions, *, faststart: bool | None) -> None:
    """True, False and unknown come back as they were."""
    video = await put(sessions)
    facts = replace(FACTS, faststart=faststart)
    ended = await sessions.end_check(video, state=VideoState.READY, reason=None, facts=facts, thumbnail=None)
    assert ended is not None
    assert ended.faststart is faststart


async def test_a_reason_is_kept(sessions: Sessions) -> None:
    """A failed record says why, and has no facts."""
    video = await put(sessions)
    ended = await sessions.end_check(video, state=VideoState.FAILED, reason="why", facts=Facts(), thumbnail=None)
    assert ended == replace(video, state=VideoState.FAILED, reason="why")
    assert await sessions.thumbnails() == frozenset()


async def test_new_texts_leave_facts_alone(sessions: Sessions) -> None:
    """Updating a record changes neither its state nor what is known of its file."""
    video = await put(sessions)
    ended = await sessions.end_check(video, state=VideoState.READY, reason=None, facts=FACTS, thumbnail="ab" * 8)
    assert ended is not None
    again, is_new = await sessions.put_video(a_video(9, filename=video.filename, title="Other", **CHECKING))
    assert (again, is_new) == (replace(ended, title="Other"), False)


async def test_those_least_tried_come_first(sessions: Sessions) -> None:
    """Then the oldest; records that do not wait are left out, and so are those beyond the limit."""
    tried = await put(sessions, 1, created_at=NOW)
    young = await put(sessions, 2, created_at=NOW + SECOND)
    old = await put(sessions, 3, created_at=NOW)
    await put(sessions, 4, state=VideoState.READY)
    await put(sessions, 5, state=VideoState.FAILED)
    again = await sessions.begin_check(tried, tries=1)
    assert again == replace(tried, tries=1)
    assert await sessions.checking(limit=9) == (old, young, again)
    assert await sessions.checking(limit=2) == (old, young)


@pytest.mark.parametrize(
    "facts", [{"state": VideoState.READY}, {"filename": "other.mp4"}, {"profile": "other"}], ids=str
)
async def test_a_record_that_is_another_by_now(sessions: Sessions, facts: dict[str, Any]) -> None:
    """One that waits no more, or has another file, is neither tried nor given the facts of its old file."""
    stored = await put(sessions, **facts)
    seen = a_video(**CHECKING)
    assert await sessions.begin_check(seen, tries=1) is None
    assert await sessions.end_check(seen, state=VideoState.READY, reason=None, facts=FACTS, thumbnail="ab") is None
    assert await sessions.video(ANNA, stored.id) == stored


async def test_a_record_that_is_gone(sessions: Sessions) -> None:
    """None, for both."""
    assert await sessions.begin_check(a_video(), tries=1) is None
    assert await sessions.end_check(a_video(), state=VideoState.READY, reason=None, facts=FACTS, thumbnail=None) is None


async def test_records_from_before_begin_to_wait(sessions: Sessions) -> None:
    """Those of the named types that were never tried; others stay as they are."""
    never = await put(sessions, 1, state=VideoState.READY)
    await put(sessions, 2, state=VideoState.READY, content_type="text/plain")
    await put(sessions, 3, state=VideoState.READY, tries=1)
    await put(sessions, 4, state=VideoState.FAILED)
    assert await sessions.begin_checking([never.content_type, "video/webm"]) == 1
    assert await sessions.checking(limit=9) == (replace(never, **CHECKING),)
    assert await sessions.begin_checking([never.content_type]) == 0


async def test_nobody_waits_any_more(sessions: Sessions) -> None:
    """All that wait are ready, as if they had never been tried."""
    video = await put(sessions)
    await sessions.begin_check(video, tries=3)
    failed = await put(sessions, 2, state=VideoState.FAILED)
    assert await sessions.end_checking() == 1
    assert await sessions.checking(limit=9) == ()
    assert await sessions.video(ANNA, video.id) == replace(video, state=VideoState.READY)
    assert await sessions.video(ANNA, failed.id) == failed


async def test_what_became_known_is_ordered_by(sessions: Sessions) -> None:
    """A duration counts for the order as soon as it is known."""
    short, long = await put(sessions, 1), await put(sessions, 2)
    for video, duration in ((short, 1.5), (long, 9.25)):
        facts = replace(FACTS, duration=duration)
        await sessions.end_check(video, state=VideoState.READY, reason=None, facts=facts, thumbnail=None)
    await sessions.put_video(a_video(3))
    found = await sessions.videos(ANNA, sort=VideoSort.LONGEST, limit=9)
    assert [video.duration for video in found] == [9.25, 1.5, None]
