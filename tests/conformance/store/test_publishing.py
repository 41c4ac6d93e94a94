"""UploadStore when an upload is finished: final names, and reading published files."""

import asyncio
import socket
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC

import pytest

from tests.conformance.store.staged import MIB, ONE, TWO, collected, put, some, staged
from tusvideo.errors import InvalidField, StorageFailed
from tusvideo.model import Location, UploadId
from tusvideo.ports import UploadStore

PLACE = Location(directory="posters", folder="local", filename="video_1.mp4")
OTHER = replace(PLACE, filename="video_2.mp4")


async def content(store: UploadStore, location: Location) -> bytes | None:
    """A published file, None when there is none."""
    file = await store.open_published(location)
    if file is None:
        return None
    try:
        return await collected(file.read(0, file.size), limit=256 * 1024)
    finally:
        await file.close()


@pytest.mark.parametrize("size", [0, 1, 256 * 1024, MIB + 1])
async def test_a_published_file_holds_the_staged_bytes(store: UploadStore, size: int) -> None:
    """Publish gives the bytes their name, for files of any size, also none; the staging name stays until discard."""
    await put(store, ONE, some(size))
    assert await store.publish(ONE, length=size, location=PLACE) is True
    assert await content(store, PLACE) == some(size)
    assert list(await store.staged_ids()) == [ONE]
    await store.discard(ONE)
    assert list(await store.staged_ids()) == []
    assert await content(store, PLACE) == some(size)


async def test_leftovers_are_cut(store: UploadStore) -> None:
    """Bytes beyond the length, of a transfer that was never counted, are not published."""
    await put(store, ONE, b"counted, and not")
    assert await store.publish(ONE, length=7, location=PLACE) is True
    assert await content(store, PLACE) == b"counted"


async def test_publishing_again_is_the_same(store: UploadStore) -> None:
    """Publish may be repeated, before and after discard."""
    await put(store, ONE, b"all")
    assert await store.publish(ONE, length=3, location=PLACE) is True
    assert await store.publish(ONE, length=3, location=PLACE) is True
    await store.discard(ONE)
    assert await store.publish(ONE, length=3, location=PLACE) is True
    assert await content(store, PLACE) == b"all"


async def test_a_published_file_of_another_length_is_not_ours(store: UploadStore) -> None:
    """When the staging file is gone, a published file of another length is no answer: StorageFailed."""
    await put(store, ONE, b"all")
    await store.publish(ONE, length=3, location=PLACE)
    await store.discard(ONE)
    with pytest.raises(StorageFailed):
        await store.publish(ONE, length=4, location=PLACE)
    assert await content(store, PLACE) == b"all"


async def test_nothing_cannot_be_published(store: UploadStore) -> None:
    """Without a staging file and without a published one, publish raises StorageFailed."""
    with pytest.raises(StorageFailed):
        await store.publish(ONE, length=0, location=PLACE)
    assert await content(store, PLACE) is None


async def test_missing_bytes_are_not_made_up(store: UploadStore) -> None:
    """A staging file shorter than the length raises StorageFailed, stays as it is, and nothing is published."""
    await put(store, ONE, b"short")
    with pytest.raises(StorageFailed):
        await store.publish(ONE, length=6, location=PLACE)
    assert await content(store, PLACE) is None
    assert await staged(store, ONE) == b"short"


@pytest.mark.parametrize("second", [b"second", b"first!"], ids=["other bytes", "the same bytes"])
async def test_a_taken_name_is_never_overwritten(store: UploadStore, second: bytes) -> None:
    """Publish gives False when the name belongs to another upload, whatever its bytes; another name may be tried."""
    await put(store, ONE, b"first!")
    await put(store, TWO, second)
    assert await store.publish(ONE, length=6, location=PLACE) is True
    assert await store.publish(TWO, length=6, location=PLACE) is False
    assert await content(store, PLACE) == b"first!"
    assert await store.publish(TWO, length=6, location=OTHER) is True
    assert await content(store, OTHER) == second


