"""The bounds that the fault programme shrinks: the server obeys all of them, and none is missed when code moves."""

import asyncio

import pytest
from aiohttp import web

from tests.faults.programme import small_bodies
from tests.web.bodies.conftest import FIRST, pattern, serve
from tests.web.wire import connect
from tusvideo.service import gathering, uploads
from tusvideo.web import intake, takeover
from tusvideo.web.body import RequestBody

OWNERS = (
    (gathering, "SHORT_BYTES"),
    (uploads, "SHORT_BYTES"),
    (intake, "ENOUGH_BYTES"),
    (intake, "COPIED_BYTES"),
    (takeover, "FAST_BYTES"),
)
MAKERS = ((takeover.RawBody, "least_bytes"), (intake.Blocks, "size"))


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Shrink the bounds of this process until the test ends."""
    for module, name in OWNERS:
        monkeypatch.setattr(module, name, getattr(module, name))
    for made, default in MAKERS:
        defaults = small_bodies.defaults_of(made)
        monkeypatch.setitem(defaults, default, defaults[default])
    small_bodies.apply({"TUSVIDEO_TEST_SMALL_BODIES": "1"})


async def shown(length: int) -> tuple[bool, int, bool]:
    """Send a body; tell whether it is taken over, how much the second read gives, and whether it has a tap then."""
    found: asyncio.Future[tuple[bool, int, bool]] = asyncio.get_running_loop().create_future()
    begun = asyncio.Event()

    async def handle(request: web.Request) -> web.StreamResponse:
        body = takeover.RawBody(
            request,
            RequestBody(request, expects_continue=False, stall_seconds=30),
            blocks=intake.Blocks(),
            stall_seconds=30,
        )
        assert await body.read() == FIRST
        begun.set()
        found.set_result((body.is_taken, len(await body.read()), body.tap() is not None))
        body.release()
        return web.Response()

    async with serve(handle, lingering_time=0) as port:
        wire = await connect(port)
        await wire.send("PATCH / HTTP/1.1", f"Content-Length: {len(FIRST) + length}", body=FIRST)
        async with asyncio.timeout(10):
            await begun.wait()
            await wire.raw(pattern(length))
            told = await found
        await wire.close()
    return told


@pytest.mark.usefixtures("small")
async def test_a_body_of_the_programme_is_taken_over_and_received_by_the_writer() -> None:
    """Of 20 kB that are still to come a block of 8 kB is read, and the next bytes by whoever writes them."""
    assert await shown(small_bodies.LEAST) == (True, small_bodies.BLOCK, True)


async def test_without_the_bounds_of_the_programme_it_stays_with_aiohttp() -> None:
    """What is taken over is megabytes long."""
    taken, _, tapped = await shown(small_bodies.LEAST)
    assert (taken, tapped) == (False, False)


@pytest.mark.usefixtures("small")
def test_bounds_are_shrunk_once() -> None:
    """What is small already is not what the server has."""
    with pytest.raises(AssertionError, match="expected a bound above"):
        small_bodies.apply({"TUSVIDEO_TEST_SMALL_BODIES": "1"})


def test_a_bound_that_moved_is_missed() -> None:
    """A name that no module reads, or one more than those that are named, shrinks nothing."""
    with pytest.raises(AssertionError, match="MOVED_BYTES: expected"):
        small_bodies.shrink("MOVED_BYTES", 1, intake)
    with pytest.raises(AssertionError, match="SHORT_BYTES: expected"):
        small_bodies.shrink("SHORT_BYTES", 1, gathering)
    with pytest.raises(AssertionError, match="most_bytes: expected a default"):
        small_bodies.shrink_default("most_bytes", 1, intake.Blocks)
