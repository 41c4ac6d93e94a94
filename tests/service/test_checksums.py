"""Bodies that come with a checksum: all of one counts, or none of it."""

import asyncio
import hashlib
import threading
from collections.abc import AsyncIterator

import pytest

from tests.fakes.body import FakeBody, cut_body
from tests.fakes.faults import Crash, Steps
from tests.fakes.house import ANNA, House
from tests.service.appends import append, begun, offset, unchanged
from tests.service.wishes import a_video, appending, checksum, creation, creation_with, some
from tusvideo.checksums import ALGORITHMS, BESIDE_BYTES, Algorithm, Checksum
from tusvideo.commands import Appended
from tusvideo.errors import (
    BodyCut,
    BodyStalled,
    ChecksumMismatch,
    OffsetMismatch,
    Preempted,
    TooLarge,
    TransferEnded,
    UnsupportedType,
)
from tusvideo.model import Durability, Status, Upload
from tusvideo.service import part_stream

HELLO = b"hello world"
WRONG = b"hello WORLD"


async def checked(
    house: House,
    upload: Upload,
    *blocks: bytes,
    of: bytes,
    at: int = 0,
    chunked: bool = False,
    length: int | None = None,
    algorithm: str = "sha1",
) -> Appended:
    """Append blocks with the checksum of some bytes."""
    size = None if chunked else sum(map(len, blocks))
    command = appending(upload, size, at=at, length=length, checksum=checksum(of, algorithm=algorithm))
    return await house.uploads.append(ANNA, command, FakeBody(*blocks))


@pytest.mark.parametrize("algorithm", ALGORITHMS)
async def test_every_algorithm_tells_right_from_wrong(house: House, algorithm: str) -> None:
    """The right bytes are stored; wrong ones change nothing, and the right ones may follow (K-01, K-02, K-05, K-09)."""
    upload = await begun(house, b"", length=11)
    with pytest.raises(ChecksumMismatch) as caught:
        await checked(house, upload, WRONG, of=HELLO, algorithm=algorithm)
    assert caught.value.expires_at == upload.expires_at, "X-03"
    assert await unchanged(house, upload, b"")
    done = (await checked(house, upload, HELLO, of=HELLO, algorithm=algorithm)).upload
    assert (done.status, done.offset) == (Status.COMPLETE, 11)
    assert await house.published(done) == HELLO


async def test_bytes_before_it_are_untouched(house: House) -> None:
    """A chunk in the middle that is wrong leaves those before it, and the next one is written over it (K-03)."""
    upload = await begun(house, b"first", length=20)
    with pytest.raises(ChecksumMismatch):
        await checked(house, upload, b"x" * 15, of=b"y" * 15, at=5)
    assert await unchanged(house, upload, b"first")
    assert await house.store.staged_size(upload.id) == 5, "no byte of it is left on the disk"
    await append(house, upload, b"second", at=5)
    done = (await checked(house, upload, b"and third", of=b"and third", at=11)).upload
    assert await house.published(done) == b"firstsecondand third"


@pytest.mark.parametrize("chunked", [False, True])
async def test_framing_does_not_matter(house: House, chunked: bool) -> None:
    """Many blocks, of a known or an unknown number (K-11)."""
    upload = await begun(house, b"", length=11)
    done = (await checked(house, upload, b"hello", b" ", b"world", of=HELLO, chunked=chunked)).upload
    assert await house.published(done) == HELLO


async def test_a_mismatch_at_the_end_completes_nothing(house: House) -> None:
    """No event, no file, no name (K-14)."""
    upload = await begun(house, b"hello", length=11)
    with pytest.raises(ChecksumMismatch):
        await checked(house, upload, b"_world", of=b" world", at=5)
    assert "upload_completed" not in house.events.names()
    assert (await house.row(upload.id)).location is None


@pytest.mark.parametrize("reason", [BodyCut("cut"), BodyStalled("stalled"), Preempted("asked")])
async def test_what_was_cut_vanishes(house: House, reason: TransferEnded) -> None:
    """A body that did not come whole cannot be verified, so none of it counts, long as it may be (K-08, K-09)."""
    data = some(50_000)
    upload = await begun(house, b"", length=50_000)
    body = cut_body(data[:20_000], data[20_000:45_000], reason=reason)
    with pytest.raises(type(reason)):
        await house.uploads.append(ANNA, appending(upload, 50_000, at=0, checksum=checksum(data)), body)
    assert await unchanged(house, upload, b"")
    assert await house.store.staged_size(upload.id) == 0
    assert (await checked(house, upload, data, of=data)).upload.status is Status.COMPLETE


async def test_too_many_bytes_vanish(house: House) -> None:
    """A chunked body that is longer than the upload leaves nothing, not even what would have fitted."""
    upload = await begun(house, b"", length=8)
    with pytest.raises(TooLarge):
        await checked(house, upload, b"hello", b" world", of=HELLO, chunked=True)
    assert await unchanged(house, upload, b"")


