"""Long bodies past aiohttp, through the whole server."""

from tests.web.bodies.conftest import pattern
from tests.web.conftest import BYTES, TUS, Served


async def test_a_long_patch_is_stored_as_it_was_sent(served: Served) -> None:
    """The bytes of a long PATCH are those of the file; its answer is the last of its connection."""
    data = pattern(30_000_000)
    path = await served.create(len(data))
    async with served.wire() as wire:
        answer = await wire.ask(
            f"PATCH {path} HTTP/1.1", TUS, BYTES, "Upload-Offset: 0", f"Content-Length: {len(data)}", body=data
        )
        assert (answer.status, answer.headers["Upload-Offset"], answer.closes) == (204, str(len(data)), True)
        assert await wire.ended() == b""
    (file,) = served.store.published.values()
    assert file.data == data


async def test_a_long_creation_is_stored_as_it_was_sent(served: Served) -> None:
    """creation-with-upload takes long bodies the same way."""
    data = pattern(12_000_000)
    answer = await served.ask(
        "POST /files/ HTTP/1.1", TUS, BYTES, f"Upload-Length: {len(data)}", f"Content-Length: {len(data)}", body=data
    )
    assert (answer.status, answer.headers["Upload-Offset"]) == (201, str(len(data)))
    (file,) = served.store.published.values()
    assert file.data == data


async def test_a_long_patch_that_is_cut_keeps_all_that_arrived(served: Served) -> None:
    """After a reset in the middle the offset is what the server had received, and a second PATCH completes the file."""
    data = pattern(30_000_000)
    path = await served.create(len(data))
    async with served.wire() as wire:
        await wire.send(
            f"PATCH {path} HTTP/1.1", TUS, BYTES, "Upload-Offset: 0", f"Content-Length: {len(data)}", body=data[:-1]
        )
        await served.reached(path, len(data) - 1)
        wire.reset()
    answer = await served.ask(
        *(f"PATCH {path} HTTP/1.1", TUS, BYTES, f"Upload-Offset: {len(data) - 1}", "Content-Length: 1"), body=data[-1:]
    )
    assert answer.status == 204
    (file,) = served.store.published.values()
    assert file.data == data


async def test_a_long_patch_is_taken_over_by_the_next(served: Served) -> None:
    """The first PATCH stores what it has and gets its answer in the middle of its body; the second one goes on."""
    data = pattern(30_000_000)
    path = await served.create(len(data))
    async with served.wire() as first:
        await first.send(
            *(f"PATCH {path} HTTP/1.1", TUS, BYTES, "Upload-Offset: 0", f"Content-Length: {len(data)}"),
            body=data[:20_000_000],
        )
        await served.reached(path, 20_000_000)
        second = await served.ask(
            *(f"PATCH {path} HTTP/1.1", TUS, BYTES, "Upload-Offset: 20000000", "Content-Length: 10000000"),
            body=data[20_000_000:],
        )
        assert (second.status, second.headers["Upload-Offset"]) == (204, "30000000")
        assert (await first.answer()).status == 423
        assert await first.ended() == b""
    (file,) = served.store.published.values()
    assert file.data == data


async def test_stopping_ends_a_long_patch_with_an_answer(served: Served) -> None:
    """At a stop a long transfer stores what came, and its client is told to come again."""
    data = pattern(30_000_000)
    path = await served.create(len(data))
    async with served.wire() as wire:
        await wire.send(
            *(f"PATCH {path} HTTP/1.1", TUS, BYTES, "Upload-Offset: 0", f"Content-Length: {len(data)}"),
            body=data[:20_000_000],
        )
        await served.reached(path, 20_000_000)
        served.house.stopping.set()
        served.locks.stop_all()
        assert (await wire.answer()).status == 503
        assert await wire.ended() == b""
    assert bytes(next(iter(served.store.staged.values())).data) == data[:20_000_000]
