"""Uploads that are complete when their client says so, digests of the whole, and what is told while a request runs."""

import asyncio
import hashlib
from dataclasses import replace
from typing import Any

import pytest

from tests.fakes.body import FakeBody, cut_body
from tests.fakes.faults import Crash, Steps
from tests.fakes.house import ANNA, BERT, House
from tests.service.wishes import a_video, creation, some
from tusvideo.commands import AppendBytes, Appended, CreateUpload, ProveRange, QueryUpload, TerminateUpload
from tusvideo.errors import (
    AlreadyComplete,
    BodyCut,
    Busy,
    ChecksumMismatch,
    DiskFull,
    FactConflict,
    InconsistentLength,
    InvalidField,
    NotFound,
    Preempted,
    StorageFailed,
    TooLarge,
    TusvideoError,
    UnsupportedType,
)
from tusvideo.model import Digests, Durability, Location, Protocol, Status, Upload, UploadId
from tusvideo.service import proving

HELLO = b"hello world"


def wish(data: bytes = b"", *, chunked: bool = False, **facts: Any) -> CreateUpload:
    """Ask for an upload of the IETF dialect, with its first bytes."""
    size = None if chunked else len(data)
    whole = facts.get("completes", False)
    return creation(
        facts.pop("length", size if whole else None),
        **{
            "protocol": Protocol.IETF,
            "needs_completion": True,
            "takes_body": whole or bool(data),
            "body_length": size,
            **facts,
        },
    )


async def begun(house: House, data: bytes = b"", **facts: Any) -> Upload:
    """Make an upload with some bytes stored."""
    return (await house.uploads.create(ANNA, wish(data, **facts), FakeBody(data) if data else None)).upload


async def append(
    house: House, upload: Upload, data: bytes, *, completes: bool, chunked: bool = False, **facts: Any
) -> Appended:
    """Append bytes where the upload ends."""
    command = AppendBytes(
        protocol=Protocol.IETF,
        upload_id=upload.id,
        at_offset=upload.offset,
        body_length=None if chunked else len(data),
        completes=completes,
        **facts,
    )
    return await house.uploads.append(ANNA, command, FakeBody(data) if data else FakeBody())


def claimed(data: bytes, *names: str) -> Digests:
    """Digests of bytes."""
    return tuple((name, hashlib.new(name.replace("-", ""), data).hexdigest()) for name in names)


class Ear:
    """A listener that remembers."""

    def __init__(self) -> None:
        self.heard: list[tuple[str, int]] = []

    async def created(self, upload: Upload) -> None:
        self.heard.append(("created", upload.offset))

    async def stored(self, upload: Upload) -> None:
        self.heard.append((upload.status.value, upload.offset))


@pytest.mark.parametrize("chunked", [False, True])
@pytest.mark.parametrize("data", [HELLO, b"", some(30_000)], ids=["short", "empty", "long"])
async def test_a_whole_file_in_one_request(house: House, data: bytes, chunked: bool) -> None:
    """IETF 25, 33: published once its last byte is durable, whoever knew the length."""
    created = await house.uploads.create(
        ANNA, wish(data, chunked=chunked, completes=True), FakeBody(data) if data else FakeBody()
    )
    assert (created.upload.status, created.upload.length) == (Status.COMPLETE, len(data))
    assert await house.published(created.upload) == data


async def test_bytes_alone_complete_nothing(house: House) -> None:
    """IETF 68: also not over a restart, which goes on with what is whole."""
    upload = await begun(house, HELLO, length=len(HELLO))
    house, recovered = await house.restarted()
    assert recovered.published == 0
    assert (await house.row(upload.id)).status is Status.OPEN
    done = await append(house, upload, b"", completes=True)
    assert await house.published(done.upload) == HELLO


async def test_bytes_alone_complete_for_clients_that_say_no_more(house: House) -> None:
    """IETF 69: those of versions 5 and 6."""
    upload = await begun(house, HELLO, length=len(HELLO), needs_completion=False)
    assert upload.status is Status.COMPLETE
    assert (await begun(house, length=0, needs_completion=False)).status is Status.COMPLETE


