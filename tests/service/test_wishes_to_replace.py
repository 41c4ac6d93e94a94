"""Wishes to replace: judged before anything is made; one that comes again is answered as the first time."""

import asyncio
from typing import Any

import pytest

from tests.fakes.body import FakeBody
from tests.fakes.house import ANNA, BERT, House
from tests.service.chunks import put
from tests.service.replacements import NEW, OLD, TWO, a_record, content, publish, publish_parts
from tests.service.wishes import creation, creation_with, finalizing
from tusvideo.commands import (
    TerminateUpload,
)
from tusvideo.errors import FactConflict, InvalidField, NotFound
from tusvideo.model import Status


async def judged(house: House, which: str, replaces: str) -> None:
    """Ask for a replacement in a profile ``files``, or by chunks in ``poster``."""
    match which:
        case "creation":
            await house.uploads.create(ANNA, creation_with(NEW, length=150, replaces=replaces), FakeBody(NEW))
        case "concatenation":
            piece = await house.uploads.create(ANNA, creation_with(NEW, length=150, concat="partial"), FakeBody(NEW))
            final = creation(None, concat=f"final;/files/{piece.upload.id}", replaces=replaces)
            await house.uploads.create(ANNA, final, None)
        case "chunk":
            await put(house, 0, TWO[0], total=2, part_size=100, replaces=replaces)
        case _:
            await publish_parts(house, replaces=replaces)


WAYS = ["creation", "concatenation", "chunk", "finalize"]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("whose", ["nobody", "bert", "hidden"])
async def test_a_record_that_is_not_seen_cannot_be_replaced(house: House, way: str, whose: str) -> None:
    """Unknown, somebody else's and removed ones alike; nothing is published, and nothing of theirs changes."""
    profile = "files" if way in {"creation", "concatenation"} else "poster"
    owner = BERT if whose == "bert" else ANNA
    upload = await publish(house, OLD, user=owner, profile=profile, title="Sea")
    [video] = await house.sessions.videos(owner, limit=9)
    if whose == "hidden":
        await house.videos.remove(ANNA, video.id, with_file=True)
    with pytest.raises(NotFound, match="no such video"):
        await judged(house, way, "0" * 32 if whose == "nobody" else video.id)
    assert await house.published(upload) == OLD
    complete = await house.sessions.with_status(Status.COMPLETE, after=None, limit=9)
    assert [each.id for each in complete if not each.is_partial] == [upload.id]


@pytest.mark.parametrize("way", WAYS)
async def test_a_record_of_another_profile_cannot_be_replaced(house: House, way: str) -> None:
    """The error names both."""
    profile = "poster" if way in {"creation", "concatenation"} else "files"
    video, _ = await a_record(house, profile=profile)
    with pytest.raises(InvalidField, match="of the profile"):
        await judged(house, way, video.id)
    assert await content(house, video) == OLD


async def test_a_refused_creation_makes_nothing(house: House) -> None:
    """It is judged before the first byte."""
    body = FakeBody(NEW)
    with pytest.raises(NotFound):
        await house.uploads.create(ANNA, creation_with(NEW, length=150, replaces="0" * 32), body)
    assert body.reads == 0
    assert house.events.names() == []


async def test_a_refused_finalize_keeps_the_chunks(house: House) -> None:
    """Finalize can be asked again, with the right record or with none."""
    with pytest.raises(NotFound):
        await publish_parts(house, replaces="0" * 32)
    done = await house.finalizing.finalize(ANNA, finalizing(2))
    assert await house.published(done.upload) == NEW
    with pytest.raises(FactConflict):
        await house.finalizing.finalize(ANNA, finalizing(2, replaces="0" * 32))


async def test_an_upload_replaces_one_record_for_good(house: House) -> None:
    """A later chunk, finalize or creation that names another one contradicts it."""
    old, _ = await a_record(house, profile="poster")
    await put(house, 0, TWO[0], total=2, part_size=100, replaces=old.id)
    with pytest.raises(FactConflict, match="replaces"):
        await put(house, 1, TWO[1], total=2, part_size=100, replaces="0" * 32)
    await put(house, 1, TWO[1], total=2, part_size=100)
    with pytest.raises(FactConflict, match="replaces"):
        await house.finalizing.finalize(ANNA, finalizing(2, replaces="0" * 32))
    await house.finalizing.finalize(ANNA, finalizing(2))
    assert (await house.videos.get(ANNA, old.id)).size == 150


async def test_a_chunk_that_says_it_too_late_contradicts(house: House) -> None:
    """After its bytes it cannot be judged before them."""
    old, _ = await a_record(house, profile="poster")
    with pytest.raises(FactConflict, match="replaces"):
        await put(house, 0, TWO[0], total=2, part_size=100, late={"replaces": old.id})


async def test_a_key_stands_for_one_record(house: House) -> None:
    """The same creation again gives the same upload; another record under the same key contradicts."""
    old, _ = await a_record(house)
    command: dict[str, Any] = {"creation_key": "k", "replaces": old.id}
    first = await publish(house, NEW, **command)
    assert (await publish(house, NEW, **command)).id == first.id
    with pytest.raises(FactConflict, match="replaces"):
        await publish(house, NEW, creation_key="k")


@pytest.mark.parametrize("is_whole", [True, False])
async def test_a_creation_that_comes_again_is_answered_as_the_first_time(house: House, *, is_whole: bool) -> None:
    """Also when the record that it named is gone by then; another request under the same key still contradicts."""
    old, _ = await a_record(house)
    command: dict[str, Any] = {"creation_key": "k", "replaces": old.id, "length": len(NEW)}
    begin = NEW if is_whole else NEW[:50]
    first = (await house.uploads.create(ANNA, creation_with(begin, **command), FakeBody(begin))).upload
    await house.videos.remove(ANNA, old.id, with_file=False, at_once=True)
    again = await house.uploads.create(ANNA, creation_with(NEW, **command), body := FakeBody(NEW))
    assert (again.upload, again.stored_body, body.reads) == (first, False, 0)
    with pytest.raises(FactConflict, match="Upload-Length"):
        await house.uploads.create(ANNA, creation_with(NEW, **{**command, "length": 151}), FakeBody(NEW))


async def test_what_begins_again_is_judged_again(house: House) -> None:
    """An upload that nobody can go on with is no answer to be repeated: its place is taken only if the record is
    there."""
    old, _ = await a_record(house)
    command = creation_with(
        NEW, length=150, creation_key="k", replaces=old.id, completes=True, needs_completion=True, forgets_cut=True
    )
    cut = asyncio.create_task(house.uploads.create(ANNA, command, body := FakeBody(NEW[:50], is_open=True)))
    await body.hungry.wait()
    await house.videos.remove(ANNA, old.id, with_file=False, at_once=True)
    with pytest.raises(NotFound, match="no such video"):
        await house.uploads.create(ANNA, command, FakeBody(NEW))
    body.end(NEW[50:])
    assert (await cut).upload.status is Status.COMPLETE


async def test_a_concatenation_that_comes_again_is_answered_as_the_first_time(house: House) -> None:
    """With a key or without, though its pieces and the record are gone."""
    old, _ = await a_record(house)
    piece = await publish(house, NEW, concat="partial")
    final = creation(None, concat=f"final;/files/{piece.id}", replaces=old.id)
    first = await house.uploads.create(ANNA, final, None)
    assert first.upload.status is Status.COMPLETE
    await house.uploads.terminate(ANNA, TerminateUpload(upload_id=piece.id))
    await house.videos.remove(ANNA, old.id, with_file=False, at_once=True)
    assert await house.uploads.create(ANNA, final, None) == first
