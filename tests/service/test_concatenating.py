"""Concatenation: pieces that are never published, the wholes that are made of them, and what is refused."""

import asyncio
from typing import Any

import pytest

from tests.fakes.body import FakeBody
from tests.fakes.faults import Steps
from tests.fakes.house import ANNA, BERT, House
from tests.service.appends import append
from tests.service.concatenations import ended, looked, made, piece, terminated
from tests.service.wishes import a_video, creation, creation_with, some
from tusvideo.commands import AppendBytes
from tusvideo.errors import (
    DiskFull,
    FactConflict,
    Forbidden,
    InvalidField,
    NotFound,
    TooLarge,
    UnsupportedType,
)
from tusvideo.model import PARTIAL, Durability, Protocol, Status, Upload
from tusvideo.service import concatenating


class TestPieces:
    async def test_a_piece_is_an_upload_that_is_not_published(self, house: House) -> None:
        """It grows as any does; whole, it stays in staging, has no name, and no event tells of an end (N-02 to N-04,
        N-31)."""
        upload = await piece(house, b"he", of=5)
        stored = (await append(house, upload, b"llo", at=2)).upload
        assert (stored.status, stored.offset, stored.concat, stored.location) == (Status.OPEN, 5, PARTIAL, None)
        assert await house.staged(stored) == b"hello"
        assert "upload_completed" not in house.events.names()
        assert (await append(house, upload, b"", at=5)).written == 0, "S-07"
        with pytest.raises(TooLarge):
            await append(house, upload, b"!", at=5)
        with pytest.raises(NotFound):
            await house.uploads.open_upload(ANNA, upload.id)

    async def test_its_length_may_come_late(self, house: House) -> None:
        """A piece of unknown length is whole once that is told and reached (N-36)."""
        command = creation_with(b"hel", length=None, concat=PARTIAL)
        upload = (await house.uploads.create(ANNA, command, FakeBody(b"hel"))).upload
        await append(house, upload, b"lo", at=3, length=5)
        final = await made(house, upload)
        assert await house.published(final) == b"hello"

    async def test_its_type_is_nobodys_business(self, house: House) -> None:
        """The middle of a video is no video; the whole is judged."""
        video = a_video(9000)
        first = await piece(house, video[:100], profile="poster")
        second = await piece(house, video[100:], profile="poster")
        empty = await piece(house, b"", profile="poster")
        final = await made(house, first, empty, second, profile="poster")
        assert (final.content_type, await house.published(final)) == ("video/mp4", video)
        with pytest.raises(UnsupportedType):
            await made(house, second, first, profile="poster")
        with pytest.raises(UnsupportedType):
            await made(house, empty, profile="poster")

    async def test_a_stop_leaves_it_as_it_is(self, house: House) -> None:
        """Recovery publishes no piece."""
        upload = await piece(house, b"hello")
        house, recovered = await house.restarted()
        assert (recovered.checked, recovered.published, recovered.damaged) == (1, 0, 0)
        assert await house.row(upload.id) == await looked(house, upload)
        assert (await house.row(upload.id)).status is Status.OPEN

    async def test_it_expires_as_any_unfinished_upload(self, house: House) -> None:
        """Whole or not, a piece lasts as long as any upload after its last byte; then no whole is made of it (X-13)."""
        upload, other = await piece(house, b"hello"), await piece(house, b"x")
        house.clock.move(house.limits.expiry_seconds / 2)
        await append(house, other, b"", at=1)
        house.clock.move(house.limits.expiry_seconds / 2 + 1)
        await house.sweeper.run()
        assert (await house.row(upload.id)).status is Status.EXPIRED
        fresh = await piece(house, b"new")
        with pytest.raises(NotFound, match="piece 2 of Upload-Concat"):
            await made(house, fresh, upload)