@pytest.mark.parametrize("chunked", [False, True])
async def test_appends_up_to_the_last(house: House, chunked: bool) -> None:
    """IETF 57, 64, 72: the last one decides the length."""
    upload = await begun(house, HELLO)
    upload = (await append(house, upload, b"!", completes=False, chunked=chunked)).upload
    assert (upload.status, upload.length) == (Status.OPEN, None)
    upload = (await append(house, upload, b"?", completes=True, chunked=chunked)).upload
    assert (upload.status, upload.length) == (Status.COMPLETE, len(HELLO) + 2)
    again = await append(house, upload, b"", completes=True, chunked=chunked)
    assert (again.upload, again.written) == (upload, 0)
    with pytest.raises(AlreadyComplete):
        await append(house, upload, b"x", completes=True, chunked=chunked)
    assert await house.published(upload) == HELLO + b"!?"


async def test_a_length_is_kept(house: House) -> None:
    """IETF 73: told once, with an append."""
    upload = await begun(house, HELLO)
    upload = (await append(house, upload, b"", completes=False, declares_length=50)).upload
    assert upload.length == 50
    with pytest.raises(InconsistentLength):
        await append(house, upload, b"", completes=False, declares_length=60)


async def test_an_end_before_the_length_completes_nothing(house: House) -> None:
    """IETF 74: known only at the end of a chunked body; the bytes are kept."""
    upload = await begun(house, HELLO, length=50)
    with pytest.raises(InconsistentLength):
        await append(house, upload, b"!", completes=True, chunked=True)
    row = await house.row(upload.id)
    assert (row.status, row.offset) == (Status.OPEN, len(HELLO) + 1)


async def test_an_end_behind_the_length_ends_the_upload(house: House) -> None:
    """IETF 70: no byte beyond it is kept, and the upload is used no more."""
    upload = await begun(house, HELLO, length=12)
    with pytest.raises(InconsistentLength) as refusal:
        await append(house, upload, b"!!", completes=False, chunked=True)
    assert not refusal.value.is_verdict
    assert (await house.row(upload.id)).status is Status.FAILED
    with pytest.raises(NotFound):
        await append(house, upload, b"!", completes=True)


async def test_a_body_over_the_limit_leaves_the_upload(house: House) -> None:
    """IETF 18, 19: without a length only the profile bounds it."""
    small = house.with_(profiles={"files": house.profiles["files"].__class__(**_facts(house, max_length=12))})
    upload = await begun(small, HELLO)
    with pytest.raises(TooLarge) as refusal:
        await append(small, upload, b"!!", completes=False, chunked=True)
    assert refusal.value.max_length == 12
    assert (await small.row(upload.id)).offset <= 12


def _facts(house: House, **changes: Any) -> dict[str, Any]:
    profile = house.profiles["files"]
    return {**{name: getattr(profile, name) for name in profile.__slots__}, **changes}


async def test_content_that_is_refused_is_a_verdict(house: House) -> None:
    """IETF 66: early when the type can be told, or at the end."""
    for chunked in (False, True):
        with pytest.raises(UnsupportedType) as refusal:
            await house.uploads.create(
                ANNA, wish(HELLO, chunked=chunked, completes=True, profile="poster"), FakeBody(HELLO)
            )
        assert refusal.value.is_verdict
    video = a_video(9000)
    upload = await begun(house, video[:5000], profile="poster")
    assert (await append(house, upload, video[5000:], completes=True)).upload.content_type == "video/mp4"


@pytest.mark.parametrize("durability", Durability)
async def test_the_whole_is_verified_before_it_is_published(house: House, durability: Durability) -> None:
    """IETF 114: claims are checked, what is wanted is computed, and both are kept."""
    house = house.with_(durability=durability)
    wants = {"digests": claimed(HELLO + b"!", "sha-256"), "wants_digest": "sha-512"}
    upload = await begun(house, HELLO, **wants)
    done = (await append(house, upload, b"!", completes=True)).upload
    assert done.digests == claimed(HELLO + b"!", "sha-256", "sha-512")
    assert await house.row(upload.id) == done
    assert await house.published(done) == HELLO + b"!"


async def test_a_wrong_whole_is_never_published(house: House) -> None:
    """IETF 114: the upload has failed, its bytes are gone, and that is the last word."""
    upload = await begun(house, HELLO, digests=claimed(HELLO, "sha-256"))
    with pytest.raises(ChecksumMismatch, match="checksum of the file") as refusal:
        await append(house, upload, b"!", completes=True)
    assert refusal.value.is_verdict
    assert (await house.row(upload.id)).status is Status.FAILED
    assert await house.store.staged_size(upload.id) is None


