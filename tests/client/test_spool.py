"""The ring that keeps what the server has not confirmed."""

import errno
import os
import random
import sys
from collections.abc import Iterator

import pytest

from tusvideo_client import LocalFileError
from tusvideo_client.spool import Spool


@pytest.fixture
def spool() -> Iterator[Spool]:
    """A ring of 1,000 bytes."""
    made = Spool.open(1000)
    yield made
    made.close()
    made.close()


def test_any_order_of_writes_reads_and_frees_keeps_every_byte(spool: Spool) -> None:
    """Whatever is between ``first`` and ``end`` can be read, also across the seam of the ring."""
    chance, all_bytes = random.Random(1), b""
    for _ in range(2000):
        data = chance.randbytes(chance.randint(0, spool.room))
        spool.write(memoryview(data))
        all_bytes += data
        assert (spool.end, spool.room) == (len(all_bytes), 1000 - (spool.end - spool.first))
        start = chance.randint(spool.first, spool.end)
        end = chance.randint(start, spool.end)
        assert spool.read(start, end - start) == all_bytes[start:end]
        spool.free(chance.randint(spool.first, spool.end))
    assert spool.end > 100 * spool.capacity


def test_what_does_not_fit_is_refused_whole(spool: Spool) -> None:
    """A full ring overwrites nothing."""
    spool.write(memoryview(bytes(600)))
    with pytest.raises(ValueError, match="401 bytes do not fit: expected at most 400"):
        spool.write(memoryview(bytes(401)))
    assert spool.read(0, 600) == bytes(600)


@pytest.mark.parametrize(("start", "size"), [(99, 1), (0, 200), (100, 501), (600, 1)])
def test_what_is_not_there_is_not_made_up(start: int, size: int, spool: Spool) -> None:
    """What was freed, and what did not come yet, is an error."""
    spool.write(memoryview(bytes(600)))
    spool.free(100)
    with pytest.raises(ValueError, match="are not here: expected from 100 up to 600"):
        spool.read(start, size)


def test_no_more_is_freed_than_came(spool: Spool) -> None:
    """Neither ahead of the end nor back."""
    spool.write(memoryview(bytes(10)))
    spool.free(50)
    spool.free(3)
    assert (spool.first, spool.end, spool.room) == (10, 10, 1000)


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere room cannot be reserved")
def test_a_full_disk_is_told_before_anything_is_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    """The room is reserved at the start."""

    def refuse(descriptor: int, start: int, size: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "posix_fallocate", refuse)
    with pytest.raises(LocalFileError, match=r"a spool of 1000 bytes has no room in .*: No space left"):
        Spool.open(1000)
