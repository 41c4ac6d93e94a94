"""Uploads that grow as clients of tus let them, and what is stored of them."""

import asyncio
from typing import Any

from tests.fakes.body import FakeBody
from tests.fakes.house import ANNA, House
from tests.service.wishes import appending, creation_with
from tusvideo.commands import Appended, QueryUpload
from tusvideo.model import Status, Upload


async def begun(house: House, data: bytes = b"hel", *, length: int | None = 5, **facts: Any) -> Upload:
    """Make an upload with some bytes stored."""
    return (await house.uploads.create(ANNA, creation_with(data, length=length, **facts), FakeBody(data))).upload


async def append(
    house: House, upload: Upload, data: bytes, *, at: int, chunked: bool = False, length: int | None = None
) -> Appended:
    """Append bytes that come in one block."""
    command = appending(upload, None if chunked else len(data), at=at, length=length)
    return await house.uploads.append(ANNA, command, FakeBody(data) if data else FakeBody())


async def offset(house: House, upload: Upload) -> int:
    """Ask where an upload stands; the bytes must be there."""
    found = (await house.uploads.query(ANNA, QueryUpload(upload_id=upload.id))).upload
    if found.status is Status.OPEN:
        assert len(await house.staged(found)) == found.offset
    return found.offset


async def unchanged(house: House, upload: Upload, data: bytes) -> bool:
    """Tell whether row and bytes are those of ``upload`` still."""
    row = await house.row(upload.id)
    return row == upload and await house.staged(row) == data


async def running_append(house: House, upload: Upload, *blocks: bytes, at: int = 0) -> tuple[Any, FakeBody]:
    """Start an append that has taken these blocks and waits for more."""
    body = FakeBody(*blocks, is_open=True)
    task = asyncio.create_task(house.uploads.append(ANNA, appending(upload, 10 - at, at=at), body))
    await body.hungry.wait()
    return task, body
