"""Calls of the operating system that fail or take their time, and the upload of the tests on the real disk."""

import asyncio
import os
import threading
from collections.abc import Callable

from tusvideo.model import Location, UploadId
from tusvideo.stores.disk import DiskStore
from tusvideo.stores.opened import DiskWriter

ONE = UploadId("1" * 32)
PLACE = Location(directory="posters", folder="local", filename="video_1.mp4")
PATIENCE = 30.0
"""Seconds after which a test fails instead of hanging."""


class Gate:
    """A call of the operating system that takes as long as the test wants."""

    def __init__(self, call: Callable[..., object]) -> None:
        self.call = call
        self.started = threading.Event()
        self.released = threading.Event()
        self.ended = False

    def __call__(self, *args: object) -> object:
        self.started.set()
        assert self.released.wait(PATIENCE)
        try:
            return self.call(*args)
        finally:
            self.ended = True

    async def reached(self) -> None:
        """Wait until a thread is in the call."""
        assert await asyncio.to_thread(self.started.wait, PATIENCE)


def fails(number: int) -> Callable[..., object]:
    """A call that fails with an error number."""

    def call(*args: object, **kwargs: object) -> object:
        raise OSError(number, os.strerror(number), "/a/path/that/nobody/should/see")

    return call


async def writer_of(store: DiskStore) -> DiskWriter:
    """Open a fresh writer."""
    return await store.open_writer(ONE, position=0, fresh=True)


async def stage(store: DiskStore) -> None:
    """Store a few bytes durably in one go."""
    await store.stage(ONE, [b"more"], position=0, fresh=True, durable=True)
