"""The places of parts that are being written, each by one transfer at a time."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

from tusvideo.errors import Busy
from tusvideo.model import UploadId
from tusvideo.ports import Lease
from tusvideo.streams import PartBody

PART_WAIT_SECONDS = 1.0
"""So long finalize and DELETE leave running parts alone, and a whole part waits for a slower one of the same index."""


class PartTransfer:
    """A part on its way, seen by those who want its place or the whole upload."""

    def __init__(self, body: PartBody | None) -> None:
        self._body = body
        self.done = asyncio.Event()

    @property
    def silent_seconds(self) -> float:
        return 0.0 if self._body is None else self._body.silent_seconds

    @property
    def is_cut(self) -> bool:
        return self._body is not None and self._body.is_cut

    def stop(self) -> None:
        """Ask for an end; nothing of a torn part is kept. A part that is whole already just finishes."""
        if self._body is not None:
            self._body.interrupt()

    async def checkpoint(self) -> None:
        """Do nothing: a part counts when it is whole."""


class PartPlaces:
    """Who writes which part."""

    def __init__(self) -> None:
        self._writing: dict[tuple[UploadId, int], PartTransfer] = {}

    def is_taken(self, upload_id: UploadId, index: int) -> bool:
        """Tell whether somebody writes this part."""
        return (upload_id, index) in self._writing

    @contextlib.asynccontextmanager
    async def claim(
        self, upload_id: UploadId, index: int, *, body: PartBody | None, lease: Lease
    ) -> AsyncIterator[None]:
        """Hold the place of one part. Somebody slower who holds it is asked to leave; raises Busy if that fails."""
        key = (upload_id, index)
        while (other := self._writing.get(key)) is not None:
            other.stop()
            try:
                async with asyncio.timeout(PART_WAIT_SECONDS):
                    await other.done.wait()
            except TimeoutError:
                raise Busy from None
        mine = PartTransfer(body)
        self._writing[key] = mine
        lease.attach(mine)
        try:
            yield
        finally:
            del self._writing[key]
            mine.done.set()
