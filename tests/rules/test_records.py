"""What a record says, and what becomes of it."""

import pytest

from tests.protocol.heads import upload, video
from tusvideo.commands import ChangeVideo
from tusvideo.rules.records import changed, record_of


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