async def test_published_bytes_change_no_more(store: UploadStore) -> None:
    """Once published, or refused a name, a staging file cannot be opened for writing and not be cut."""
    await put(store, ONE, b"final")
    await put(store, TWO, b"late")
    await store.publish(ONE, length=5, location=PLACE)
    await store.publish(TWO, length=4, location=PLACE)
    for upload in (ONE, TWO):
        with pytest.raises(StorageFailed):
            await store.open_writer(upload, position=0, fresh=False)
    with pytest.raises(StorageFailed):
        await store.publish(ONE, length=3, location=PLACE)
    assert await content(store, PLACE) == b"final"


async def test_one_name_has_one_winner(store: UploadStore) -> None:
    """Of a thousand uploads that are published under one name at once, exactly one gets it."""
    uploads = [UploadId(f"{number:032x}") for number in range(1000)]
    for upload in uploads:
        await put(store, upload, upload.encode())
    results = await asyncio.gather(*(store.publish(upload, length=32, location=PLACE) for upload in uploads))
    winners = [upload for upload, won in zip(uploads, results, strict=True) if won]
    assert len(winners) == 1
    assert await content(store, PLACE) == winners[0].encode()


async def test_one_upload_may_be_published_by_many(store: UploadStore) -> None:
    """Eight publishes of one upload at once all succeed."""
    await put(store, ONE, b"all")
    assert await asyncio.gather(*(store.publish(ONE, length=3, location=PLACE) for _ in range(8))) == [True] * 8
    assert await content(store, PLACE) == b"all"


@pytest.mark.parametrize("field", ["directory", "folder", "filename"])
@pytest.mark.parametrize("name", ["", ".", "..", "../x", "/etc", "a/b", "a\0b", "x" * 256, "\ud800"])
@pytest.mark.parametrize(
    "call",
    [
        lambda store, place: store.publish(ONE, length=3, location=place),
        lambda store, place: store.open_published(place),
        lambda store, place: store.remove_published(place),
    ],
    ids=["publish", "open_published", "remove_published"],
)
async def test_names_stay_inside(
    store: UploadStore, field: str, name: str, call: Callable[[UploadStore, Location], object]
) -> None:
    """A location with a name that is not one plain name is refused as a bad field, not tried."""
    await put(store, ONE, b"all")
    place = replace(PLACE, **{field: name})
    with pytest.raises(InvalidField):
        await call(store, place)  # type: ignore[misc]  # the table's calls are coroutines of different results


async def test_an_unknown_file_is_none(store: UploadStore) -> None:
    """open_published gives None when the name, its folder or its directory is not there."""
    await put(store, ONE, b"all")
    await store.publish(ONE, length=3, location=PLACE)
    for place in (OTHER, replace(PLACE, folder="nobody"), replace(PLACE, directory="nothing")):
        assert await store.open_published(place) is None


@pytest.mark.parametrize(("start", "stop"), [(0, 0), (0, 1), (262_143, 262_145), (0, 600_000), (599_999, 600_000)])
async def test_ranges_of_a_published_file(store: UploadStore, start: int, stop: int) -> None:
    """A published file gives the bytes from start up to, not including, stop, in blocks of at most 256 KiB."""
    data = some(600_000)
    await put(store, ONE, data)
    await store.publish(ONE, length=len(data), location=PLACE)
    file = await store.open_published(PLACE)
    assert file is not None
    assert file.size == len(data)
    assert await collected(file.read(start, stop), limit=256 * 1024) == data[start:stop]
    await file.close()


