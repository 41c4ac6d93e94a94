"""VideoRepository: records that are hidden until they are removed or restored."""

import asyncio
from collections.abc import Awaitable, Callable

from tests.conformance.sessions.samples import ANNA, BERT, NOW, SECOND, Sessions, a_video, upload_id
from tusvideo.video import VideoState

DUE = NOW + 30 * SECOND
ID = a_video().id
Step = Callable[[], Awaitable[object]]


async def test_a_hidden_record_is_nowhere(sessions: Sessions) -> None:
    """Neither loaded, listed, counted, examined nor changed; hidden once."""
    await sessions.put_video(a_video(state=VideoState.CHECKING))
    assert not await sessions.begin_removal(a_video(owner=BERT), due=DUE, upload_id=upload_id(1))
    assert await sessions.begin_removal(a_video(), due=DUE, upload_id=upload_id(1))
    assert not await sessions.begin_removal(a_video(), due=DUE, upload_id=upload_id(1))
    assert await sessions.video(ANNA, ID) is None
    assert await sessions.video_of(ANNA, profile="videos", filename="1.mp4") is None
    assert await sessions.videos(ANNA, limit=9) == ()
    assert await sessions.count_videos(ANNA) == 0
    assert await sessions.checking(limit=9) == ()
    assert await sessions.next_removal() == DUE


async def test_a_record_that_got_another_file_is_not_the_one_that_was_read(sessions: Sessions) -> None:
    """So whoever read it before can neither hide nor remove it."""
    await sessions.put_video(a_video())
    before = a_video(filename="before.mp4")
    assert not await sessions.begin_removal(before, due=DUE, upload_id=upload_id(1))
    assert not await sessions.remove_video(before)
    assert await sessions.video(ANNA, ID) == a_video()


async def test_a_record_is_restored_in_time(sessions: Sessions) -> None:
    """As it was, by its owner, once, and not from the moment on at which it is due."""
    await sessions.put_video(a_video())
    await sessions.begin_removal(a_video(), due=DUE, upload_id=upload_id(1))
    assert await sessions.restore_video(BERT, ID, now=NOW) is None
    assert await sessions.restore_video(ANNA, ID, now=DUE) is None
    assert await sessions.restore_video(ANNA, ID, now=DUE - SECOND) == a_video()
    assert await sessions.restore_video(ANNA, ID, now=NOW) is None
    assert await sessions.videos(ANNA, limit=9) == (a_video(),)
    assert await sessions.take_removals(now=DUE + SECOND, limit=9) == ()
    assert await sessions.next_removal() is None


async def test_what_is_due_is_taken_until_it_is_gone(sessions: Sessions) -> None:
    """Those that are due by then, with what goes along; restored no more, whatever the clock says."""
    for number in range(4):
        await sessions.put_video(a_video(number))
        await sessions.begin_removal(
            a_video(number), due=NOW + number * SECOND, upload_id=None if number % 2 else upload_id(number)
        )
    taken = {(a_video(0), upload_id(0)), (a_video(1), None)}
    for _ in range(2):
        assert set(await sessions.take_removals(now=NOW + SECOND, limit=9)) == taken
    assert await sessions.restore_video(ANNA, a_video(0).id, now=NOW - 99 * SECOND) is None
    assert await sessions.remove_video(a_video(0))
    assert await sessions.take_removals(now=NOW + SECOND, limit=9) == ((a_video(1), None),)
    assert len(await sessions.take_removals(now=NOW + 9 * SECOND, limit=2)) == 2


async def test_none_waits_behind_those_that_cannot_go(sessions: Sessions) -> None:
    """What was not given before is given first, and only that is told to be due."""
    for number in range(3):
        await sessions.put_video(a_video(number))
        await sessions.begin_removal(a_video(number), due=NOW + number * SECOND, upload_id=None)
    assert set(await sessions.take_removals(now=NOW + SECOND, limit=9)) == {(a_video(0), None), (a_video(1), None)}
    assert await sessions.next_removal() == NOW + 2 * SECOND
    assert await sessions.take_removals(now=NOW + 2 * SECOND, limit=1) == ((a_video(2), None),)
    assert await sessions.next_removal() is None
    assert len(await sessions.take_removals(now=NOW, limit=9)) == 3


