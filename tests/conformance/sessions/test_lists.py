"""SessionRepository: the lists for the sweeper and for recovery, and the way from a file to its upload."""

from dataclasses import replace

import pytest

from tests.conformance.sessions.samples import NOW, SECOND, Sessions, add_all, an_upload, upload_id
from tusvideo.model import Location, Status, Upload


def _expiring(number: int, seconds: int, status: Status = Status.OPEN) -> Upload:
    return an_upload(number, status=status, expires_at=NOW + seconds * SECOND)


class TestDue:
    async def test_the_oldest_come_first(self, sessions: Sessions) -> None:
        """Due uploads are listed by expires_at; ids break ties."""
        await add_all(sessions, _expiring(1, -1), _expiring(2, -9), _expiring(4, -5), _expiring(3, -5))
        due = await sessions.due(before=NOW, limit=10)
        assert [upload.id for upload in due] == [upload_id(n) for n in (2, 3, 4, 1)]
        assert due[0] == _expiring(2, -9)

    async def test_the_instant_itself_is_not_before_it(self, sessions: Sessions) -> None:
        """An upload that expires at the instant, or later, is not due."""
        await add_all(sessions, _expiring(1, 0), _expiring(2, 1))
        assert await sessions.due(before=NOW, limit=10) == ()

    async def test_no_more_than_the_limit(self, sessions: Sessions) -> None:
        """A limit cuts the list after the oldest."""
        await add_all(sessions, *(_expiring(n, -n) for n in range(1, 6)))
        assert [upload.id for upload in await sessions.due(before=NOW, limit=2)] == [upload_id(5), upload_id(4)]

    @pytest.mark.parametrize("status", [status for status in Status if status is not Status.OPEN])
    async def test_only_open_uploads_are_due(self, sessions: Sessions, status: Status) -> None:
        """No other status is due, however old."""
        await add_all(sessions, _expiring(1, -1, status))
        assert await sessions.due(before=NOW, limit=10) == ()

    async def test_a_saved_expiry_counts(self, sessions: Sessions) -> None:
        """An upload whose expires_at was moved is due by the new time."""
        was = await sessions.add(_expiring(1, -1))
        await sessions.save(replace(was, expires_at=NOW + SECOND), was=was)
        assert await sessions.due(before=NOW, limit=10) == ()
        assert len(await sessions.due(before=NOW + 2 * SECOND, limit=10)) == 1


class TestTombstones:
    GONE = (Status.EXPIRED, Status.TERMINATED, Status.FAILED)

    @pytest.mark.parametrize("status", Status)
    async def test_expired_terminated_and_failed_rows_are_tombstones(self, sessions: Sessions, status: Status) -> None:
        """Rows of these three statuses are listed, others never are."""
        await add_all(sessions, _expiring(1, -1, status))
        expected = (upload_id(1),) if status in self.GONE else ()
        assert await sessions.tombstones(before=NOW, limit=10) == expected

    @pytest.mark.parametrize("status", GONE)
    async def test_a_terminated_row_that_names_a_file_is_no_tombstone(self, sessions: Sessions, status: Status) -> None:
        """Had the file been removed, the row would be gone, too."""
        place = Location(directory="videos", folder="anna", filename="1.mp4")
        await add_all(sessions, replace(_expiring(1, -1, status), location=place))
        expected = () if status is Status.TERMINATED else (upload_id(1),)
        assert await sessions.tombstones(before=NOW, limit=10) == expected

    async def test_the_oldest_come_first_up_to_the_limit(self, sessions: Sessions) -> None:
        """Tombstones of all kinds are listed together by expires_at, those at or after the instant left out."""
        kinds = [*self.GONE, *self.GONE]
        await add_all(sessions, *(_expiring(n, n - 5, kind) for n, kind in enumerate(kinds)))
        assert await sessions.tombstones(before=NOW, limit=4) == tuple(upload_id(n) for n in range(4))
        assert await sessions.tombstones(before=NOW, limit=9) == tuple(upload_id(n) for n in range(5))


