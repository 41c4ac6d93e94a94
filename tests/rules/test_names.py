"""rules.names: what clients send becomes data, never a path."""

import random
import unicodedata
from dataclasses import replace

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.rules.samples import ANNA, FILES, VIDEOS
from tusvideo.errors import InvalidField
from tusvideo.model import UserId, user_id
from tusvideo.rules.names import MAX_NAME_BYTES, ONE_BY_ONE, clean_name, location, next_attempt, user_folder
from tusvideo.stores.layout import checked


@pytest.mark.parametrize(
    ("original", "cleaned"),
    [
        ("holiday.mp4", "holiday.mp4"),
        ("Über den Wolken.mp4", "Über den Wolken.mp4"),
        (None, "file"),
        ("", "file"),
        ("...", "file"),
        ("\x00\r\n", "file"),
        ("../../etc/passwd", "passwd"),
        ("/etc/", "file"),
        ("..\\..\\boot.ini", "boot.ini"),
        (".htaccess", "htaccess"),
        ("-rf", "_-rf"),
        (" .--help.txt", "_--help.txt"),
        ("a\r\nSet-Cookie: b.mp4", "aSet-Cookie_ b.mp4"),
        ("gnp.\u202eexe", "gnp.exe"),
        ("a\u2028b\u00a0c", "abc"),
        ('<>:"|?*.txt', "_______.txt"),
        ("con", "_con"),
        ("NUL.tar.gz", "_NUL.tar.gz"),
        ("com1.txt", "_com1.txt"),
        ("console.txt", "console.txt"),
        ("name. . .", "name"),
        ("name .mp4", "name.mp4"),
        ("u\u0308.mp4", "ü.mp4"),
        ("u\u200d\u0308.mp4", "ü.mp4"),
        ("x" * 300, "x" * 200),
        ("x" * 300 + ".mp4", "x" * 196 + ".mp4"),
        ("ü" * 150 + ".mp4", "ü" * 98 + ".mp4"),
        ("a." + "x" * 300, "a." + "x" * 198),
        ("😀." + "x" * 198, "😀." + "x" * 195),
        ("😀.tusvideo-" + "0" * 190, "😀.tusvideo-" + "0" * 186),
    ],
)
def test_a_name_is_cleaned(original: str | None, cleaned: str) -> None:
    """The last component, without what is invisible, reserved, hidden or too long."""
    assert clean_name(original) == cleaned


@given(st.text() | st.text(alphabet="./\\con \x00ü😀:").map(lambda text: text * 9))
@example("😀." + "x" * 198)
@example("a\u00ad\u0308")
def test_any_name_becomes_one_plain_name(original: str) -> None:
    """Whatever is sent: 1 to 200 bytes, one component, visible, normal, and the same when cleaned again."""
    name = clean_name(original)
    assert 1 <= len(name.encode()) <= MAX_NAME_BYTES
    assert not name.startswith((".", " "))
    assert not {"/", "\\", "\x00", "\n", "\r"} & set(name)
    assert unicodedata.is_normalized("NFC", name)
    for profile in (FILES, VIDEOS):
        for attempt in (0, 10**30):
            checked(
                location(
                    profile=profile,
                    owner=ANNA,
                    original_name=original,
                    kind=None,
                    milliseconds=10**13,
                    attempt=attempt,
                )
            )


@pytest.mark.parametrize(
    ("user", "folder"),
    [
        ("anna", "anna"),
        ("a-b_9", "a-b_9"),
        ("x" * 64, "x" * 64),
        ("x" * 65, "hex." + "78" * 65),
        ("Anna", "hex.416e6e61"),
        ("../x", "hex.2e2e2f78"),
        ("ü", "hex.c3bc"),
        ("hex.61", "hex.6865782e3631"),
    ],
)
def test_a_user_has_a_folder(user: str, folder: str) -> None:
    """The id itself where it is plain, a hex form that no plain id can have elsewhere."""
    assert user_folder(UserId(user)) == folder


@given(st.text(min_size=1, max_size=120), st.text(min_size=1, max_size=120))
def test_two_users_never_share_a_folder(one: str, other: str) -> None:
    """Different ids, different folders, each one plain name."""
    try:
        users = user_id(one), user_id(other)
    except InvalidField:
        return
    folders = [user_folder(user) for user in users]
    assert (folders[0] == folders[1]) == (one == other)
    assert all(len(folder) <= 255 and "/" not in folder and not folder.startswith(".") for folder in folders)


@pytest.mark.parametrize(
    ("pattern", "original", "kind", "attempt", "filename"),
    [
        ("video_{milliseconds}.{ext}", "a.avi", "mp4", 0, "video_1000.mp4"),
        ("video_{milliseconds}.{ext}", "a.avi", "mp4", 2, "video_1002.mp4"),
        ("video_{milliseconds}.{ext}", "a.AVI", None, 0, "video_1000.avi"),
        ("video_{milliseconds}.{ext}", "a", None, 0, "video_1000.bin"),
        ("video_{milliseconds}.{ext}", "a.b-c", None, 0, "video_1000.bin"),
        ("{milliseconds}-{name}", "a.b", None, 1, "1001-a.b"),
        ("{name}", "a.b.txt", "mp4", 0, "a.b.txt"),
        ("{name}", "a.b.txt", None, 1, "a.b (2).txt"),
        ("{name}", "a", None, 2, "a (3)"),
        ("{name}", "{milliseconds}{0}.txt", None, 0, "{milliseconds}{0}.txt"),
    ],
)
def test_a_place_is_chosen_by_the_pattern(
    pattern: str, original: str, kind: str | None, attempt: int, filename: str
) -> None:
    """The content's kind decides the extension, taken names are counted on, and braces in a name mean nothing."""
    place = location(
        profile=replace(FILES, pattern=pattern),
        owner=ANNA,
        original_name=original,
        kind=kind,
        milliseconds=1000,
        attempt=attempt,
    )
    assert (place.directory, place.folder, place.filename) == ("files", "anna", filename)


def test_taken_names_are_counted_on_and_then_guessed() -> None:
    """One by one at first, as people expect; of many the number of tries is that of their digits, more or less."""
    assert [next_attempt(attempt, chance=0.9) for attempt in range(ONE_BY_ONE)] == list(range(1, ONE_BY_ONE + 1))
    assert next_attempt(ONE_BY_ONE, chance=0) == ONE_BY_ONE + 1
    assert next_attempt(1000, chance=0.999) == 2000
    chances = random.Random(1)
    for taken in (100, 10_000, 1_000_000):
        attempt = tries = 0
        while attempt < taken:
            attempt, tries = next_attempt(attempt, chance=chances.random()), tries + 1
        assert attempt < 2 * taken + ONE_BY_ONE
        assert tries < ONE_BY_ONE + 4 * len(str(taken)) + 12
