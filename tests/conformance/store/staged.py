"""Bytes of unfinished uploads in a store, written and read."""

import random
from collections.abc import AsyncIterator

from tests.fakes.body import FakeTap
from tusvideo.model import UploadId
from tusvideo.ports import UploadStore
from tusvideo.streams import Writer

ONE = UploadId("1" * 32)
TWO = UploadId("2" * 32)
MIB = 1024 * 1024


def some(size: int, *, seed: int = 1) -> bytes:
    """Bytes that differ from place to place."""
    return random.Random(seed).randbytes(size)


async def collected(blocks: AsyncIterator[bytes], *, limit: int = MIB) -> bytes:
    """Join the blocks; none may be empty or larger than the limit."""
    found = [block async for block in blocks]
    assert all(0 < len(block) <= limit for block in found)
    return b"".join(found)


async def put(store: UploadStore, upload: UploadId, data: bytes, *, position: int = 0) -> None:
    """Write, sync and close."""
    writer = await store.open_writer(upload, position=position, fresh=position == 0)
    await writer.write(data)
    assert await writer.sync() == position + len(data)
    await writer.close()


async def drawn(writer: Writer, tap: FakeTap, *, most: int) -> int:
    """Draw; both stores can."""
    assert writer.draw is not None
    return await writer.draw(tap, most=most)


async def staged(store: UploadStore, upload: UploadId) -> bytes:
    """Everything in the staging file."""
    size = await store.staged_size(upload)
    assert size is not None
    return await collected(store.read_staged(upload, start=0, stop=size))
