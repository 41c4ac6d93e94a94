"""SessionRepository: adding, loading, saving, completing and removing rows."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from tests.conformance.sessions.samples import (
    ANNA,
    BERT,
    NOW,
    SECOND,
    Sessions,
    a_full_upload,
    a_part,
    a_video,
    an_upload,
    upload_id,
)
from tusvideo.errors import DiskFull, SessionConflict
from tusvideo.model import ClientKey, Location, Protocol, Status, Upload

DEAD = [Status.FAILED, Status.TERMINATED, Status.DAMAGED]
LIVING = [Status.OPEN, Status.FINALIZING, Status.COMPLETE, Status.EXPIRED]


def _with(upload: Upload, **facts: Any) -> Upload:
    return replace(upload, **facts)


class TestAdd:
    @pytest.mark.parametrize("upload", [an_upload(), a_full_upload()], ids=["bare", "full"])
    async def test_an_added_row_is_loaded_as_it_was(self, sessions: Sessions, upload: Upload) -> None:
        """What add was given is what it gives back and what get loads, every field of it."""
        assert await sessions.add(upload) == upload
        assert await sessions.get(upload.id) == upload

    async def test_an_unknown_id_is_none(self, sessions: Sessions) -> None:
        """An id that was never added loads as None."""
        assert await sessions.get(upload_id(9)) is None

    @pytest.mark.parametrize("status", Status)
    async def test_every_status_can_be_stored(self, sessions: Sessions, status: Status) -> None:
        """The table knows every status of the model."""
        upload = await sessions.add(an_upload(status=status))
        assert (await sessions.get(upload.id)) == upload

    @pytest.mark.parametrize("protocol", Protocol)
    async def test_every_protocol_can_be_stored(self, sessions: Sessions, protocol: Protocol) -> None:
        """The table knows every protocol of the model."""
        upload = await sessions.add(an_upload(protocol=protocol))
        assert (await sessions.get(upload.id)) == upload

    async def test_times_are_cut_to_milliseconds(self, sessions: Sessions) -> None:
        """A time finer than a millisecond is cut off, not rounded, in what add gives and in what get loads."""
        fine = datetime(2026, 3, 4, 5, 6, 7, 891_999, tzinfo=UTC)
        added = await sessions.add(an_upload(created_at=fine, stored_at=fine, expires_at=fine))
        assert (added.created_at, added.stored_at, added.expires_at) == (NOW, NOW, NOW)
        assert await sessions.get(added.id) == added

    async def test_times_come_back_in_utc(self, sessions: Sessions) -> None:
        """The zone of a time is not kept; the instant is."""
        east = timezone(timedelta(hours=5))
        added = await sessions.add(an_upload(created_at=NOW.astimezone(east)))
        assert added.created_at == NOW
        assert added.created_at.utcoffset() == timedelta(0)

    async def test_an_id_is_added_once(self, sessions: Sessions) -> None:
        """A second row under an id raises SessionConflict, and the first one stays."""
        first = await sessions.add(an_upload())
        with pytest.raises(SessionConflict):
            await sessions.add(an_upload(owner=BERT, client_key="k"))
        assert await sessions.get(first.id) == first
        assert await sessions.find(BERT, ClientKey("k")) is None


@pytest.mark.parametrize("key", ["client_key", "creation_key"])
class TestKeys:
    @pytest.mark.parametrize("status", LIVING)
    async def test_a_living_row_keeps_its_key(self, sessions: Sessions, key: str, status: Status) -> None:
        """Adding under a key that a living row holds gives that row and adds nothing; expired rows count as living."""
        held = await sessions.add(an_upload(1, status=status, **{key: "k"}))
        assert await sessions.add(an_upload(2, **{key: "k"})) == held
        assert await sessions.get(upload_id(2)) is None

    @pytest.mark.parametrize("status", DEAD)
    async def test_a_dead_row_gives_up_its_key(self, sessions: Sessions, key: str, status: Status) -> None:
        """A failed, terminated or damaged row stays, without the key, which the new row has."""
        dead = await sessions.add(an_upload(1, status=status, **{key: "k"}))
        new = await sessions.add(an_upload(2, **{key: "k"}))
        assert new.id == upload_id(2)
        assert await sessions.get(dead.id) == _with(dead, **{key: None})

    async def test_a_creation_key_tells_its_living_row(self, sessions: Sessions, key: str) -> None:
        """Created gives the row that ``add`` would give, nothing where it would add one, and none by another key."""
        for number, status in enumerate((*LIVING, *DEAD)):
            held = await sessions.add(an_upload(number, status=status, **{key: status.value}))
            is_told = key == "creation_key" and status in LIVING
            assert await sessions.created(held.owner, status.value) == (held if is_told else None)
        assert await sessions.created(BERT, Status.OPEN.value) is None

    async def test_a_key_is_its_owners(self, sessions: Sessions, key: str) -> None:
        """Two owners use the same key without meeting each other."""
        await sessions.add(an_upload(1, **{key: "k"}))
        added = await sessions.add(an_upload(2, owner=BERT, **{key: "k"}))
        assert added.id == upload_id(2)

    async def test_a_row_that_lost_its_key_does_not_take_it_back(self, sessions: Sessions, key: str) -> None:
        """Saving a state that was read before the key went to another row changes what the caller changed only."""
        dead = await sessions.add(an_upload(1, status=Status.FAILED, **{key: "k"}))
        new = await sessions.add(an_upload(2, **{key: "k"}))
        await sessions.save(replace(dead, status=Status.TERMINATED), was=dead)
        assert await sessions.get(dead.id) == _with(dead, status=Status.TERMINATED, **{key: None})
        assert await sessions.get(new.id) == new

    async def test_of_many_creations_one_wins(self, sessions: Sessions, key: str) -> None:
        """Eight creations at once under one key all get the same row."""
        added = await asyncio.gather(*(sessions.add(an_upload(n, **{key: "k"})) for n in range(8)))
        assert len({upload.id for upload in added}) == 1


class TestFind:
    async def test_a_client_key_finds_its_row(self, sessions: Sessions) -> None:
        """The row that holds the client key is found by owner and key."""
        added = await sessions.add(a_full_upload())
        assert await sessions.find(ANNA, ClientKey("key_1-A")) == added

    @pytest.mark.parametrize(("owner", "key"), [(BERT, "key_1-A"), (ANNA, "key_1-a"), (ANNA, "")])
    async def test_another_owner_or_key_finds_nothing(self, sessions: Sessions, owner: Any, key: str) -> None:
        """Somebody else's key, or another spelling, finds nothing."""
        await sessions.add(a_full_upload())
        assert await sessions.find(owner, ClientKey(key)) is None