async def test_a_question_in_the_middle_shows_the_old_offset(house: House) -> None:
    """What is not verified is not visible, however much of it is on the disk (K-13)."""
    data = some(60_000)
    upload = await begun(house, data[:1000], length=60_000)
    body = FakeBody(data[1000:40_000], is_open=True)
    command = appending(upload, 59_000, at=1000, checksum=checksum(data[1000:]))
    task = asyncio.create_task(house.uploads.append(ANNA, command, body))
    await body.hungry.wait()
    assert await offset(house, upload) == 1000
    assert (await house.store.staged_size(upload.id) or 0) == 40_000
    body.end(data[40_000:])
    assert (await task).upload.status is Status.COMPLETE


async def test_a_newcomer_takes_over_from_the_old_offset(house: House) -> None:
    """The one that is asked to leave takes its bytes with it, and the newcomer's count."""
    upload = await begun(house, b"", length=10)
    body = FakeBody(b"0123", is_open=True)
    task = asyncio.create_task(
        house.uploads.append(ANNA, appending(upload, 10, at=0, checksum=checksum(b"0123456789")), body)
    )
    await body.hungry.wait()
    done = await append(house, upload, b"abcdefghij", at=0)
    with pytest.raises(Preempted):
        await task
    assert await house.published(done.upload) == b"abcdefghij"


async def test_a_crash_leaves_the_old_offset(house: House) -> None:
    """Killed at any step from the first write to the commit: nothing of the body counts, and it can be sent again
    (K-10)."""
    upload = await begun(house, b"he", length=11)
    for at in range(100):
        steps = Steps(at=at)
        command = appending(upload, 9, at=2, checksum=checksum(HELLO[2:]))
        with pytest.raises(Crash):
            await house.with_steps(steps).uploads.append(ANNA, command, FakeBody(b"llo", b" world"))
        house, _ = await house.restarted()
        row = await house.row(upload.id)
        if row.status is Status.COMPLETE:
            assert await house.published(row) == HELLO
            return
        assert await unchanged(house, upload, b"he")
    raise AssertionError


async def test_a_length_that_came_along_is_not_kept_either(house: House) -> None:
    """A body that is wrong declares no length (L-15); the right one does, also without a byte (L-06)."""
    upload = await begun(house, b"hel", length=None)
    with pytest.raises(ChecksumMismatch):
        await checked(house, upload, b"LO", of=b"lo", at=3, length=5)
    assert await unchanged(house, upload, b"hel")
    with pytest.raises(ChecksumMismatch):
        await checked(house, upload, of=b"lo", at=3, length=3)
    assert await unchanged(house, upload, b"hel")
    done = (await checked(house, upload, of=b"", at=3, length=3)).upload
    assert (done.status, await house.published(done)) == (Status.COMPLETE, b"hel")


async def test_a_finished_upload_checks_nothing_against_nothing(house: House) -> None:
    """A retry after the last byte is empty, and so is its checksum (K-12)."""
    upload = await begun(house, HELLO, length=11)
    assert (await checked(house, upload, of=b"", at=11)).written == 0
    with pytest.raises(ChecksumMismatch):
        await checked(house, upload, of=HELLO, at=11)
    assert (await house.row(upload.id)).status is Status.COMPLETE


async def test_offsets_are_judged_first(house: House) -> None:
    """A wrong offset is told before a byte is read, so nothing is computed (K-20)."""
    upload = await begun(house, b"hel", length=11)
    body = FakeBody(b"x")
    with pytest.raises(OffsetMismatch):
        await house.uploads.append(ANNA, appending(upload, 1, at=0, checksum=checksum(b"y")), body)
    assert body.reads == 0


class TestCreation:
    async def test_the_right_bytes_are_stored(self, house: House) -> None:
        """Creation with upload: checked, then stored (W-12)."""
        command = creation_with(HELLO, length=11, checksum=checksum(HELLO))
        upload = (await house.uploads.create(ANNA, command, FakeBody(HELLO))).upload
        assert (upload.status, await house.published(upload)) == (Status.COMPLETE, HELLO)

    @pytest.mark.parametrize("length", [11, 20, None])
    async def test_wrong_bytes_leave_no_upload(self, house: House, length: int | None) -> None:
        """The answer names no address, so nothing stays behind, and a key is free again (W-12)."""
        command = creation_with(WRONG, length=length, checksum=checksum(HELLO), creation_key="k")
        with pytest.raises(ChecksumMismatch):
            await house.uploads.create(ANNA, command, FakeBody(WRONG))
        assert await house.store.staged_ids() == []
        assert await house.sessions.with_status(Status.OPEN, after=None, limit=9) == ()
        again = creation_with(HELLO, length=length, checksum=checksum(HELLO), creation_key="k")
        created = await house.uploads.create(ANNA, again, FakeBody(HELLO))
        assert (created.stored_body, created.upload.offset) == (True, 11)

    async def test_a_cut_leaves_an_empty_upload(self, house: House) -> None:
        """Its key finds it again; none of the bytes counts (W-08)."""
        command = creation_with(HELLO, length=11, checksum=checksum(HELLO), creation_key="k")
        with pytest.raises(BodyCut):
            await house.uploads.create(ANNA, command, cut_body(b"hello"))
        [upload] = await house.sessions.with_status(Status.OPEN, after=None, limit=9)
        assert upload.offset == 0
        found = (await house.uploads.create(ANNA, command, FakeBody(HELLO))).upload
        assert found == upload