class TestWithStatus:
    async def test_pages_follow_one_another(self, sessions: Sessions) -> None:
        """The id of the last upload continues the list; every upload of the status comes once, in order of ids."""
        await add_all(sessions, *(an_upload(n) for n in (5, 3, 1, 4, 2)), an_upload(9, status=Status.FINALIZING))
        seen: list[int] = []
        after = None
        while page := await sessions.with_status(Status.OPEN, after=after, limit=2):
            assert len(page) <= 2
            seen += [int(upload.id, 16) for upload in page]
            after = page[-1].id
        assert seen == [1, 2, 3, 4, 5]
        assert [upload.id for upload in await sessions.with_status(Status.FINALIZING, after=None, limit=9)] == [
            upload_id(9)
        ]

    async def test_the_cursor_need_not_exist_any_more(self, sessions: Sessions) -> None:
        """A page may be asked for after an upload that was removed meanwhile."""
        await add_all(sessions, an_upload(1), an_upload(3))
        assert await sessions.with_status(Status.OPEN, after=upload_id(2), limit=9) == (an_upload(3),)


class TestPublished:
    HERE = Location(directory="videos", folder="anna", filename="1.mp4")

    async def test_a_location_leads_to_its_complete_upload(self, sessions: Sessions) -> None:
        """The complete upload under a location is found."""
        upload = an_upload(1, status=Status.COMPLETE, location=self.HERE)
        await add_all(sessions, upload)
        assert await sessions.published(self.HERE) == upload

    @pytest.mark.parametrize("status", [status for status in Status if status is not Status.COMPLETE])
    async def test_only_complete_uploads_are_published(self, sessions: Sessions, status: Status) -> None:
        """A location that was only chosen, or whose upload is gone, leads nowhere."""
        await add_all(sessions, an_upload(1, status=status, location=self.HERE))
        assert await sessions.published(self.HERE) is None

    @pytest.mark.parametrize("part", ["directory", "folder", "filename"])
    async def test_all_three_names_count(self, sessions: Sessions, part: str) -> None:
        """Another directory, folder or file name is another location."""
        await add_all(sessions, an_upload(1, status=Status.COMPLETE, location=self.HERE))
        assert await sessions.published(replace(self.HERE, **{part: "other"})) is None

    async def test_the_latest_upload_of_a_name_counts(self, sessions: Sessions) -> None:
        """When a file was removed by hand and its name used again, the upload that stored last is given."""
        old = an_upload(2, status=Status.COMPLETE, location=self.HERE)
        new = an_upload(1, status=Status.COMPLETE, location=self.HERE, stored_at=NOW + SECOND)
        await add_all(sessions, new, old)
        assert await sessions.published(self.HERE) == new


class TestStandings:
    async def test_they_tell_what_the_rows_tell(self, sessions: Sessions) -> None:
        """Each field is that of the row; times, names and texts are left out."""
        upload = an_upload(1, offset=7, length=9, boot_id="boot", synced_offset=3, title="a title")
        await add_all(sessions, upload)
        (standing,) = await sessions.standings(after=None, limit=9)
        assert standing._asdict() == {field: getattr(upload, field) for field in standing._fields}

    async def test_pages_of_open_uploads_follow_one_another(self, sessions: Sessions) -> None:
        """Every open upload comes once, in order of ids; no other does."""
        await add_all(sessions, *(an_upload(n) for n in (5, 3, 1, 4, 2)), an_upload(9, status=Status.FINALIZING))
        seen: list[int] = []
        after = None
        while page := await sessions.standings(after=after, limit=2):
            assert len(page) <= 2
            seen += [int(standing.id, 16) for standing in page]
            after = page[-1].id
        assert seen == [1, 2, 3, 4, 5]