class TestSave:
    async def test_save_changes_every_field_that_differs(self, sessions: Sessions) -> None:
        """All that differs between the two states is stored."""
        was = await sessions.add(an_upload())
        later = replace(
            a_full_upload(),
            created_at=was.created_at,
            status=Status.FINALIZING,
            stored_at=NOW + SECOND,
            expires_at=NOW + 2 * SECOND,
        )
        await sessions.save(later, was=was)
        assert await sessions.get(was.id) == later

    async def test_save_empties_fields(self, sessions: Sessions) -> None:
        """A field that is None in the new state is None in the row, the location included."""
        was = await sessions.add(a_full_upload())
        later = replace(was, location=None, reason=None, title=None)
        await sessions.save(later, was=was)
        assert await sessions.get(was.id) == later

    async def test_a_state_with_finer_times_is_the_same_state(self, sessions: Sessions) -> None:
        """A caller may save from the state it built, microseconds and all, without loading the row first."""
        built = an_upload(stored_at=NOW + timedelta(microseconds=7))
        await sessions.add(built)
        await sessions.save(replace(built, offset=5), was=built)
        stored = await sessions.get(built.id)
        assert stored == an_upload(offset=5)

    @pytest.mark.parametrize(
        "facts",
        [
            {"offset": 11},
            {"status": Status.EXPIRED},
            {"length": None},
            {"length": 99},
            {"total_parts": None},
            {"part_size": 1},
            {"epoch": 4},
        ],
        ids=str,
    )
    async def test_the_loser_of_a_compare_and_set_changes_nothing(
        self, sessions: Sessions, facts: dict[str, Any]
    ) -> None:
        """When offset, status, length, a part fact or the epoch moved on, save raises and the row stays."""
        was = a_full_upload()
        stored = await sessions.add(replace(was, **facts))
        with pytest.raises(SessionConflict):
            await sessions.save(replace(was, offset=500, title="mine", epoch=3), was=was)
        assert await sessions.get(was.id) == stored

    async def test_an_equal_or_higher_epoch_may_save(self, sessions: Sessions) -> None:
        """The transfer that stored last may store again, and so may one that came after it."""
        was = await sessions.add(an_upload(epoch=3))
        same = replace(was, offset=1)
        await sessions.save(same, was=was)
        newer = replace(same, offset=2, epoch=7)
        await sessions.save(newer, was=same)
        assert await sessions.get(was.id) == newer

    async def test_saving_the_same_state_raises_the_epoch(self, sessions: Sessions) -> None:
        """A save that changes nothing but the epoch shuts out older transfers."""
        was = await sessions.add(an_upload(epoch=1))
        await sessions.save(replace(was, epoch=5), was=was)
        with pytest.raises(SessionConflict):
            await sessions.save(replace(was, epoch=4, offset=1), was=was)

    async def test_a_row_that_is_not_there_cannot_be_saved(self, sessions: Sessions) -> None:
        """Saving an unknown upload raises SessionConflict and adds nothing."""
        with pytest.raises(SessionConflict):
            await sessions.save(an_upload(offset=1), was=an_upload())
        assert await sessions.get(upload_id(1)) is None

    async def test_save_leaves_what_others_wrote(self, sessions: Sessions) -> None:
        """Writers of different facts that read the same state do not undo each other."""
        was = await sessions.add(an_upload())
        await sessions.save(replace(was, content_type="video/mp4"), was=was)
        await sessions.save(replace(was, title="Sea"), was=was)
        assert await sessions.get(was.id) == replace(was, content_type="video/mp4", title="Sea")

    async def test_what_comes_first_has_returned_before_a_save(self, sessions: Sessions) -> None:
        """Save calls it once, before anything is changed; the loser of a compare-and-set has had it called, too."""
        was, calls = await sessions.add(an_upload()), []
        await sessions.save(replace(was, offset=1), was=was, first=lambda: calls.append("called"))
        with pytest.raises(SessionConflict):
            await sessions.save(replace(was, offset=2), was=was, first=lambda: calls.append("again"))
        assert (calls, await sessions.get(was.id)) == (["called", "again"], replace(was, offset=1))

    async def test_a_save_whose_first_step_fails_changes_nothing(self, sessions: Sessions) -> None:
        """Save raises what that raised; saves at the same time are carried out."""
        was, other = await sessions.add(an_upload(1)), await sessions.add(an_upload(2))

        def fail() -> None:
            raise DiskFull

        failed, done = await asyncio.gather(
            sessions.save(replace(was, offset=1), was=was, first=fail),
            sessions.save(replace(other, offset=1), was=other),
            return_exceptions=True,
        )
        assert (type(failed), done) == (DiskFull, None)
        assert (await sessions.get(was.id), await sessions.get(other.id)) == (was, replace(other, offset=1))

    async def test_of_twenty_savers_one_wins(self, sessions: Sessions) -> None:
        """Twenty saves at once from one state: one is stored, nineteen raise SessionConflict."""
        was = await sessions.add(an_upload())
        results = await asyncio.gather(
            *(sessions.save(replace(was, offset=n, epoch=1), was=was) for n in range(1, 21)), return_exceptions=True
        )
        winners = [n for n, result in enumerate(results, start=1) if result is None]
        assert len(winners) == 1
        assert sum(isinstance(result, SessionConflict) for result in results) == 19
        stored = await sessions.get(was.id)
        assert stored is not None
        assert stored.offset == winners[0]

    async def test_tasks_do_not_share_a_transaction(self, sessions: Sessions) -> None:
        """A save that loses beside saves that win leaves nothing behind and takes nothing of theirs away."""
        first, second = await sessions.add(an_upload(1)), await sessions.add(an_upload(2))
        stale = replace(second, offset=9)
        for offset in range(50):
            now, then = replace(first, offset=offset + 1), replace(first, offset=offset)
            won, lost = await asyncio.gather(
                sessions.save(now, was=then),
                sessions.complete(replace(stale, title="half"), was=stale, video=a_video()),
                return_exceptions=True,
            )
            assert won is None
            assert isinstance(lost, SessionConflict)
        assert await sessions.get(first.id) == replace(first, offset=50)
        assert await sessions.get(second.id) == second
        assert await sessions.videos(ANNA, limit=9) == ()


