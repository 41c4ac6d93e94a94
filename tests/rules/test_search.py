"""Words as people type them, and what they find."""

import unicodedata
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.protocol.heads import video
from tusvideo.commands import Place, VideoFilter
from tusvideo.rules.search import MAX_KEY, UNKNOWN, fold, matches, place_of, text_of, title_key, words
from tusvideo.video import VideoSort, VideoState


@pytest.mark.parametrize(
    ("text", "folded"),
    [
        ("CAF\u00c9", "cafe"),
        ("Cafe\u0301", "cafe"),
        ("Stra\u00dfe", "strasse"),
        ("\u00d8re \u0141\u00f3d\u017a", "ore lodz"),
        ("\u0130stanbul \u0131l\u0131k", "istanbul ilik"),
        ("\u00c6on \u0152uvre", "aeon oeuvre"),
        ("\ufb01lm \uff12\u00b2", "film 22"),
        ("\u0421\u0435\u0440\u0433\u0435\u0439", "\u0441\u0435\u0440\u0433\u0435\u0438"),
        ("\u0939\u093f\u0928\u0940", "\u0939\u093f\u0928\u0940"),
        ("", ""),
    ],
)
def test_case_and_accents_make_no_difference(text: str, folded: str) -> None:
    """Letters lose case, accents and strokes; signs that are letters of their own stay."""
    assert fold(text) == folded


@given(st.text())
def test_folding_is_done_once(text: str) -> None:
    """What was folded stays as it is, however it was written."""
    assert fold(fold(text)) == fold(text)
    assert fold(unicodedata.normalize("NFD", text)) == fold(unicodedata.normalize("NFC", text))


@given(st.text(), st.text(), st.text())
def test_every_word_of_a_record_finds_it(title: str, description: str, name: str) -> None:
    """A word that stands in one of the three texts is in what is searched."""
    text = text_of(title, description, name)
    assert all(word in text for field in (title, description, name) for word in words(field))


def test_words_come_once_and_in_order() -> None:
    """Any space parts them; a query of spaces has none."""
    assert words(" Sea\u3000sea  SAND\tand ") == ("sea", "sand", "and")
    assert words(" \u00a0 ") == ()


def test_of_many_words_the_longest_count() -> None:
    """Eight of them, in the order in which they were typed."""
    assert words("a bb ccc dd eee ff ggg hh iii jj") == ("bb", "ccc", "dd", "eee", "ff", "ggg", "hh", "iii")


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        (VideoFilter(), True),
        (VideoFilter(words=("holi",)), True),
        (VideoFilter(words=("holi", "video_1")), True),
        (VideoFilter(words=("holi", "sand")), False),
        (VideoFilter(profile="poster", state=VideoState.READY), True),
        (VideoFilter(profile="files"), False),
        (VideoFilter(state=VideoState.FAILED), False),
    ],
)
def test_all_that_is_wanted_must_hold(wanted: VideoFilter, found: bool) -> None:
    """Every word, the profile and the state."""
    assert matches(video(), wanted) is found


def test_the_original_name_is_searched_once_there_is_one() -> None:
    """Instead of the stored one, which nobody chose."""
    named = video(original_name="Sea.mp4")
    assert matches(named, VideoFilter(words=("sea",)))
    assert not matches(named, VideoFilter(words=("video_1",)))


@pytest.mark.parametrize(
    ("sort", "key"),
    [
        (VideoSort.NEWEST, 1_500),
        (VideoSort.OLDEST, 1_500),
        (VideoSort.TITLE, "ete"),
        (VideoSort.LARGEST, 10),
        (VideoSort.LONGEST, 2.5),
    ],
)
def test_a_place_is_behind_a_record(sort: VideoSort, key: float | str) -> None:
    """By what the order goes by, and by id."""
    record = video(created_at=datetime(1970, 1, 1, 0, 0, 1, 500_999, UTC), title="\u00c9t\u00e9", duration=2.5)
    assert place_of(record, sort) == Place(sort=sort, key=key, video_id=record.id)


def test_an_unknown_duration_comes_last() -> None:
    """It has the least key of all."""
    assert place_of(video(), VideoSort.LONGEST).key == UNKNOWN < 0


def test_keys_of_titles_are_bounded() -> None:
    """A title that folds into very much text makes no long key."""
    assert len(title_key("\ufdfa" * 200)) == MAX_KEY
