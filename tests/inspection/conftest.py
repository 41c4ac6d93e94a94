"""Published files for an inspector to examine."""

from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

from tusvideo.media.inspector import ChildInspector
from tusvideo.model import Location, UploadId
from tusvideo.rules.sniff import kind_of
from tusvideo.stores.disk import DiskStore
from tusvideo.video import Inspection

Examine = Callable[..., Coroutine[Any, Any, Inspection]]


@pytest.fixture
async def examine(tmp_path: Path) -> AsyncIterator[Examine]:
    """Publish a file, and let an inspector examine it as what it looks like."""
    async with AsyncExitStack() as stack:
        store = await DiskStore.open(tmp_path / "data", threads=2)
        stack.push_async_callback(store.close)
        count = iter(range(1, 100))

        async def run(
            path: Path, *, inspector: ChildInspector | None = None, kind: str | None = None, repairs: bool = False
        ) -> Inspection:
            content = path.read_bytes()
            number = next(count)
            one = UploadId(f"{number:032x}")
            await store.stage(one, [content], position=0, fresh=True, durable=False)
            location = Location(directory="videos", folder="anna", filename=f"{number}.mp4")
            assert await store.publish(one, length=len(content), location=location)
            file = await store.open_published(location)
            assert file is not None
            try:
                found = kind or kind_of(content[:4096])
                assert found is not None, "the file is taken for a video"
                return await (inspector or ChildInspector()).inspect(file, kind=found, repairs=repairs)
            finally:
                await file.close()

        yield run
