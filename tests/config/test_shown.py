"""conf/tusvideo.toml shows what there is, and nothing else reads the environment."""

import re
import tomllib
from dataclasses import fields
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from tusvideo.config import BUILT_IN_PROFILES, Config, load_config
from tusvideo.config.kinds import size_text
from tusvideo.config.options import OPTIONS, PROFILE_OPTIONS
from tusvideo.model import Profile

ROOT = Path(__file__).parents[2]
SHOWN = ROOT / "conf/tusvideo.toml"


def tables() -> dict[str, dict[str, Any]]:
    """Give the sections of the shown file, profiles by their full name."""
    found = tomllib.loads(SHOWN.read_text("utf-8"))
    profiles = found.pop("profiles")
    return found | {f"profiles.{name}": table for name, table in profiles.items()}


def test_the_shown_file_says_the_defaults() -> None:
    """Loading conf/tusvideo.toml gives exactly what loading nothing gives."""
    assert load_config(file=SHOWN, environ={}) == Config()


def test_the_shown_file_leaves_no_option_out() -> None:
    """Every option of every section, and every field of every built-in profile, is in conf/tusvideo.toml."""
    expected = {section: set(options) for section, options in OPTIONS.items()}
    expected |= {f"profiles.{name}": set(PROFILE_OPTIONS) for name in BUILT_IN_PROFILES}
    assert {section: set(table) for section, table in tables().items()} == expected


def test_every_shown_option_has_a_comment_above_it() -> None:
    """Each option in conf/tusvideo.toml is explained by the line before it."""
    lines = SHOWN.read_text("utf-8").splitlines()
    bare = [line for before, line in pairwise(lines) if re.match(r"\w+ =", line) and before[:2] != "# "]
    assert bare == []


def test_every_field_can_be_set() -> None:
    """The tables of options and the dataclasses name the same things."""
    config = Config()
    for section in ("server", "storage", "log"):
        assert set(OPTIONS[section]) == {field.name for field in fields(getattr(config, section))}
    assert set(OPTIONS["limits"]) == {field.name for field in fields(config.limits)} | {"max_header_bytes"}
    assert set(PROFILE_OPTIONS) == {field.name for field in fields(Profile)} - {"name"}


def test_a_configuration_cannot_be_changed() -> None:
    """After start nothing changes what was configured."""
    config = load_config(environ={})
    with pytest.raises(AttributeError):
        config.server.stop_seconds = 1  # type: ignore[misc]  # what must fail
    with pytest.raises(TypeError):
        config.profiles["poster"] = config.profiles["video"]  # type: ignore[index]  # what must fail


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, "0 B"),
        (1, "1 B"),
        (1023, "1023 B"),
        (1024, "1 KiB"),
        (1536, "1536 B"),
        (64 << 20, "64 MiB"),
        (16 << 40, "16 TiB"),
    ],
)
def test_sizes_are_shown_in_the_largest_whole_unit(count: int, text: str) -> None:
    """A size in a mistake is exact and short."""
    assert size_text(count) == text


def test_only_the_configuration_reads_the_environment() -> None:
    """After start nothing depends on a variable."""
    readers = {
        str(file.relative_to(ROOT))
        for file in (ROOT / "tusvideo").rglob("*.py")
        if re.search(r"\benviron\b|\bgetenv", file.read_text("utf-8"))
    }
    assert readers == {"tusvideo/config/load.py"}
