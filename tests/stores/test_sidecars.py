"""DiskSidecars: what is made from videos, in a place of its own, whole or not there."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tusvideo.errors import DiskFull, InvalidField, StorageFailed
from tusvideo.model import UserId
from tusvideo.stores import files
from tusvideo.stores.sidecars import MAX_PICTURE, DiskSidecars

ANNA = UserId("anna")
BERT = UserId("Bert Ö")
ONE = "0" * 32 + "-" + "a" * 16
TWO = "1" * 32 + "-" + "b" * 16


@pytest.fixture
async def thumbnails(data: Path) -> AsyncIterator[DiskSidecars]:
    """Thumbnails below a data directory."""
    opened = DiskSidecars.thumbnails(data)
    yield opened
    await opened.close()


async def test_a_picture_is_kept(thumbnails: DiskSidecars, data: Path, open_files: None) -> None:
    """It lies in the folder of its user, readable for nobody else, and comes back as it was."""
    await thumbnails.put(ANNA, ONE, b"picture")
    assert await thumbnails.get(ANNA, ONE) == b"picture"
    path = data / "media" / "anna" / f"{ONE}.jpg"
    assert path.read_bytes() == b"picture"
    assert (path.stat().st_mode & 0o777, path.parent.stat().st_mode & 0o777) == (0o600, 0o700)
    assert list(path.parent.iterdir()) == [path]


async def test_again_is_the_same(thumbnails: DiskSidecars) -> None:
    """Names tell contents apart, so the one that is there stays; also what a crash left beside it does no harm."""
    await thumbnails.put(ANNA, ONE, b"picture")
    await thumbnails.put(ANNA, ONE, b"picture")
    assert await thumbnails.get(ANNA, ONE) == b"picture"


async def test_what_a_crash_left_is_written_over(thumbnails: DiskSidecars, data: Path) -> None:
    """Half a picture under its temporary name is nothing."""
    folder = data / "media" / "anna"
    folder.mkdir(parents=True)
    (folder / f"{ONE}.new").write_bytes(b"half a pic")
    assert await thumbnails.get(ANNA, ONE) is None
    await thumbnails.put(ANNA, ONE, b"picture")
    assert list(folder.iterdir()) == [folder / f"{ONE}.jpg"]


async def test_nothing_there(thumbnails: DiskSidecars) -> None:
    """What was never kept, or is somebody else's, is not there; to remove it again does no harm."""
    await thumbnails.put(ANNA, ONE, b"picture")
    assert await thumbnails.get(ANNA, TWO) is None
    assert await thumbnails.get(BERT, ONE) is None
    await thumbnails.remove(ANNA, ONE)
    await thumbnails.remove(ANNA, ONE)
    await thumbnails.remove(BERT, ONE)
    assert await thumbnails.get(ANNA, ONE) is None


async def test_others_are_dropped(thumbnails: DiskSidecars, data: Path) -> None:
    """All pictures without a record go, whoever's they are, and halves of pictures too; the others stay."""
    assert await thumbnails.drop_others(frozenset()) == 0
    await thumbnails.put(ANNA, ONE, b"kept")
    await thumbnails.put(ANNA, TWO, b"dropped")
    await thumbnails.put(BERT, TWO, b"dropped")
    (data / "media" / "anna" / f"{ONE}.new").write_bytes(b"hal")
    assert await thumbnails.drop_others(frozenset({ONE})) == 3
    assert await thumbnails.get(ANNA, ONE) == b"kept"
    assert await thumbnails.get(BERT, TWO) is None


@pytest.mark.parametrize("name", ["", "../x", "a/b", "A", "a.jpg", "a" * 101, "a\0"])
async def test_names_lead_nowhere_else(thumbnails: DiskSidecars, name: str) -> None:
    """Only hex digits and dashes are names."""
    with pytest.raises(InvalidField):
        await thumbnails.put(ANNA, name, b"picture")


async def test_links_are_not_followed(thumbnails: DiskSidecars, data: Path, tmp_path: Path) -> None:
    """What somebody put in the place of a picture is not shown, nor is what is too large to be one."""
    folder = data / "media" / "anna"
    folder.mkdir(parents=True)
    (tmp_path / "secret").write_bytes(b"secret")
    (folder / f"{ONE}.jpg").symlink_to(tmp_path / "secret")
    (folder / f"{TWO}.jpg").write_bytes(bytes(MAX_PICTURE + 1))
    for name in (ONE, TWO):
        with pytest.raises(StorageFailed):
            await thumbnails.get(ANNA, name)


async def test_a_full_disk(thumbnails: DiskSidecars, data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing stays of a picture for which there was no room."""

    def full(fd: int, buffer: bytes | memoryview, position: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(files, "write_all", full)
    with pytest.raises(DiskFull):
        await thumbnails.put(ANNA, ONE, b"picture")
    assert list((data / "media" / "anna").iterdir()) == []


async def test_a_beginning_is_opened(data: Path, open_files: None) -> None:
    """It lies in another place than pictures do, and is read in parts; what is not there is None."""
    beginnings = DiskSidecars.beginnings(data)
    await beginnings.put(ANNA, ONE, b"beginning")
    assert await beginnings.open(ANNA, TWO) is None
    file = await beginnings.open(ANNA, ONE)
    assert file is not None
    assert (file.size, b"".join([block async for block in file.read(2, 5)])) == (9, b"gin")
    await file.close()
    assert (data / "beginnings" / "anna" / f"{ONE}.start").read_bytes() == b"beginning"
    assert await beginnings.drop_others(frozenset()) == 1
    assert await beginnings.open(ANNA, ONE) is None
    await beginnings.close()
