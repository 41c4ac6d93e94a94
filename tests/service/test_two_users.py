"""Somebody else's is exactly like unknown: every verb, every state, the very same error."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from tests.fakes.body import FakeBody
from tests.fakes.house import ANNA, BERT, LIMITS, House
from tests.service.wishes import KEY, a_video, appending, creation, creation_with, finalizing, putting
from tusvideo.commands import (
    ChangeVideo,
    DescribeVideo,
    ListVideos,
    QueryParts,
    QueryUpload,
    TerminateParts,
    TerminateUpload,
)
from tusvideo.errors import StorageFailed, TusvideoError, UnsupportedType
from tusvideo.model import Status, Upload, UploadId

UNKNOWN = UploadId("9" * 32)
Ask = Callable[[House, UploadId], Awaitable[object]]


def _append(house: House, upload_id: UploadId) -> Awaitable[object]:
    command = appending(_like(upload_id), 1, at=3)
    return house.uploads.append(BERT, command, FakeBody(b"!"))


def _like(upload_id: UploadId) -> Any:
    class Named:
        id = upload_id

    return Named


VERBS: dict[str, Ask] = {
    "append": _append,
    "query": lambda house, upload_id: house.uploads.query(BERT, QueryUpload(upload_id=upload_id)),
    "terminate": lambda house, upload_id: house.uploads.terminate(BERT, TerminateUpload(upload_id=upload_id)),
    "open": lambda house, upload_id: house.uploads.open_upload(BERT, upload_id),
}
STATES = ["open", "finalizing", "complete", "expired", "past its time", "failed"]


async def in_state(house: House, state: str) -> Upload:
    """Bring an upload of anna into a state."""
    if state == "failed":
        created = (await house.uploads.create(ANNA, creation(9000, profile="poster"), None)).upload
        with pytest.raises(UnsupportedType):
            await house.uploads.append(ANNA, appending(created, 9000, at=0), FakeBody(bytes(9000)))
        return await house.row(created.id)
    length = 3 if state in {"finalizing", "complete"} else 5
    upload = (await house.uploads.create(ANNA, creation(length), None)).upload
    publish = house.store.publish
    if state == "finalizing":

        async def fails(*args: Any, **kwargs: Any) -> bool:
            raise StorageFailed

        house.store.publish = fails  # type: ignore[method-assign]  # a double for a while
        with pytest.raises(StorageFailed):
            await house.uploads.append(ANNA, appending(upload, 3, at=0), FakeBody(b"hel"))
        house.store.publish = publish  # type: ignore[method-assign]  # a double for a while
    else:
        await house.uploads.append(ANNA, appending(upload, 3, at=0), FakeBody(b"hel"))
    if state in {"expired", "past its time"}:
        house.clock.move(LIMITS.expiry_seconds + 1)
    if state == "expired":
        await house.sweeper.run()
    return await house.row(upload.id)


async def told(asked: Awaitable[object]) -> tuple[type, str, dict[str, Any]]:
    """Everything that an error tells."""
    with pytest.raises(TusvideoError) as caught:
        await asked
    return type(caught.value), str(caught.value), vars(caught.value)


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("verb", VERBS)
async def test_a_foreign_upload_is_like_an_unknown_one(house: House, verb: str, state: str) -> None:
    """Nothing is told, and nothing changes (H-08, E-10)."""
    upload = await in_state(house, state)
    assert await told(VERBS[verb](house, upload.id)) == await told(VERBS[verb](house, UNKNOWN))
    assert await house.row(upload.id) == upload
    if upload.status is Status.OPEN:
        assert await house.staged(upload) == b"hel"


@pytest.mark.parametrize("is_complete", [False, True])
async def test_a_key_is_its_users_own(house: House, is_complete: bool) -> None:
    """Under another user's uploadId there is nothing, and a chunk begins an upload of one's own."""
    data = a_video(100)
    command = putting(0, 1)
    await house.parts.put(ANNA, command, FakeBody(data, command=command))
    if is_complete:
        await house.finalizing.finalize(ANNA, finalizing(1))
    for asked in (
        lambda key: house.parts.query(BERT, QueryParts(profile="poster", client_key=key)),
        lambda key: house.parts.terminate(BERT, TerminateParts(profile="poster", client_key=key)),
        lambda key: house.finalizing.finalize(BERT, finalizing(1, client_key=key)),
    ):
        assert await told(asked(KEY)) == await told(asked("unknown"))
    other = a_video(90, seed=2)
    mine = await house.parts.put(BERT, command, FakeBody(other, command=command))
    assert (mine.upload.owner, mine.upload.offset) == (BERT, 90)
    assert (await house.parts.query(ANNA, QueryParts(profile="poster", client_key=KEY))).upload.offset == 100
    theirs = (await house.finalizing.finalize(BERT, finalizing(1))).upload
    assert await house.published(theirs) == other


async def test_a_private_file_is_its_owners(house: House) -> None:
    """For others, and for nobody in particular, it is like none."""
    command = creation_with(b"hello", length=5)
    upload = (await house.uploads.create(ANNA, command, FakeBody(b"hello"))).upload
    assert upload.location is not None
    unknown = type(upload.location)(directory="files", folder="anna", filename="other.bin")
    for user in (BERT, None):
        assert await told(house.uploads.open_published(user, upload.location)) == await told(
            house.uploads.open_published(user, unknown)
        )
    found, file = await house.uploads.open_published(ANNA, upload.location)
    await file.close()
    assert found == upload


@pytest.mark.parametrize("user", [ANNA, BERT, None])
async def test_a_public_file_is_everybodys(house: House, user: Any) -> None:
    """The profile says so."""
    data = a_video(50)
    command = creation_with(data, length=50, profile="poster")
    upload = (await house.uploads.create(ANNA, command, FakeBody(data))).upload
    assert upload.location is not None
    _, file = await house.uploads.open_published(user, upload.location)
    assert file.size == 50
    await file.close()
    found, file = await house.uploads.open_upload(ANNA, upload.id)
    await file.close()
    assert found == upload


@pytest.mark.parametrize("is_opened_by_id", [True, False])
async def test_a_file_that_vanished_is_not_found(house: House, is_opened_by_id: bool) -> None:
    """Whoever removed it by hand."""
    upload = (await house.uploads.create(ANNA, creation_with(b"x", length=1), FakeBody(b"x"))).upload
    assert upload.location is not None
    await house.store.remove_published(upload.location)
    asked: Awaitable[object] = (
        house.uploads.open_upload(ANNA, upload.id)
        if is_opened_by_id
        else house.uploads.open_published(ANNA, upload.location)
    )
    assert (await told(asked))[1] == "no such file; check the address, or start again"


async def test_a_foreign_record_is_like_an_unknown_one(house: House) -> None:
    """Read, play, change, remove, describe: the very same error, and the record stays."""
    command = creation_with(b"hello", length=5, original_name="a.mp4", title="Sea")
    await house.uploads.create(ANNA, command, FakeBody(b"hello"))
    (video,) = (await house.videos.list(ANNA, ListVideos(limit=9))).videos
    for asked in (
        lambda which: house.videos.get(BERT, which),
        lambda which: house.playing.open(BERT, which),
        lambda which: house.playing.open(None, which),
        lambda which: house.videos.change(BERT, ChangeVideo(video_id=which, title="mine")),
        lambda which: house.videos.remove(BERT, which, with_file=True),
        lambda which: house.videos.remove(BERT, which, with_file=False),
    ):
        assert await told(asked(video.id)) == await told(asked("0" * 32))
    names = ("a.mp4", "unknown.mp4")
    errors = [
        await told(
            house.videos.describe(BERT, DescribeVideo(profile="files", filename=name, title="t", description="d"))
        )
        for name in names
    ]
    assert errors[0] == errors[1]
    assert (await house.videos.list(ANNA, ListVideos(limit=9))).videos == (video,)
