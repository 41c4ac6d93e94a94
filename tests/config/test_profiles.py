"""Profiles in the configuration: the built-in ones, changed ones, new ones, and refused ones."""

from dataclasses import replace
from pathlib import Path

import pytest

from tusvideo.config import BUILT_IN_PROFILES, load_config
from tusvideo.config.settings import GIB, KIB, MIB
from tusvideo.errors import ConfigError
from tusvideo.model import Profile
from tusvideo.rules.names import location
from tusvideo.rules.sniff import MEDIA_TYPES


def profiles(folder: Path, text: str) -> dict[str, Profile]:
    """Load a configuration file and give its profiles."""
    file = folder / "tusvideo.toml"
    file.write_text(text, "utf-8")
    return dict(load_config(file=file, environ={}).profiles)


def refusal(folder: Path, text: str) -> str:
    """Load what must be refused for one mistake, and give it."""
    with pytest.raises(ConfigError) as caught:
        profiles(folder, text)
    (only,) = caught.value.mistakes
    return only


def test_three_profiles_are_built_in() -> None:
    """poster, video and files have the directories, types, sizes, patterns and visibility of the design."""
    videos = frozenset({"mp4", "mov", "webm", "m4v", "mkv", "avi", "mpeg", "ogv", "3gp", "ts"})
    timed = "video_{milliseconds}.{ext}"
    rows = {
        (p.name, p.directory, p.types, p.max_length, p.chunk_size, p.pattern, p.public)
        for p in load_config(environ={}).profiles.values()
    }
    assert rows == {
        ("poster", "posters", videos, 50 * MIB, MIB, timed, True),
        ("video", "videos", videos, 20 * GIB, MIB, timed, False),
        ("files", "files", None, 20 * GIB, MIB, "{name}", False),
    }


def test_a_table_changes_single_fields_of_a_built_in_profile(tmp_path: Path) -> None:
    """What the table does not name stays as it was, in this profile and in the others."""
    found = profiles(tmp_path, '[profiles.poster]\nmax_length = "1 GiB"\npublic = false\n')
    assert found == {
        **BUILT_IN_PROFILES,
        "poster": replace(BUILT_IN_PROFILES["poster"], max_length=GIB, public=False),
    }


def test_a_new_profile_starts_from_files_with_its_name_as_directory(tmp_path: Path) -> None:
    """[profiles.NAME] adds a profile."""
    found = profiles(tmp_path, '[profiles.listing-2]\ntypes = ["mp4", "ts"]\n')["listing-2"]
    assert found == replace(
        BUILT_IN_PROFILES["files"], name="listing-2", directory="listing-2", types=frozenset({"mp4", "ts"})
    )


def test_any_type_can_be_asked_for(tmp_path: Path) -> None:
    """The word "any" in place of a list takes everything."""
    assert profiles(tmp_path, '[profiles.video]\ntypes = "any"\n')["video"].types is None


@pytest.mark.parametrize("name", ['"A"', '"9a"', '"_a"', '"a b"', '"a/b"', '"ü"', '""', f'"{"a" * 33}"', '".."'])
def test_a_profile_name_is_a_short_plain_word(tmp_path: Path, name: str) -> None:
    """Profile names match [a-z][a-z0-9_-]{0,31}."""
    assert "expected a profile name of 1 to 32" in refusal(tmp_path, f"[profiles.{name}]\n")


@pytest.mark.parametrize("name", ["a", "a" * 32, "a-b_9"])
def test_plain_words_are_profile_names(tmp_path: Path, name: str) -> None:
    """The shortest, the longest and one with every kind of character."""
    assert name in profiles(tmp_path, f"[profiles.{name}]\n")


