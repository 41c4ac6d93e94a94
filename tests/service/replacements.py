"""Records that get another file, and their files."""

from typing import Any

from tests.fakes.body import FakeBody
from tests.fakes.house import ANNA, House
from tests.service.chunks import put
from tests.service.wishes import a_video, creation_with, finalizing
from tusvideo.model import Location, Upload, UserId
from tusvideo.video import Video

OLD = a_video(100, seed=1)
NEW = a_video(150, seed=2)
NEWER = a_video(170, seed=3)
TWO = [NEW[:100], NEW[100:]]


async def publish(house: House, data: bytes, *, user: UserId = ANNA, **facts: Any) -> Upload:
    """Publish a file in one request."""
    return (await house.uploads.create(user, creation_with(data, length=len(data), **facts), FakeBody(data))).upload


async def publish_parts(house: House, *, profile: str = "poster", **facts: Any) -> Upload:
    """Publish ``NEW`` in two parts."""
    for index, data in enumerate(TWO):
        await put(house, index, data, total=2, part_size=100, profile=profile)
    return (await house.finalizing.finalize(ANNA, finalizing(2, profile=profile, **facts))).upload


async def a_record(house: House, *, profile: str = "files", title: str = "Sea") -> tuple[Video, Upload]:
    """A record of anna with the file ``OLD``."""
    upload = await publish(house, OLD, profile=profile, title=title, description="calm", original_name="old.mp4")
    house.clock.move(10)
    [video] = await house.sessions.videos(ANNA, limit=9)
    return video, upload


async def content(house: House, video: Video) -> bytes:
    """The bytes of the file of a record, as somebody who opens it gets them."""
    _, _, file = await house.videos.open_file(ANNA, video.id)
    try:
        return b"".join([block async for block in file.read(0, file.size)])
    finally:
        await file.close()


async def is_there(house: House, location: Location | None) -> bool:
    """Tell whether the file of a place is there."""
    assert location is not None
    file = await house.store.open_published(location)
    if file is not None:
        await file.close()
    return file is not None


def told(house: House, name: str) -> list[dict[str, int | str]]:
    """What was told under a name."""
    return [dict(event.data) for event in house.events.events if event.name == name]
