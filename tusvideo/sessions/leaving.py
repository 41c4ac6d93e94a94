"""Which uploads are being removed, in memory, so that a download costs no way to the database for it."""

from collections.abc import Set as AbstractSet

from tusvideo.model import UploadId


class LeavingUploads:
    """The uploads that go with hidden records, as a query would find them now; unknown after each change."""

    def __init__(self) -> None:
        self.known: AbstractSet[UploadId] | None = None
        """None: they have to be loaded."""
        self._changes = 0

    def begin_load(self) -> int:
        """Note that they are about to be loaded; what this gives goes to ``end_load``."""
        return self._changes

    def end_load(self, ticket: int, found: AbstractSet[UploadId]) -> None:
        """Keep what was loaded, unless it may have changed since."""
        if ticket == self._changes:
            self.known = found

    def changed(self) -> None:
        """Note that a write has ended which may have changed them, however it ended."""
        self._changes += 1
        self.known = None
