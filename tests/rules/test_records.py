"""What a record says, and what becomes of it."""

from dataclasses import replace

import pytest

from tests.protocol.heads import NEXT_WEEK, upload, video
from tusvideo.commands import ChangeVideo
from tusvideo.errors import InvalidField, NotFound
from tusvideo.model import Location, UploadId
from tusvideo.rules.records import changed, judge_replaced, left_behind, record_of, with_file
from tusvideo.video import Caption, VideoState


@pytest.mark.parametrize(
    ("change", "texts"),
    [
        ({}, ("Holiday", "", "a.mp4")),
        ({"title": "Sea"}, ("Sea", "", "a.mp4")),
        ({"description": "long"}, ("Holiday", "long", "a.mp4")),
        ({"original_name": "b.mp4"}, ("Holiday", "", "b.mp4")),
        ({"title": "Sea", "description": "long", "original_name": "b.mp4"}, ("Sea", "long", "b.mp4")),
    ],
)
def test_what_is_not_told_stays(change: dict[str, str], texts: tuple[str, str, str]) -> None:
    """A change tells one text or several."""
    record = changed(video(original_name="a.mp4"), ChangeVideo(video_id="f" * 32, **change))
    assert (record.title, record.description, record.original_name) == texts


def test_a_record_says_what_was_drafted() -> None:
    """The texts of the row win over those that came along; without a title nobody asked for a record."""
    named = record_of(upload(title="Sea", description="long"), video(title=""))
    assert named is not None
    assert (named.title, named.description) == ("Sea", "long")
    assert record_of(upload(), video(title="")) is None
    assert record_of(upload(description="long"), video(title="")) is None
    assert record_of(upload(), video(title="Lake")) == video(title="Lake")


def test_a_record_that_gets_another_file_keeps_itself() -> None:
    """Its id, its age, its captions and the texts that the upload does not bring; the rest is of the new file."""
    captions = (Caption(language="de", label="Deutsch", size=9, version="ab"),)
    old = video(description="calm", duration=2.0, thumbnail="ab", size=5, captions=captions)
    file = video(id="e" * 32, title="", filename="video_2.mp4", size=10, created_at=NEXT_WEEK)
    assert with_file(old, upload(), file) == replace(
        file,
        id=old.id,
        title="Holiday",
        description="calm",
        created_at=old.created_at,
        replaced_at=file.updated_at,
        captions=captions,
    )
    told = with_file(old, upload(title="Sea", description=""), file)
    assert (told.title, told.description) == ("Sea", "")


@pytest.mark.parametrize(
    ("original_name", "title"),
    [
        ("a.mp4", "a.mp4"),
        (" a\n\u202e.mp4 ", "a.mp4"),
        ("\x00", "video_1.mp4"),
        (None, "video_1.mp4"),
        ("x" * 300, "x" * 200),
    ],
)
def test_what_was_to_replace_a_record_has_one(original_name: str | None, title: str) -> None:
    """Also without a title: then it is called as its file is."""
    named = record_of(upload(replaces="f" * 32), video(title="", original_name=original_name))
    assert named is not None
    assert named.title == title


def test_who_may_replace_a_record() -> None:
    """An upload of its owner and of its profile."""
    judge_replaced(video(), profile="poster")
    with pytest.raises(NotFound, match="no such video"):
        judge_replaced(None, profile="poster")
    with pytest.raises(InvalidField, match="a video of the profile files, as the upload is; that one is of poster"):
        judge_replaced(video(), profile="files")


def test_an_old_file_waits_under_the_id_of_its_upload() -> None:
    """It is not examined any more, and has no picture."""
    old = upload(id=UploadId("a" * 32), location=Location(directory="posters", folder="anna", filename="video_1.mp4"))
    was = video(thumbnail="ab", state=VideoState.CHECKING, filename="video_1.mp4")
    left = replace(video(), id="a" * 32, filename="video_1.mp4")
    assert left_behind(was, old, directory="posters") == left
    assert left_behind(was, old, directory="films") == replace(left, filename="posters/video_1.mp4")