@pytest.mark.parametrize(
    ("key", "value"),
    [
        *(
            ("directory", text)
            for text in (
                '"a/b"',
                '".."',
                '"."',
                '""',
                '"/a"',
                r'"a\\b"',
                '".a"',
                '"-a"',
                r'"a\u0000"',
                '"A"',
                f'"{65 * "a"}"',
                "1",
            )
        ),
        *(("types", text) for text in ('["mp5"]', "[]", '"mp4"', '["video/mp4"]', "[1]", '[".mp4"]', "1", '["MP4"]')),
        *(("max_length", text) for text in ("0", "-1", '"17 TiB"', '"50 MB"', "1.5", "true")),
        *(("chunk_size", text) for text in ("0", '"65 MiB"', '"1 Mi"', "[]")),
        *(
            ("pattern", text)
            for text in (
                '"video.mp4"',
                '"{ext}"',
                '"{other}"',
                '"{name.x}"',
                '"{name[0]}"',
                '"{name!r}"',
                '"{name:>9}"',
                '"{name"',
                '"{}{name}"',
                '"a/{name}"',
                r'"a\\{name}"',
                '".{name}"',
                '"{name}{name}"',
                r'"{name}\u0000"',
                r'"{name}\u202e"',
                f'"{"a" * 80}{{name}}"',
                "1",
                '""',
            )
        ),
        *(("public", text) for text in ('"true"', "1")),
        *(("faststart", text) for text in ('"yes"', "true")),
    ],
)
def test_a_bad_field_is_refused_with_its_place(tmp_path: Path, key: str, value: str) -> None:
    """Every field of a profile is checked, and the mistake names profile and field."""
    mistake = refusal(tmp_path, f"[profiles.mine]\n{key} = {value}\n")
    assert mistake.startswith(f"{tmp_path / 'tusvideo.toml'}: [profiles.mine] {key}: expected ")


@pytest.mark.parametrize(
    "pattern", ["{name}", "{milliseconds}", "v {milliseconds} {name}", "{{x}}{name}", "clip_{milliseconds}.{ext}"]
)
def test_every_accepted_pattern_makes_a_name(tmp_path: Path, pattern: str) -> None:
    """What the configuration accepts as a pattern can be filled in, also with the longest name."""
    profile = profiles(tmp_path, f'[profiles.mine]\npattern = "{pattern}"\n')["mine"]
    place = location(
        profile=profile,
        owner="local",  # type: ignore[arg-type]  # a literal is no NewType
        original_name="ü" * 400 + ".mp4",
        kind="mp4",
        milliseconds=2**44,
        attempt=10_000,
    )
    assert 0 < len(place.filename.encode()) <= 255
    assert "/" not in place.filename


def test_a_chunk_larger_than_the_limit_is_refused(tmp_path: Path) -> None:
    """A profile cannot ask for chunks that no request may carry."""
    text = '[limits]\nmax_chunk_size = "2 MiB"\n[profiles.video]\nchunk_size = "3 MiB"\n'
    assert "[profiles.video] chunk_size: expected at most max_chunk_size in [limits], which is 2 MiB; got 3 MiB" in (
        refusal(tmp_path, text)
    )


def test_a_smaller_limit_takes_the_chunks_of_other_profiles_along(tmp_path: Path) -> None:
    """A chunk size that nobody set follows the limit down."""
    found = profiles(tmp_path, '[limits]\nmax_chunk_size = "256 KiB"\n')
    assert {p.chunk_size for p in found.values()} == {256 * KIB}


@pytest.mark.parametrize(
    "text",
    [
        '[profiles.mine]\ndirectory = "posters"\n',
        "[profiles.posters]\n",
        '[profiles.a]\ndirectory = "x"\n[profiles.b]\ndirectory = "x"\n',
        '[profiles.video]\ndirectory = "files"\n',
    ],
)
def test_two_profiles_never_share_a_directory(tmp_path: Path, text: str) -> None:
    """A published file belongs to one profile, so each needs a folder of its own."""
    assert "expected a folder of its own; got " in refusal(tmp_path, text)


def test_kinds_of_video_are_those_that_are_recognised() -> None:
    """The types of the built-in profiles are the kinds that the content rules know."""
    assert BUILT_IN_PROFILES["poster"].types == BUILT_IN_PROFILES["video"].types == frozenset(MEDIA_TYPES)