async def test_a_crash_anywhere_in_the_last_append_loses_nothing(house: House) -> None:
    """The order of checks and commits: after any crash the same append, at the offset of then, completes the upload."""
    number = 0
    while True:
        wants = {"digests": claimed(HELLO + b"!", "sha-256"), "wants_digest": "sha-256"}
        # A name of its own, for with every name that is taken there is one step more.
        upload = await begun(house, HELLO, original_name=f"{number}.bin", **wants)
        steps = Steps(at=number)
        try:
            await append(house.with_steps(steps), upload, b"!", completes=True)
        except Crash:
            house, _ = await house.restarted()
            row = await house.row(upload.id)
            assert row.offset in {len(HELLO), len(HELLO) + 1}
            rest = (HELLO + b"!")[row.offset :]
            if row.status is not Status.COMPLETE:
                row = (await append(house, row, rest, completes=True)).upload
            assert await house.published(row) == HELLO + b"!"
        else:
            break
        number += 1
    assert number > 5


@pytest.mark.parametrize("completes", [False, True])
async def test_a_cut_creation_is_kept_for_those_who_can_come_back(house: House, completes: bool) -> None:
    """IETF 36, 37, 38: what came, and the length if it is known; never complete."""
    with pytest.raises(BodyCut) as cut:
        await house.uploads.create(ANNA, wish(HELLO, completes=completes), cut_body(HELLO[:5]))
    assert cut.value.made_upload is not None
    (row,) = await house.sessions.with_status(Status.OPEN, after=None, limit=9)
    assert (row.id, row.offset) == (cut.value.made_upload, 5)
    assert row.length == (len(HELLO) if completes else None)


@pytest.mark.parametrize("error", [DiskFull, StorageFailed])
async def test_what_nobody_can_come_back_to_is_dropped(house: House, error: type[TusvideoError]) -> None:
    """A plain upload that broke off, or met a failing disk, leaves neither row nor bytes."""
    command = wish(HELLO, completes=True, forgets_cut=True)
    with pytest.raises(BodyCut):
        await house.uploads.create(ANNA, command, cut_body(HELLO[:5]))
    failing = house.with_steps(Steps(at=2, error=error, once=True))
    with pytest.raises(error):
        await failing.uploads.create(ANNA, command, FakeBody(HELLO))
    for status in Status:
        assert list(await house.sessions.with_status(status, after=None, limit=9)) == []
    assert not await house.store.staged_ids()


async def test_a_file_that_only_waits_for_its_name_is_kept(house: House) -> None:
    """All bytes are there when publishing fails: the next who asks, or the sweeper, goes on with it."""
    number = 0
    while True:
        command = wish(HELLO, completes=True, forgets_cut=True, original_name=f"{number}.bin")
        steps = Steps(at=number, error=StorageFailed, once=True)
        try:
            await house.with_steps(steps).uploads.create(ANNA, command, FakeBody(HELLO))
        except StorageFailed:
            number += 1
        else:
            break
    await house.sweeper.run()
    for row in await house.sessions.with_status(Status.COMPLETE, after=None, limit=99):
        assert await house.published(row) == HELLO
    assert list(await house.sessions.with_status(Status.OPEN, after=None, limit=9)) == []


async def test_the_same_key_begins_a_plain_upload_anew(house: House) -> None:
    """The try that hangs is ended, and its bytes do not count."""
    command = wish(HELLO, completes=True, forgets_cut=True, creation_key="k")
    hanging = FakeBody(HELLO[:5], is_open=True)
    task = asyncio.create_task(house.uploads.create(ANNA, command, hanging))
    await hanging.hungry.wait()
    created = await house.uploads.create(ANNA, command, FakeBody(HELLO))
    with pytest.raises(Preempted):
        await task
    assert await house.published(created.upload) == HELLO
    again = await house.uploads.create(ANNA, command, FakeBody(b"other bytes"))
    assert again.upload == created.upload


async def test_a_key_belongs_to_one_protocol(house: House) -> None:
    """An upload of tus is not gone on with in another dialect."""
    await house.uploads.create(ANNA, creation(11, creation_key="k"), None)
    with pytest.raises(FactConflict, match="protocol"):
        await house.uploads.create(ANNA, wish(HELLO, completes=True, creation_key="k"), FakeBody(HELLO))


