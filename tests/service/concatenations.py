"""Pieces and wholes of concatenated uploads."""

import asyncio
from typing import Any

import pytest

from tests.fakes.body import FakeBody
from tests.fakes.house import ANNA, House
from tests.service.wishes import creation, creation_with
from tusvideo.commands import CreateUpload, QueryUpload, TerminateUpload
from tusvideo.model import PARTIAL, Upload


async def piece(house: House, data: bytes, *, of: int | None = None, **facts: Any) -> Upload:
    """Make a partial upload with bytes in it; whole unless ``of`` more are to come."""
    length = len(data) if of is None else of
    command = creation_with(data, length=length, concat=PARTIAL, **facts)
    return (await house.uploads.create(ANNA, command, FakeBody(data))).upload


def whole_of(*pieces: Upload, **facts: Any) -> CreateUpload:
    """Ask for a final upload."""
    addresses = " ".join(f"/files/{upload.id}" for upload in pieces)
    return creation(None, concat=f"final;{addresses}", **{"original_name": "whole.bin", **facts})


async def made(house: House, *pieces: Upload, **facts: Any) -> Upload:
    """Make a final upload."""
    return (await house.uploads.create(ANNA, whole_of(*pieces, **facts), None)).upload


async def looked(house: House, upload: Upload) -> Upload:
    """Ask where an upload stands."""
    return (await house.uploads.query(ANNA, QueryUpload(upload_id=upload.id))).upload


def copies_wait(house: House, monkeypatch: pytest.MonkeyPatch) -> asyncio.Event:
    """Hold every copy up until the event that is given is set."""
    gate = asyncio.Event()
    copy = house.store.copy_between

    async def held(*args: Any, **facts: Any) -> None:
        await gate.wait()
        await copy(*args, **facts)

    monkeypatch.setattr(house.store, "copy_between", held)
    return gate


async def ended(house: House) -> None:
    """Wait until nobody puts anything together."""
    while running := [*house.concatenating._running.values(), *house.concatenating._telling]:
        await asyncio.wait(running)


async def terminated(house: House, upload: Upload) -> None:
    """Remove an upload."""
    await house.uploads.terminate(ANNA, TerminateUpload(upload_id=upload.id))
