"""Uploads of the IETF draft on a server that fails; numbers are those of the fact sheet's conformance tests."""

from typing import Any

import pytest

from tests.web.conftest import Start
from tests.web.ietf.client import FULL, C, append, create, query, size
from tusvideo.errors import DiskFull, StorageFailed
from tusvideo.stores.memory import MemoryStore


async def test_a_creation_that_fails_later_tells_where_it_is(start: Start) -> None:
    """IETF 46, 67: 503 with Location and without ?1; the upload can be resumed."""

    class Failing(MemoryStore):
        fails = True

        async def open_writer(self, *args: Any, **more: Any) -> Any:
            if self.fails:
                raise StorageFailed
            return await super().open_writer(*args, **more)

    store = Failing()
    served = await start(store=store)
    answer = await create(served, FULL, body=b"hello")
    assert (answer.status, answer.headers["Upload-Complete"]) == (503, "?0")
    store.fails = False
    assert (await query(served, answer.headers["Location"])).headers["Upload-Offset"] == "0"
    assert (await append(served, answer.headers["Location"], 0, FULL, body=b"hello")).status == 201


class Broken:
    """A service whose every method fails."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    def __getattr__(self, name: str) -> Any:
        async def fail(*_: object, **__: object) -> None:
            raise self._error

        return fail


@pytest.mark.parametrize(("error", "status"), [(RuntimeError("secret"), 500), (DiskFull(), 507)])
async def test_failures_can_be_resumed_from(start: Start, error: Exception, status: int) -> None:
    """IETF 67: no ?1, and nothing of the failure."""
    served = await start(uploads=Broken(error))
    for answer in (
        await create(served, FULL, body=b"hello"),
        await query(served, f"/files/{'0' * 32}"),
        await append(served, f"/files/{'0' * 32}", 0, FULL),
    ):
        assert (answer.status, answer.headers["Upload-Complete"]) == (status, "?0")
        assert b"secret" not in answer.body
    plain = await served.ask(C, size(5), body=b"hello")
    assert (plain.status, "Upload-Complete" in plain.headers) == (status, False)
