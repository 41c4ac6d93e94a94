"""How a staging file gets its final name: durably, never over another file, and as often as it takes."""

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tusvideo.errors import StorageFailed
from tusvideo.model import UploadId
from tusvideo.stores import files

FOLDER_MODE: Final = 0o750
SECOND: Final = 1_000_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Publication:
    """One upload on its way to one name. ``spare`` is a temporary name in the folder of ``target``."""

    upload_id: UploadId
    staged: Path
    target: Path
    spare: Path
    length: int

    def carry_out(self) -> bool:
        """Publish; False when the name is another file's.

        Raises OSError or StorageFailed; the name is then unmade or ours. Safe to repeat after that, and after a crash.
        """
        try:
            fd = files.open_own(self.staged)
        except FileNotFoundError:
            return self._is_published()
        try:
            self._settle(fd)
            files.make_folder(self.target.parent.parent, mode=FOLDER_MODE)
            files.make_folder(self.target.parent, mode=FOLDER_MODE)
            is_ours = self._name(fd)
        finally:
            files.close(fd)
        if is_ours:
            files.unlink(self.spare)  # what an earlier run left when it was killed
            files.sync_folder(self.target.parent)
        return is_ours

    def _is_published(self) -> bool:
        """The staging file is gone: either all was done before, or the bytes are lost."""
        found = files.facts_at(self.target)
        if found is None or found.size != self.length:
            raise StorageFailed
        files.sync_folder(self.target.parent)
        return True

    def _settle(self, fd: int) -> None:
        """Give the file its last length and mode, durably, before any name tells of it."""
        found = files.facts(fd)
        if found.size < self.length or (found.size > self.length and found.names > 1):
            raise StorageFailed
        if found.size > self.length:
            if found.sealed:
                files.unseal(fd)
            writable = files.open_own(self.staged, writing=True)
            try:
                files.truncate(writable, self.length)
            finally:
                files.close(writable)
        files.seal(fd)
        files.fsync(fd)

    def _name(self, fd: int) -> bool:
        try:
            files.link(self.staged, self.target)
        except FileExistsError:
            return self._is_ours(fd)
        except OSError as error:
            if error.errno not in files.NO_LINK:
                raise
            return self._copy(fd)
        return True

    def _is_ours(self, fd: int) -> bool:
        """The name is taken: by an earlier run of ours, or by another file?"""
        if files.is_same_name(self.staged, self.target):
            return True
        files.unlink(self.spare)
        try:
            files.link(self.staged, self.spare)
        except OSError as error:
            if error.errno not in files.NO_LINK:
                raise
            return self._is_our_copy(fd)
        files.unlink(self.spare)  # names can be shared here, so an earlier run would have shared this one
        return False

    def _copy(self, fd: int) -> bool:
        """Copy into the target folder, for file systems that cannot give one file two names."""
        files.unlink(self.spare)
        copy = files.make_file(self.spare)
        try:
            files.copy_range(fd, copy, start=0, to=0, size=self.length)
            files.set_mtime(copy, self._mark(files.facts(fd)))
            files.seal(copy)
            files.fsync(copy)
            files.move_new(self.spare, self.target)
        except FileExistsError:
            files.unlink(self.spare)
            return self._is_our_copy(fd)
        except OSError:
            with suppress(OSError):
                files.unlink(self.spare)
            raise
        finally:
            files.close(copy)
        return True

    def _is_our_copy(self, fd: int) -> bool:
        """Compare the time that marks our copies, then every byte."""
        mark = self._mark(files.facts(fd))
        try:
            found = files.facts_at(self.target)
        except StorageFailed:
            return False  # a folder or the like
        if found is None or (found.size, found.mtime_ns) != (self.length, mark):
            return False
        other = files.open_file(self.target)
        try:
            position = 0
            while position < self.length:
                block = files.read_some(fd, files.COPY_BLOCK, position)
                if files.pread(other, len(block), position) != block:
                    return False
                position += len(block)
            return True
        finally:
            files.close(other)

    def _mark(self, mine: files.Facts) -> int:
        """Tell the time that a copy carries: the second of the original, and a fraction that names the upload.

        Two uploads of the same bytes under the same name must not take each other's copy for their own.
        """
        return mine.mtime_ns // SECOND * SECOND + int(self.upload_id, 16) % SECOND