async def test_the_hidden_record_of_a_file_is_found(sessions: Sessions) -> None:
    """With what goes along; a record that is shown, or another owner's, is none."""
    await sessions.put_video(a_video(1, filename="a.mp4"))
    assert await sessions.leaving(ANNA, profile="videos", filename="a.mp4") is None
    await sessions.begin_removal(a_video(1, filename="a.mp4"), due=DUE, upload_id=upload_id(7))
    assert await sessions.leaving(BERT, profile="videos", filename="a.mp4") is None
    assert await sessions.leaving(ANNA, profile="videos", filename="a.mp4") == (
        a_video(1, filename="a.mp4"),
        upload_id(7),
    )


async def test_a_hidden_record_is_found_by_its_id(sessions: Sessions) -> None:
    """By its owner, with what goes along; one that is shown is not hidden."""
    await sessions.put_video(a_video())
    assert await sessions.hidden(ANNA, ID) is None
    await sessions.begin_removal(a_video(), due=DUE, upload_id=upload_id(7))
    assert await sessions.hidden(BERT, ID) is None
    assert await sessions.hidden(ANNA, ID) == (a_video(), upload_id(7))


async def test_what_goes_with_hidden_records_is_known(sessions: Sessions) -> None:
    """From the moment at which they are hidden to the one at which they are restored, or gone."""
    for number in range(4):
        await sessions.put_video(a_video(number))
    steps: dict[str, Step] = {
        "hidden": lambda: sessions.begin_removal(a_video(1), due=DUE, upload_id=upload_id(1)),
        "restored": lambda: sessions.restore_video(ANNA, a_video(1).id, now=NOW),
        "hidden, its file stays": lambda: sessions.begin_removal(a_video(1), due=DUE, upload_id=None),
        "another hidden": lambda: sessions.begin_removal(a_video(2), due=DUE, upload_id=upload_id(2)),
        "taken": lambda: sessions.take_removals(now=DUE, limit=9),
        "gone": lambda: sessions.remove_video(a_video(2)),
        "a third hidden": lambda: sessions.begin_removal(a_video(3), due=DUE, upload_id=upload_id(3)),
        "gone with its file": lambda: sessions.remove_video_of(ANNA, profile="videos", filename=a_video(3).filename),
        "the first hidden again": lambda: sessions.begin_removal(a_video(0), due=DUE, upload_id=upload_id(0)),
        "its file described anew": lambda: sessions.put_video(a_video(4, filename=a_video(0).filename)),
    }
    leaving = {}
    for name, step in steps.items():
        await step()
        for _ in range(2):
            leaving[name] = [number for number in range(4) if await sessions.is_leaving(upload_id(number))]
    assert leaving == {
        "hidden": [1],
        "restored": [],
        "hidden, its file stays": [],
        "another hidden": [2],
        "taken": [2],
        "gone": [],
        "a third hidden": [3],
        "gone with its file": [],
        "the first hidden again": [0],
        "its file described anew": [],
    }


async def test_a_file_that_is_described_anew_has_a_new_record(sessions: Sessions) -> None:
    """The hidden one is forgotten, and with it that the file was to go."""
    await sessions.put_video(a_video(1, filename="a.mp4"))
    await sessions.begin_removal(a_video(1, filename="a.mp4"), due=DUE, upload_id=upload_id(1))
    assert await sessions.put_video(a_video(2, filename="a.mp4")) == (a_video(2, filename="a.mp4"), True)
    assert await sessions.restore_video(ANNA, ID, now=NOW) is None
    assert await sessions.take_removals(now=DUE, limit=9) == ()


async def test_restored_or_taken_and_never_both(sessions: Sessions) -> None:
    """Of a restoration and a removal at once one has it."""
    for number in range(20):
        await sessions.put_video(a_video(number))
        await sessions.begin_removal(a_video(number), due=DUE, upload_id=upload_id(1))
        taken, restored = await asyncio.gather(
            sessions.take_removals(now=DUE, limit=9),
            sessions.restore_video(ANNA, a_video(number).id, now=DUE - SECOND),
        )
        assert (len(taken) == 1) != (restored is not None)
        await sessions.remove_video(a_video(number))