@pytest.mark.parametrize(("start", "stop"), [(0, 2 * MIB), (1, 2 * MIB - 1), (5, 6)])
async def test_a_socket_takes_a_range(store: UploadStore, start: int, stop: int) -> None:
    """As much as it has room for in a call, 0 when it is full, and every byte once and in its place."""
    data = some(2 * MIB)
    await put(store, ONE, data)
    await store.publish(ONE, length=len(data), location=PLACE)
    file = await store.open_published(PLACE)
    assert file is not None
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    theirs.setblocking(False)
    found = bytearray()
    with ours, theirs:
        while start + len(found) < stop:
            sent = 0
            while start + len(found) + sent < stop:
                step = await file.send(ours.fileno(), start=start + len(found) + sent, stop=stop)
                if not step:
                    break
                sent += step
            assert sent
            while sent:
                block = theirs.recv(sent)
                found += block
                sent -= len(block)
        with pytest.raises(BlockingIOError):
            theirs.recv(1)
    assert found == data[start:stop]
    await file.close()


async def test_who_has_gone_takes_nothing(store: UploadStore) -> None:
    """ConnectionError for a socket whose other end is closed, StorageFailed for bytes beyond the end of the file."""
    await put(store, ONE, b"all")
    await store.publish(ONE, length=3, location=PLACE)
    file = await store.open_published(PLACE)
    assert file is not None
    ours, theirs = socket.socketpair()
    with ours:
        with theirs, pytest.raises(StorageFailed):
            await file.send(ours.fileno(), start=3, stop=4)
        with pytest.raises(ConnectionError):
            await file.send(ours.fileno(), start=0, stop=3)
    await file.close()


async def test_a_file_can_be_told_from_another(store: UploadStore) -> None:
    """The entity tag is strong, stays the same, and differs between files; the time is in whole seconds of UTC."""
    tags = []
    for upload, place in ((ONE, PLACE), (TWO, OTHER)):
        await put(store, upload, b"same")
        await store.publish(upload, length=4, location=place)
        for _ in range(2):
            file = await store.open_published(place)
            assert file is not None
            tags.append(file.etag)
            assert file.modified_at.tzinfo is UTC
            assert file.modified_at.microsecond == 0
            await file.close()
    assert tags[0] == tags[1] != tags[2] == tags[3]
    assert all(tag.startswith('"') and tag.endswith('"') and tag.isascii() for tag in tags)


async def test_discard_does_not_change_the_tag(store: UploadStore) -> None:
    """The entity tag outlives the staging file, so that a Range may go on after it."""
    await put(store, ONE, b"same")
    await store.publish(ONE, length=4, location=PLACE)
    before = await store.open_published(PLACE)
    await store.discard(ONE)
    after = await store.open_published(PLACE)
    assert before is not None
    assert after is not None
    assert before.etag == after.etag
    await asyncio.gather(before.close(), after.close())


async def test_removing_a_published_file(store: UploadStore) -> None:
    """remove_published may be repeated, also for what never was; an open file stays readable."""
    await put(store, ONE, b"all")
    await store.publish(ONE, length=3, location=PLACE)
    await store.discard(ONE)
    file = await store.open_published(PLACE)
    assert file is not None
    for place in (PLACE, PLACE, OTHER, replace(PLACE, folder="nobody")):
        await store.remove_published(place)
    assert await store.open_published(PLACE) is None
    assert await collected(file.read(0, 3)) == b"all"
    await file.close()


async def test_a_removed_name_is_free(store: UploadStore) -> None:
    """After remove_published another upload may have the name."""
    await put(store, ONE, b"one")
    await store.publish(ONE, length=3, location=PLACE)
    await store.remove_published(PLACE)
    await put(store, TWO, b"two")
    assert await store.publish(TWO, length=3, location=PLACE) is True
    assert await content(store, PLACE) == b"two"


async def test_closing_in_the_middle_of_a_reading(store: UploadStore) -> None:
    """Close may come at any time and be repeated; the reading ends with StorageFailed, not with wrong bytes."""
    await put(store, ONE, some(MIB))
    await store.publish(ONE, length=MIB, location=PLACE)
    file = await store.open_published(PLACE)
    assert file is not None
    blocks = aiter(file.read(0, MIB))
    assert await anext(blocks) == some(MIB)[: 256 * 1024]
    await file.close()
    await file.close()
    with pytest.raises(StorageFailed):
        await anext(blocks)