class TestComplete:
    LOCATION = Location(directory="videos", folder="anna", filename="1.mp4")

    async def test_row_and_record_are_stored_together(self, sessions: Sessions) -> None:
        """Complete saves the row and adds the record."""
        was = await sessions.add(an_upload(status=Status.FINALIZING))
        done = replace(was, status=Status.COMPLETE, location=self.LOCATION)
        await sessions.complete(done, was=was, video=a_video())
        assert await sessions.get(was.id) == done
        assert await sessions.video(ANNA, a_video().id) == a_video()

    async def test_a_record_is_not_needed(self, sessions: Sessions) -> None:
        """Complete without a record saves the row alone."""
        was = await sessions.add(an_upload(status=Status.FINALIZING))
        done = replace(was, status=Status.COMPLETE, location=self.LOCATION)
        await sessions.complete(done, was=was, video=None)
        assert await sessions.get(was.id) == done
        assert await sessions.videos(ANNA, limit=9) == ()

    async def test_a_record_that_is_there_keeps_its_id(self, sessions: Sessions) -> None:
        """Completing a file that has a record updates that record."""
        await sessions.put_video(a_video(1, filename="1.mp4"))
        was = await sessions.add(an_upload(status=Status.FINALIZING))
        await sessions.complete(
            replace(was, status=Status.COMPLETE), was=was, video=a_video(2, filename="1.mp4", title="Second")
        )
        assert await sessions.videos(ANNA, limit=9) == (a_video(1, filename="1.mp4", title="Second"),)

    async def test_a_complete_that_loses_stores_no_record(self, sessions: Sessions) -> None:
        """When the row moved on, complete raises and there is no record either."""
        stored = await sessions.add(an_upload(status=Status.COMPLETE))
        was = replace(stored, status=Status.FINALIZING)
        with pytest.raises(SessionConflict):
            await sessions.complete(replace(was, status=Status.COMPLETE), was=was, video=a_video())
        assert await sessions.get(stored.id) == stored
        assert await sessions.video(ANNA, a_video().id) is None