async def test_who_listens_hears_of_the_upload_and_of_its_bytes(house: House) -> None:
    """IETF 25, 82: first that it exists, then what is committed, never less than before."""
    busy = house.with_limits(checkpoint_bytes=1)
    ear, body = Ear(), FakeBody(is_open=True)
    task = asyncio.create_task(busy.uploads.create(ANNA, wish(HELLO, completes=True), body, ear))
    await body.hungry.wait()
    assert ear.heard == [("created", 0)]
    body.end(HELLO)
    upload = (await task).upload
    assert ear.heard[-1] == ("finalizing", len(HELLO))
    second = Ear()
    upload = await begun(house)
    command = AppendBytes(protocol=Protocol.IETF, upload_id=upload.id, at_offset=0, body_length=5)
    await house.uploads.append(ANNA, command, FakeBody(HELLO[:5]), second)
    assert second.heard == [("open", 5)]


async def test_a_question_may_stop_a_transfer(house: House) -> None:
    """IETF 90, 96: what came is committed first, and nothing is added after the answer."""
    upload = await begun(house)
    body = FakeBody(HELLO, is_open=True)
    command = AppendBytes(protocol=Protocol.IETF, upload_id=upload.id, at_offset=0, body_length=50)
    task = asyncio.create_task(house.uploads.append(ANNA, command, body))
    await body.hungry.wait()
    found = await house.uploads.query(ANNA, QueryUpload(upload_id=upload.id, stops_transfer=True))
    assert found.upload.offset == len(HELLO)
    with pytest.raises(Preempted):
        await task
    assert (await house.row(upload.id)).offset == len(HELLO)


async def test_a_transfer_that_does_not_leave_makes_the_question_fail(house: House) -> None:
    """Design §6: better no answer than an old one."""
    house = house.with_limits(patience_seconds=0.01)
    upload = await begun(house, HELLO)
    async with house.locks.exclusive(upload.id, grace_seconds=0, patience_seconds=1):
        with pytest.raises(Busy):
            await house.uploads.query(ANNA, QueryUpload(upload_id=upload.id, stops_transfer=True))
    await house.uploads.terminate(ANNA, TerminateUpload(upload_id=upload.id))


async def test_stored_bytes_can_be_proven(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """Committed bytes only, for the owner only, a bounded run of them."""
    service = proving.ProofService(publisher=house.publisher)
    upload = await begun(house, HELLO)

    async def prove(start: int, stop: int | None) -> str:
        return (await service.prove(ANNA, ProveRange(upload_id=upload.id, start=start, stop=stop))).digest

    assert await prove(0, None) == hashlib.sha256(HELLO).hexdigest()
    assert await prove(3, 7) == hashlib.sha256(HELLO[3:7]).hexdigest()
    assert await prove(3, 3) == hashlib.sha256(b"").hexdigest()
    for start, stop in ((0, len(HELLO) + 1), (len(HELLO) + 1, None)):
        with pytest.raises(InvalidField, match="within the stored"):
            await prove(start, stop)
    monkeypatch.setattr(proving, "MAX_BYTES", 5)
    with pytest.raises(TooLarge):
        await prove(0, 6)
    with pytest.raises(NotFound):
        await service.prove(BERT, ProveRange(upload_id=upload.id, start=0, stop=1))
    await append(house, upload, b"", completes=True)
    assert await prove(0, 5) == hashlib.sha256(HELLO[:5]).hexdigest()
    await house.store.remove_published((await house.row(upload.id)).location)  # type: ignore[arg-type]  # it has one
    with pytest.raises(NotFound):
        await prove(0, 5)


async def test_no_bytes_are_proven_without_a_file(house: House) -> None:
    """Before its first byte an upload has no file, and the digest of nothing is known all the same."""
    upload = await begun(house, b"")
    service = proving.ProofService(publisher=house.publisher)
    proven = await service.prove(ANNA, ProveRange(upload_id=upload.id, start=0, stop=None))
    assert (proven.stop, proven.digest) == (0, hashlib.sha256(b"").hexdigest())


async def test_bytes_that_are_not_in_their_place_yet_are_not_proven(house: House) -> None:
    """While a file is being published the answer is to wait; uploads of the chunk API have no such name."""
    service = proving.ProofService(publisher=house.publisher)
    upload = await begun(house, HELLO)
    place = Location(directory="files", folder="anna", filename="a")
    await house.sessions.save(replace(upload, status=Status.FINALIZING, length=11, location=place), was=upload)
    with pytest.raises(Busy):
        await service.prove(ANNA, ProveRange(upload_id=upload.id, start=0, stop=1))
    part = await house.sessions.add(replace(upload, id=UploadId("1" * 32), protocol=Protocol.CHUNKS))
    with pytest.raises(NotFound):
        await service.prove(ANNA, ProveRange(upload_id=part.id, start=0, stop=1))
