"""SessionRepository: which counted bytes survive a power loss (durability ``relaxed``)."""

from dataclasses import replace

from tests.conformance.sessions.samples import Sessions, an_upload, upload_id
from tusvideo.model import Status, Upload


def _at_risk(number: int = 1, *, offset: int = 100, synced_offset: int = 0) -> Upload:
    return an_upload(number, offset=offset, boot_id="boot", synced_offset=synced_offset)


async def test_a_sync_of_all_takes_the_risk_away(sessions: Sessions) -> None:
    """When everything that the row counts was synced, it has no boot id any more."""
    await sessions.add(_at_risk())
    await sessions.mark_synced(upload_id(1), offset=100)
    row = await sessions.get(upload_id(1))
    assert row is not None
    assert row.boot_id is None


async def test_a_sync_beside_a_transfer_counts_for_what_it_saw(sessions: Sessions) -> None:
    """When the row counts more by now, the boot id stays and the synced offset moves on, never back."""
    await sessions.add(_at_risk(synced_offset=50))
    for offset in (70, 60):
        await sessions.mark_synced(upload_id(1), offset=offset)
        row = await sessions.get(upload_id(1))
        assert row == _at_risk(synced_offset=70)


async def test_a_save_after_a_sync_is_at_risk_again(sessions: Sessions) -> None:
    """A transfer that read the row before the sync and commits after it says again that its bytes may not survive."""
    was = await sessions.add(_at_risk())
    await sessions.mark_synced(was.id, offset=100)
    await sessions.save(replace(was, offset=200), was=was)
    row = await sessions.get(was.id)
    assert row == replace(was, offset=200, synced_offset=100)


async def test_a_row_without_risk_is_left_alone(sessions: Sessions) -> None:
    """An upload that is synced anyhow, and one that is not there, are not touched."""
    was = await sessions.add(an_upload(offset=100))
    await sessions.mark_synced(was.id, offset=100)
    await sessions.mark_synced(upload_id(9), offset=100)
    assert await sessions.get(was.id) == was


async def test_open_uploads_at_risk_are_listed(sessions: Sessions) -> None:
    """Only open uploads with a boot id are listed, and no more than asked for."""
    await sessions.add(an_upload(1))
    await sessions.add(_at_risk(2))
    await sessions.add(replace(_at_risk(3), status=Status.COMPLETE))
    await sessions.add(_at_risk(4))
    assert {upload.id for upload in await sessions.unsynced(limit=10)} == {upload_id(2), upload_id(4)}
    assert len(await sessions.unsynced(limit=1)) == 1
