"""SessionRepository: final uploads, and the partial ones that they are made of."""

from dataclasses import replace
from typing import Any

import pytest

from tests.conformance.sessions.samples import ANNA, BERT, Sessions, add_all, an_upload, upload_id
from tusvideo.model import PARTIAL, Status, Upload


def a_partial(number: int, **facts: Any) -> Upload:
    """Make a partial upload."""
    return an_upload(number, concat=PARTIAL, **facts)


def a_final(number: int, *sources: int, **facts: Any) -> Upload:
    """Make a final upload of partial ones."""
    return an_upload(number, concat="final;" + " ".join(f"/files/{upload_id(n)}" for n in sources), **facts)


async def test_what_the_client_said_comes_back(sessions: Sessions) -> None:
    """Upload-Concat is stored letter by letter, and tells the sources in their order, twice if it says so."""
    wording = f"final; http://Host:80/files/{upload_id(2)}  /files/{upload_id(1)} /files/{upload_id(2)}"
    stored = await sessions.add(an_upload(9, concat=wording))
    assert stored.concat == wording
    assert stored.sources == (upload_id(2), upload_id(1), upload_id(2))
    assert (stored.is_final, stored.is_partial) == (True, False)


class TestSeveral:
    async def test_rows_that_are_there_are_given(self, sessions: Sessions) -> None:
        """Each row once, by its id, whatever its status; an id without a row is left out."""
        first, gone = an_upload(1, offset=3), an_upload(2, status=Status.TERMINATED)
        await add_all(sessions, first, gone, an_upload(3))
        ids = [upload_id(2), upload_id(7), upload_id(1), upload_id(2)]
        assert await sessions.several(ids) == {first.id: first, gone.id: gone}

    async def test_many_are_asked_for_at_once(self, sessions: Sessions) -> None:
        """As many as a client can name in one head."""
        await add_all(sessions, *(a_partial(n) for n in range(1, 40)))
        found = await sessions.several([upload_id(n) for n in range(2000)])
        assert sorted(found) == [upload_id(n) for n in range(1, 40)]

    async def test_none_give_none(self, sessions: Sessions) -> None:
        """Nothing asked for, nothing given."""
        await add_all(sessions, an_upload(1))
        assert await sessions.several([]) == {}


class TestPresent:
    async def test_rows_of_the_owner_are_given(self, sessions: Sessions) -> None:
        """Each as it is, whatever its status; an id without a row is left out, and so is somebody else's row."""
        first, gone, other = an_upload(1, offset=3), an_upload(2, status=Status.TERMINATED), an_upload(3, owner=BERT)
        await add_all(sessions, first, gone, other)
        ids = [upload_id(n) for n in (2, 7, 1, 3, 2)]
        assert await sessions.present(ids, owner=ANNA) == {first.id: first, gone.id: gone}
        assert await sessions.present(ids, owner=BERT) == {other.id: other}
        assert await sessions.present([], owner=ANNA) == {}


class TestFinalsOf:
    async def test_those_that_name_it_by_id(self, sessions: Sessions) -> None:
        """Every open final upload that names the partial one, once, in order of ids."""
        part = a_partial(1)
        await add_all(sessions, part, a_partial(2), a_final(8, 1, 2), a_final(7, 2, 1, 1), a_final(9, 2))
        assert [final.id for final in await sessions.finals_of(part)] == [upload_id(7), upload_id(8)]

    @pytest.mark.parametrize("status", [status for status in Status if status is not Status.OPEN])
    async def test_only_those_that_are_not_put_together_yet(self, sessions: Sessions, status: Status) -> None:
        """No other status is listed, however it came about."""
        part = a_partial(1)
        await add_all(sessions, part, a_final(7, 1, status=status))
        assert await sessions.finals_of(part) == ()

    async def test_another_owner_has_finals_of_his_own(self, sessions: Sessions) -> None:
        """A final upload of somebody else does not count, even if it names this one."""
        part = a_partial(1)
        await add_all(sessions, part, a_final(7, 1, owner=BERT))
        assert await sessions.finals_of(part) == ()

    async def test_a_host_that_looks_like_an_id_is_no_source(self, sessions: Sessions) -> None:
        """Only the end of an address is an id."""
        part = a_partial(1)
        final = an_upload(7, concat=f"final;http://{upload_id(1)}.example/files/{upload_id(2)}")
        await add_all(sessions, part, final)
        assert await sessions.finals_of(part) == ()


class TestOpenFinals:
    async def test_pages_follow_one_another(self, sessions: Sessions) -> None:
        """The id of the last one continues the list; partial and plain uploads are not in it."""
        finals = [a_final(n, 1) for n in (9, 7, 8)]
        await add_all(sessions, a_partial(1), an_upload(2), *finals)
        first = await sessions.open_finals(after=None, limit=2)
        assert [final.id for final in first] == [upload_id(7), upload_id(8)]
        assert [final.id for final in await sessions.open_finals(after=first[-1].id, limit=2)] == [upload_id(9)]

    async def test_one_that_is_complete_is_out(self, sessions: Sessions) -> None:
        """A saved status counts."""
        was = await sessions.add(a_final(7, 1))
        await sessions.save(replace(was, status=Status.FINALIZING), was=was)
        assert await sessions.open_finals(after=None, limit=9) == ()