class TestTypes:
    async def test_bytes_that_nobody_verified_condemn_nothing(self, house: House) -> None:
        """A type that is wrong is refused at once, but a spoilt first block is not the end of the upload."""
        video = a_video(9000)
        upload = (await house.uploads.create(ANNA, creation(9000, profile="poster"), None)).upload
        with pytest.raises(UnsupportedType):
            await checked(house, upload, b"<html>" + video[6:], of=video)
        assert await unchanged(house, upload, b"")
        done = (await checked(house, upload, video, of=video)).upload
        assert (done.status, done.content_type) == (Status.COMPLETE, "video/mp4")

    async def test_bytes_that_were_verified_do(self, house: House) -> None:
        """What turns out to be wrong once all is known and right is refused for good."""
        text = b"<html>" + some(300)
        upload = (await house.uploads.create(ANNA, creation(None, profile="poster"), None)).upload
        await checked(house, upload, text, of=text)
        with pytest.raises(UnsupportedType):
            await checked(house, upload, of=b"", at=len(text), length=len(text))
        assert (await house.row(upload.id)).status is Status.FAILED


async def test_long_blocks_are_computed_beside_their_writing(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """A block that takes long is computed in another thread, and let go of before the next one is read (K-15)."""
    data = some(90_000)
    threads: list[bool] = []

    class Watching:
        def __init__(self) -> None:
            self._digest = hashlib.sha1(usedforsecurity=False)

        def update(self, buffer: bytes | memoryview, /) -> None:
            threads.append(threading.current_thread() is threading.main_thread())
            self._digest.update(buffer)

        def digest(self) -> bytes:
            return self._digest.digest()

    monkeypatch.setattr(Checksum, "begin", lambda _: Watching())
    upload = await begun(house, b"", length=90_000)
    await checked(house, upload, data[:80_000], data[80_000:], of=data)
    assert threads == [False, True]


async def test_a_failure_and_a_cancellation_wait_for_the_thread(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """The memory of a block is used again: nobody looks at it when the append has ended, however it did."""
    may_go, running = threading.Event(), threading.Event()

    class Slow:
        def update(self, _: bytes | memoryview, /) -> None:
            running.set()
            assert may_go.wait(30)
            running.clear()

        def digest(self) -> bytes:
            return b""

    monkeypatch.setattr(Checksum, "begin", lambda _: Slow())
    upload = await begun(house, b"", length=90_000)
    command = appending(upload, 90_000, at=0, checksum=Checksum(algorithm="sha1", digest=b"x"))
    task = asyncio.create_task(house.uploads.append(ANNA, command, FakeBody(some(90_000))))
    await asyncio.to_thread(running.wait, 30)
    task.cancel()
    for _ in range(20):
        await asyncio.sleep(0)
    assert not task.done()
    may_go.set()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert not running.is_set()
    assert await unchanged(house, upload, b"")


async def test_relaxed_checks_too(house: House) -> None:
    """The level of durability decides when bytes are synced, not whether they are right."""
    relaxed = house.with_(durability=Durability.RELAXED)
    upload = await begun(relaxed, b"", length=20)
    with pytest.raises(ChecksumMismatch):
        await checked(relaxed, upload, WRONG, of=HELLO)
    assert await unchanged(relaxed, upload, b"")
    stored = (await checked(relaxed, upload, HELLO, of=HELLO)).upload
    assert (stored.offset, stored.boot_id) == (11, house.store.boot_id)


class Places:
    """A SHA-256 that notes, for each block, whether the event loop's own thread computed it."""

    def __init__(self) -> None:
        self._digest = hashlib.sha256()
        self._loop = threading.get_ident()
        self.in_loop: list[bool] = []

    def update(self, buffer: bytes | memoryview, /) -> None:
        self.in_loop.append(threading.get_ident() == self._loop)
        self._digest.update(buffer)

    def digest(self) -> bytes:
        """As of any other checksum."""
        return self._digest.digest()


@pytest.mark.parametrize(
    ("sizes", "in_loop"),
    [
        ((), []),
        ((1,), [True]),
        ((BESIDE_BYTES,), [True]),
        ((BESIDE_BYTES + 1,), [False]),
        ((BESIDE_BYTES * 4, 5, BESIDE_BYTES * 2, BESIDE_BYTES * 3, 7), [False, True, False, False, True]),
    ],
)
async def test_stored_bytes_are_hashed_in_order_and_hold_nobody_up(
    sizes: tuple[int, ...], in_loop: list[bool], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Large blocks are computed beside the event loop, which other requests need meanwhile."""
    blocks = [some(size) for size in sizes]

    async def stored() -> AsyncIterator[bytes]:
        for block in blocks:
            yield block

    places = Places()
    monkeypatch.setattr(part_stream, "ALGORITHMS", {"sha256": Algorithm(size=32, begin=lambda: places)})
    assert await part_stream.checksum_of(stored()) == hashlib.sha256(b"".join(blocks)).hexdigest()
    assert places.in_loop == in_loop
