"""Unfinished uploads end some time after their last stored byte; finished ones stay."""

from email.utils import parsedate_to_datetime

from tests.e2e import chunks, tus
from tests.e2e.conftest import Start
from tests.e2e.disk import published, staged, video
from tests.web.wire import until

SIZE = 100_000
HALF = 50_000


async def test_an_unfinished_upload_expires_and_a_finished_one_stays(start: Start) -> None:
    """After expiry_seconds both protocols answer 410, the bytes are gone from the disk, and finished files are served;
    a restart changes nothing of that."""
    server = await start(limits_expiry_seconds="1", storage_sweep_seconds="0.1")
    data = video(1, SIZE)
    finished = await tus.create(server.port, SIZE)
    assert (await tus.patch(server.port, finished, at=0, body=data)).status == 204
    unfinished = await tus.create(server.port, SIZE)
    answer = await tus.patch(server.port, unfinished, at=0, body=data[:HALF])
    assert answer.status == 204
    left = parsedate_to_datetime(answer.headers["Upload-Expires"]) - parsedate_to_datetime(answer.headers["Date"])
    assert left.total_seconds() <= 2
    untouched = await tus.create(server.port, SIZE)
    assert (await chunks.put(server.port, "k", 1, 2, data=data[HALF:], chunkSize=HALF)).status == 200
    assert len(staged(server.data_dir)) == 2

    async def swept() -> bool:
        return not staged(server.data_dir)

    await until(swept)
    for _ in range(2):
        for path in (unfinished, untouched):
            assert (await tus.head(server.port, path)).status == 410
            assert (await tus.patch(server.port, path, at=HALF, body=b"x")).status == 410
            assert (await tus.delete(server.port, path)).status == 410
        assert (await chunks.query(server.port, "k", method="HEAD")).status == 410
        assert (await chunks.query(server.port, "k")).status == 410
        assert (await chunks.finalize(server.port, "k", 2)).status == 410
        whole = await tus.ask(server.port, f"GET {finished} HTTP/1.1")
        assert (whole.status, whole.body) == (200, data)
        assert (await tus.offset(server.port, finished)) == SIZE
        assert len(published(server.data_dir, "files")) == 1
        await server.stop()
        await server.start()


async def test_an_expired_upload_is_forgotten_in_the_end(start: Start) -> None:
    """tombstone_seconds after it went, nobody remembers it: 404, and a chunk upload of the same id begins anew."""
    server = await start(limits_expiry_seconds="1", limits_tombstone_seconds="0", storage_sweep_seconds="0.1")
    path = await tus.create(server.port, SIZE)
    data = video(2, SIZE)
    assert (await chunks.put(server.port, "k", 1, 2, data=data[HALF:])).status == 200

    async def forgotten() -> bool:
        status = (await tus.head(server.port, path)).status
        assert status in {200, 404, 410}
        return status == 404 and (await chunks.query(server.port, "k")).status == 404

    await until(forgotten)
    assert staged(server.data_dir) == []
    assert (await chunks.put(server.port, "k", 0, 2, data=data[:HALF])).status == 200


async def test_bytes_that_keep_coming_keep_an_upload_alive(start: Start) -> None:
    """Every stored byte moves the expiry on: a slow upload that takes longer than expiry_seconds gets through."""
    server = await start(limits_expiry_seconds="1", storage_sweep_seconds="0.1", limits_checkpoint_seconds="0.05")
    path = await tus.create(server.port, SIZE, tus.metadata(filename="slow.bin"))
    other = await tus.create(server.port, SIZE)
    wire = await tus.open_patch(server.port, path, at=0, length=SIZE)
    sent = 0

    async def other_expired() -> bool:
        nonlocal sent
        await wire.raw(b"x")
        sent += 1
        return (await tus.head(server.port, other)).status == 410

    await until(other_expired)
    assert (await tus.head(server.port, path)).status == 200
    await wire.raw(bytes(SIZE - sent))
    assert (await wire.answer(method="PATCH")).status == 204
    await wire.close()
    assert published(server.data_dir, "files")[0].read_bytes() == b"x" * sent + bytes(SIZE - sent)
