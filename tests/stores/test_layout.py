"""Paths: where things lie, and which names never become a path."""

from dataclasses import replace
from pathlib import Path

import pytest

from tusvideo.errors import InvalidField
from tusvideo.model import Location, UploadId
from tusvideo.stores.layout import Layout, checked

ONE = UploadId("0123456789abcdef" * 2)
PLACE = Location(directory="posters", folder="local", filename="video_1.mp4")
LAYOUT = Layout(Path("/data"))


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        (LAYOUT.staged(ONE), f"/data/staging/{ONE}"),
        (LAYOUT.aside(ONE, number=0), f"/data/lost+found/{ONE}"),
        (LAYOUT.aside(ONE, number=2), f"/data/lost+found/{ONE}.2"),
        (LAYOUT.published(PLACE), "/data/uploads/posters/local/video_1.mp4"),
        (LAYOUT.spare(ONE, location=PLACE), f"/data/uploads/posters/local/.tusvideo-{ONE}"),
        (LAYOUT.lock, "/data/.lock"),
    ],
)
def test_paths(path: Path, expected: str) -> None:
    """Each kind of thing has its place below the data directory."""
    assert str(path) == expected


@pytest.mark.parametrize("name", ["", "..", "../" + "0" * 29, "A" * 32, "0" * 31, "0" * 33, "0" * 32 + "\n"])
def test_only_upload_ids_become_paths(name: str) -> None:
    """A name that is not 32 lower-case hex digits is refused wherever an upload id is taken."""
    upload = UploadId(name)
    with pytest.raises(InvalidField):
        LAYOUT.staged(upload)
    with pytest.raises(InvalidField):
        LAYOUT.aside(upload, number=0)
    with pytest.raises(InvalidField):
        LAYOUT.spare(upload, location=PLACE)


@pytest.mark.parametrize("field", ["directory", "folder", "filename"])
@pytest.mark.parametrize("name", ["", ".", "..", "/", "a/b", "/a", "a/", "../a", "a\0", "x" * 256, "é" * 128, "\ud800"])
def test_names_that_lead_elsewhere_are_refused(field: str, name: str) -> None:
    """A location whose names are not plain names of at most 255 bytes is refused, and the sentence names the field."""
    with pytest.raises(InvalidField, match=field):
        checked(replace(PLACE, **{field: name}))


@pytest.mark.parametrize("name", ["a", "...", ".hidden", "..a", "a b", "a\\b", "x" * 255, "é" * 127, "\u202ea", "-rf"])
def test_plain_names_are_taken(name: str) -> None:
    """What is one name for the file system is taken; how pretty it is, the rules decide."""
    place = Location(directory=name, folder=name, filename=name)
    assert LAYOUT.published(place) == Path("/data/uploads") / name / name / name


def test_our_temporary_names_are_not_for_users() -> None:
    """No file can be published under the name of a copy that is under way."""
    with pytest.raises(InvalidField):
        checked(replace(PLACE, filename=f".tusvideo-{ONE}"))
