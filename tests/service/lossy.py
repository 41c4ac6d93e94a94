"""A disk that loses bytes, and uploads of the level ``relaxed`` on it."""

from tests.fakes.body import FakeBody
from tests.fakes.house import ANNA, House
from tusvideo.commands import AppendBytes, CreateUpload
from tusvideo.errors import StorageFailed
from tusvideo.model import Protocol, Upload, UploadId
from tusvideo.stores.memory import MemoryStore

FIRST = b"a" * 5000
REST = b"b" * 5000
LENGTH = 10_000


class LossyStore(MemoryStore):
    """A disk that cannot write for a moment: it tells once, and what no sync had made durable is lost.

    ``losing`` is the upload whose next sync fails.
    """

    def __init__(self) -> None:
        super().__init__()
        self.losing: UploadId | None = None
        self._durable: dict[UploadId, int] = {}

    def sync(self, upload_id: UploadId) -> None:
        """Make the file durable, or lose what is not."""
        data = self.staged[upload_id].data
        if upload_id == self.losing:
            self.losing, self.failing_syncs = None, 1
            durable = self._durable.get(upload_id, 0)
            data[durable:] = bytes(len(data) - durable)
        super().sync(upload_id)
        self._durable[upload_id] = len(data)

    def lose_unheard(self, upload_id: UploadId) -> None:
        """Fail in a sync for which nobody waits any more."""
        self.losing = upload_id
        try:
            self.sync(upload_id)
        except StorageFailed:
            return


async def uploaded(house: House, *appends: bytes) -> Upload:
    """Begin an upload and append to it, one request each."""
    command = CreateUpload(protocol=Protocol.TUS, profile="files", length=LENGTH)
    upload = (await house.uploads.create(ANNA, command, None)).upload
    for data in appends:
        upload = await appended(house, upload, data, at=(await house.row(upload.id)).offset)
    return await house.row(upload.id)


async def appended(house: House, upload: Upload, data: bytes, *, at: int) -> Upload:
    """Append bytes in one request."""
    append = AppendBytes(protocol=Protocol.TUS, upload_id=upload.id, at_offset=at, body_length=len(data))
    return (await house.uploads.append(ANNA, append, FakeBody(data))).upload