class TestWhole:
    async def test_the_pieces_in_their_order(self, house: House) -> None:
        """N-05 to N-07, N-10, N-11, N-35: any order, twice, empty ones, and in a second whole."""
        hello, world, empty = await piece(house, b"hello"), await piece(house, b" world"), await piece(house, b"")
        final = await made(house, hello, world)
        assert (final.status, final.offset, final.length) == (Status.COMPLETE, 11, 11)
        assert await house.published(final) == b"hello world"
        assert await looked(house, final) == final
        again = await made(house, world, empty, hello, hello)
        assert await house.published(again) == b" worldhellohello"
        assert house.events.names().count("upload_completed") == 2
        nothing = await made(house, empty, empty)
        assert (nothing.status, nothing.length) == (Status.COMPLETE, 0)

    async def test_metadata_is_its_own(self, house: House) -> None:
        """What was said of pieces is not said of the whole (N-12, N-13)."""
        hello = await piece(house, b"hello", metadata="filename eA==", original_name="x")
        final = await made(house, hello, metadata="filename eQ==", original_name="y", title="Y")
        assert (final.metadata, final.original_name) == ("filename eQ==", "y")
        [video] = await house.sessions.videos(ANNA, limit=9)
        assert video.title == "Y"
        assert (await made(house, hello, original_name=None)).metadata == ""

    async def test_pieces_may_go_afterwards(self, house: House) -> None:
        """E-11: the whole has bytes of its own."""
        hello, world = await piece(house, b"hello"), await piece(house, b" world")
        final = await made(house, hello, world)
        await terminated(house, hello)
        await terminated(house, world)
        assert await house.published(await house.row(final.id)) == b"hello world"
        assert await house.store.staged_ids() == []

    @pytest.mark.parametrize("data", [b"", b"!"])
    async def test_it_takes_no_bytes(self, house: House, data: bytes) -> None:
        """N-14, N-15: at whatever offset, complete or waiting."""
        hello, late = await piece(house, b"hello"), await piece(house, b"", of=6)
        for final in (await made(house, hello), await made(house, hello, late)):
            before = await house.row(final.id)
            with pytest.raises(Forbidden, match="takes no bytes"):
                await append(house, final, data, at=final.offset)
            assert await house.row(final.id) == before

    async def test_many_pieces(self, house: House) -> None:
        """Over the wire it is 500 (N-29)."""
        data = some(1000)
        pieces = [await piece(house, data[at : at + 10]) for at in range(0, 1000, 10)]
        final = await made(house, *pieces)
        await ended(house)
        assert await house.published(await house.row(final.id)) == data

    async def test_large_ones_are_copied_in_steps(self, house: House, monkeypatch: pytest.MonkeyPatch) -> None:
        """Others get their turn between two steps."""
        monkeypatch.setattr(concatenating, "STEP_BYTES", 1000)
        data = some(7777)
        steps = Steps()
        final = await made(house.with_steps(steps), await piece(house, data[:3333]), await piece(house, data[3333:]))
        assert await house.published(final) == data
        assert steps.names.count("copy_between") == 4 + 5

    async def test_relaxed_syncs_what_it_publishes(self, house: House) -> None:
        """What is published survives a power loss, whatever the level of its pieces."""
        relaxed = house.with_(durability=Durability.RELAXED)
        hello = await piece(relaxed, b"hello")
        assert hello.boot_id is not None
        final = await made(relaxed, hello)
        assert (final.status, final.boot_id) == (Status.COMPLETE, None)


