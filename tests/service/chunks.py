"""Parts of uploads as clients of the chunk API send them, and what is stored of them."""

from dataclasses import replace
from typing import Any

from tests.fakes.body import FakeBody
from tests.fakes.house import ANNA, House
from tests.service.wishes import KEY, a_video, finalizing, putting
from tusvideo.commands import PartsListed, PartStored, QueryParts
from tusvideo.model import Status


async def put(
    house: House, index: int, data: bytes, *, total: int, late: dict[str, Any] | None = None, **facts: Any
) -> PartStored:
    """Put a part that comes in one block; ``late`` fields follow the file."""
    command = putting(index, total, **facts)
    body = FakeBody(*([data] if data else []), command=replace(command, **(late or {})))
    return await house.parts.put(ANNA, command, body)


async def put_spooled(house: House, index: int, data: bytes, *, total: int, **facts: Any) -> PartStored:
    """Put a part whose file came before its fields."""
    spool = await house.parts.open_spool()
    try:
        if data:
            await spool.write(data)
        return await house.parts.put_spooled(ANNA, putting(index, total, **facts), spool)
    finally:
        await spool.close()


async def listed(house: House) -> PartsListed:
    """Ask what is stored."""
    return await house.parts.query(ANNA, QueryParts(profile="poster", client_key=KEY))


async def indexes(house: House) -> list[int]:
    """Ask which parts are stored; the bytes of each must be there."""
    found = await listed(house)
    for part in found.parts:
        if found.upload.status is Status.OPEN:
            async for _ in house.store.read_staged(
                found.upload.id, start=part.position, stop=part.position + part.size
            ):
                pass
    return [part.index for part in found.parts]


async def finished(house: House, total: int, **facts: Any) -> bytes:
    """Finalize, and give the published bytes."""
    return await house.published((await house.finalizing.finalize(ANNA, finalizing(total, **facts))).upload)


def slices(data: bytes, size: int) -> list[bytes]:
    """Cut as a client does."""
    return [data[start : start + size] for start in range(0, len(data), size)]


THREE = slices(a_video(2500), 1000)