class TestRemove:
    async def test_a_removed_row_is_gone_with_its_parts_and_keys(self, sessions: Sessions) -> None:
        """After remove the id, the parts and the keys are free."""
        upload = await sessions.add(an_upload(client_key="k", creation_key="c"))
        await sessions.add_part(upload.id, a_part(0), now=NOW, expires_at=NOW)
        await sessions.remove(upload.id)
        assert await sessions.get(upload.id) is None
        assert await sessions.parts(upload.id) == ()
        assert await sessions.part(upload.id, 0) is None
        assert await sessions.add(upload) == upload
        assert await sessions.parts(upload.id) == ()

    async def test_remove_is_safe_to_repeat(self, sessions: Sessions) -> None:
        """Removing what is not there does nothing, and touches no other row."""
        other = await sessions.add(an_upload(2))
        await sessions.remove(upload_id(1))
        await sessions.remove(upload_id(1))
        assert await sessions.get(other.id) == other


async def test_the_last_epoch_is_the_largest(sessions: Sessions) -> None:
    """Without rows the last epoch is 0; with rows it is the largest of any of them, whatever their status."""
    assert await sessions.last_epoch() == 0
    was = await sessions.add(an_upload(1, epoch=4, status=Status.FAILED))
    await sessions.add(an_upload(2, epoch=2))
    assert await sessions.last_epoch() == 4
    await sessions.save(replace(was, epoch=9), was=was)
    assert await sessions.last_epoch() == 9


async def test_a_table_that_works_passes_its_check(sessions: Sessions) -> None:
    """Check answers, with and without rows."""
    await sessions.check()
    await sessions.add(an_upload())
    await sessions.check()
