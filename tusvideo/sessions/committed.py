"""Rows in memory as they are committed, so that asking where an upload stands costs no way to the database."""

from dataclasses import dataclass
from typing import Final

from tusvideo.model import ClientKey, Status, Upload, UploadId, UserId

MOST_ROWS: Final = 4096
MOST_TEXT: Final = 4096
"""Characters of texts that clients choose: rows with more of them stay in the database, so that memory is bounded."""

DEAD: Final = frozenset({Status.FAILED, Status.TERMINATED, Status.DAMAGED})
"""Rows that a new upload may take keys from, without naming them."""


@dataclass(slots=True)
class _Writers:
    """The writes to one row that have been asked for and have not ended."""

    count: int = 1
    alone: bool = True
    """False once there were two at a time: which of them was the last, only the database knows."""


class CommittedRows:
    """Some of the rows, each as a query would find it now; the least used go first.

    A row is dropped before a write to it is asked for, and kept again, as its transaction left it, when that has
    ended and no other write to it was under way meanwhile. A row that was loaded is kept unless a write to it was asked
    for since. All writes of all processes go through here: the table is locked by the one that has it open.
    """

    def __init__(self, *, most: int = MOST_ROWS) -> None:
        self._most = most
        self._rows: dict[UploadId, Upload] = {}
        self._by_key: dict[tuple[UserId, ClientKey], UploadId] = {}
        self._writers: dict[UploadId, _Writers] = {}
        self._loading: dict[UploadId, object] = {}

    def __len__(self) -> int:
        return len(self._rows)

    def get(self, upload_id: UploadId) -> Upload | None:
        """Give a row; None when it is not kept, which says nothing about the table."""
        row = self._rows.pop(upload_id, None)
        if row is not None:
            self._rows[upload_id] = row  # the last to go now
        return row

    def is_kept(self, row: Upload) -> bool:
        """Tell whether a state of an upload is the very row that is kept: nobody else has written to it since."""
        return self._rows.get(row.id) is row

    def find(self, owner: UserId, client_key: ClientKey) -> Upload | None:
        """Give the row that holds a client key; None when it is not kept."""
        upload_id = self._by_key.get((owner, client_key))
        return None if upload_id is None else self.get(upload_id)

    def begin_load(self, upload_id: UploadId) -> object | None:
        """Note that a row is about to be loaded; what this gives goes to ``end_load``."""
        if upload_id in self._writers:
            return None
        ticket = self._loading[upload_id] = object()
        return ticket

    def end_load(self, upload_id: UploadId, ticket: object | None, row: Upload | None) -> None:
        """Keep a row that was loaded, if it cannot have changed since; None when there is none, or it did not load."""
        if ticket is not None and self._loading.get(upload_id) is ticket:
            del self._loading[upload_id]
            if row is not None:
                self._keep(row)

    def begin_write(self, upload_id: UploadId) -> None:
        """Drop a row that is about to be written. ``end_write`` must follow."""
        self._drop(upload_id)
        self._loading.pop(upload_id, None)
        writers = self._writers.get(upload_id)
        if writers is None:
            self._writers[upload_id] = _Writers()
        else:
            writers.count += 1
            writers.alone = False

    def end_write(self, upload_id: UploadId, row: Upload | None) -> None:
        """Keep a row as its transaction left it; None when it is gone, or nobody knows how the transaction ended.

        Another row, which an ``add`` found in the place of this one, is not kept: it may be written to just now.
        """
        writers = self._writers[upload_id]
        writers.count -= 1
        if not writers.count:
            del self._writers[upload_id]
            if writers.alone and row is not None and row.id == upload_id:
                self._keep(row)

    def _keep(self, row: Upload) -> None:
        if row.status in DEAD:
            return
        if sum(map(len, (row.metadata, row.description or "", row.concat or ""))) > MOST_TEXT:
            return
        self._rows[row.id] = row
        if row.client_key is not None:
            self._by_key[row.owner, row.client_key] = row.id
        if len(self._rows) > self._most:
            self._drop(next(iter(self._rows)))

    def _drop(self, upload_id: UploadId) -> None:
        row = self._rows.pop(upload_id, None)
        if row is not None and row.client_key is not None:
            del self._by_key[row.owner, row.client_key]