class TestRefusals:
    async def refused(self, house: House, error: type[Exception], match: str, *pieces: Upload, **facts: Any) -> None:
        """Ask for a whole that is refused, and see that nothing was made."""
        before = await house.sessions.open_finals(after=None, limit=9)
        with pytest.raises(error, match=match):
            await made(house, *pieces, **facts)
        assert await house.sessions.open_finals(after=None, limit=9) == before
        assert house.events.names().count("upload_created") == len(
            await house.sessions.with_status(Status.OPEN, after=None, limit=99)
        )

    async def test_unknown_and_foreign_and_gone_pieces(self, house: House) -> None:
        """N-22, N-26, X-13: 404 alike, with the number of the piece."""
        hello, gone = await piece(house, b"hello"), await piece(house, b"gone")
        other = (await house.uploads.create(BERT, creation_with(b"x", length=1, concat=PARTIAL), FakeBody(b"x"))).upload
        await terminated(house, gone)
        house.events.events = [event for event in house.events.events if event.upload.id != gone.id]
        for missing in (gone, other):
            await self.refused(house, NotFound, "piece 2 of", hello, missing, hello)

    async def test_plain_and_final_uploads_are_no_pieces(self, house: House) -> None:
        """N-24, N-25."""
        hello, late = await piece(house, b"hello"), await piece(house, b"", of=1)
        plain = (await house.uploads.create(ANNA, creation(5), None)).upload
        final = await made(house, hello, late)
        for other in (plain, final):
            await self.refused(house, InvalidField, "created as partial", hello, other)

    async def test_too_large_together(self, house: House) -> None:
        """N-28: also when they are not whole yet."""
        first, second = await piece(house, b"", of=60_000), await piece(house, b"", of=60_000)
        await self.refused(house, TooLarge, "the file", first, second)

    async def test_no_room(self, house: House, monkeypatch: pytest.MonkeyPatch) -> None:
        """507 before anything is made."""
        hello = await piece(house, b"hello")

        async def none() -> int:
            return 0

        monkeypatch.setattr(house.store, "free_bytes", none)
        await self.refused(house, DiskFull, "full", hello)


class TestTheSameAgain:
    async def test_without_a_key(self, house: House) -> None:
        """N-30: the same pieces and metadata are the same whole, one at a time or twenty at once; one event."""
        hello, world = await piece(house, b"hello"), await piece(house, b" world")
        finals = await asyncio.gather(*(made(house, hello, world, metadata="a") for _ in range(20)))
        assert len({final.id for final in finals}) == 1
        assert (await made(house, hello, world, metadata="a")).id == finals[0].id
        assert house.events.names().count("upload_completed") == 1
        assert (await made(house, hello, world, metadata="b")).id != finals[0].id
        assert (await made(house, world, hello, metadata="a")).id != finals[0].id

    async def test_with_a_key(self, house: House) -> None:
        """The key tells, and other pieces under it are a mistake."""
        hello, world = await piece(house, b"hello"), await piece(house, b" world")
        final = await made(house, hello, creation_key="k")
        assert (await made(house, hello, creation_key="k")).id == final.id
        assert (await made(house, hello, creation_key="l")).id != final.id
        with pytest.raises(FactConflict, match="Upload-Concat"):
            await made(house, world, creation_key="k")
        with pytest.raises(FactConflict, match="Upload-Concat"):
            await house.uploads.create(ANNA, creation(None, creation_key="k", original_name=None), None)

    async def test_after_it_was_removed(self, house: House) -> None:
        """A whole that is gone gives its place to a new one."""
        hello = await piece(house, b"hello")
        final = await made(house, hello)
        await terminated(house, final)
        again = await made(house, hello)
        assert again.id != final.id
        assert await house.published(again) == b"hello"


async def test_another_protocol_gets_the_same_answer(house: House) -> None:
    """A final upload takes bytes in no protocol."""
    final = await made(house, await piece(house, b"hello"))
    command = AppendBytes(protocol=Protocol.CHUNKS, upload_id=final.id, at_offset=0, body_length=1)
    with pytest.raises(Forbidden):
        await house.uploads.append(ANNA, command, FakeBody(b"x"))


async def test_a_copy_that_finds_no_room_leaves_none_taken(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """Or its own beginning would be in the way of the next try, for as long as the upload lasts."""
    pieces = [await piece(house, some(5000, seed=seed)) for seed in (1, 2)]
    copy, copied = house.store.copy_between, list[object]()

    async def full(*args: Any, **facts: Any) -> None:
        if copied:
            raise DiskFull
        copied.append(args)
        await copy(*args, **facts)

    with monkeypatch.context() as patch:
        patch.setattr(house.store, "copy_between", full)
        with pytest.raises(DiskFull):
            await made(house, *pieces)
    assert set(await house.store.staged_ids()) == {upload.id for upload in pieces}
    await house.concatenating.run()
    await ended(house)
    [whole] = await house.sessions.with_status(Status.COMPLETE, after=None, limit=9)
    assert await house.published(whole) == some(5000, seed=1) + some(5000, seed=2)
