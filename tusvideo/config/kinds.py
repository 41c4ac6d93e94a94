"""Kinds of values: what one must look like, in words and as a function that reads it."""

import ipaddress
import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from string import Formatter
from typing import Final
from urllib.parse import urlsplit

from tusvideo.config.settings import GIB, KIB, MIB, Address, Network
from tusvideo.rules.sniff import MEDIA_TYPES

UNITS: Final = {"B": 1, "KiB": KIB, "MiB": MIB, "GiB": GIB, "TiB": 1024 * GIB}
MAX_PORT: Final = 65535
PLACEHOLDERS: Final = frozenset({"milliseconds", "ext", "name"})
MAX_PATTERN: Final = 80
"""Characters of a pattern, so that a stored name never gets longer than a file system takes."""

_WHOLE: Final = re.compile(r"-?[0-9]{1,18}", re.ASCII)
_DECIMAL: Final = re.compile(r"-?[0-9]{1,18}(\.[0-9]{1,9})?", re.ASCII)
_SIZE: Final = re.compile(r"([0-9]{1,18}) ?(B|KiB|MiB|GiB|TiB)", re.ASCII)
_LABEL: Final = r"[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?"
_HOST: Final = re.compile(rf"(?=.{{1,253}}\Z){_LABEL}(\.{_LABEL})*", re.ASCII)
_FOLDER: Final = re.compile(r"[a-z0-9_][a-z0-9._-]{0,63}", re.ASCII)


class Unfit(Exception):
    """A value is not of its kind; ``got`` is the part of it that does not fit."""

    def __init__(self, got: object) -> None:
        super().__init__(got)
        self.got = got


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """What a value must be."""

    expected: str
    """In words, for whoever wrote something else."""
    read: Callable[[object], object]
    """From what TOML has to what the program uses; raises Unfit."""
    from_text: Callable[[str], object] = str.strip
    """From the text of a variable or a flag to what TOML would have; text that cannot be it stays as it is."""


def text_of(value: object) -> str:
    """Show a value as its writer wrote it."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def size_text(count: int) -> str:
    """Write a number of bytes in the largest unit in which it is whole."""
    unit = next(name for name, size in reversed(UNITS.items()) if count % size == 0 and (count or size == 1))
    return f"{count // UNITS[unit]} {unit}"


def whole(low: int, high: int) -> Kind:
    """Take a whole number in [low, high]."""

    def read(value: object) -> int:
        if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
            raise Unfit(value)
        return value

    return Kind(expected=f"a whole number from {low} to {high}", read=read, from_text=_number)


def seconds(low: float, high: float) -> Kind:
    """Take a number of seconds in [low, high]."""

    def read(value: object) -> float:
        if not isinstance(value, int | float) or isinstance(value, bool) or not low <= value <= high:
            raise Unfit(value)
        return float(value)

    return Kind(expected=f"a number of seconds from {low:g} to {high:g}", read=read, from_text=_number)


def size(low: int, high: int) -> Kind:
    """Take a number of bytes in [low, high], or text with a unit such as ``50 MiB``."""

    def read(value: object) -> int:
        count = value
        if isinstance(value, str) and (match := _SIZE.fullmatch(value)):
            count = int(match[1]) * UNITS[match[2]]
        if not isinstance(count, int) or isinstance(count, bool) or not low <= count <= high:
            raise Unfit(value)
        return count

    wanted = f"bytes as a whole number, or a size such as 50 MiB, from {size_text(low)} to {size_text(high)}"
    return Kind(expected=wanted, read=read, from_text=_number)


def one_of(*words: str) -> Kind:
    """Take one of a few words."""

    def read(value: object) -> str:
        if not isinstance(value, str) or value not in words:
            raise Unfit(value)
        return value

    return Kind(expected=f"{', '.join(words[:-1])} or {words[-1]}", read=read)


def member_of(names: type[StrEnum]) -> Kind:
    """Take one of the words that a model knows."""
    words = one_of(*names)
    return Kind(expected=words.expected, read=lambda value: names(str(words.read(value))))


def _number(text: str) -> object:
    text = text.strip()
    if _WHOLE.fullmatch(text):
        return int(text)
    return float(text) if _DECIMAL.fullmatch(text) else text


def _yes_or_no(text: str) -> object:
    return {"true": True, "false": False}.get(text.strip().lower(), text)


def _listed(text: str) -> object:
    return [item.strip() for item in text.split(",")] if text.strip() else []


def _read_bool(value: object) -> bool:
    if not isinstance(value, bool):
        raise Unfit(value)
    return value


def _read_address(value: object) -> Address:
    if not isinstance(value, str):
        raise Unfit(value)
    host, colon, port = value.rpartition(":")
    if not colon or not _WHOLE.fullmatch(port) or not 0 <= int(port) <= MAX_PORT:
        raise Unfit(value)
    if host.startswith("[") and host.endswith("]"):
        host = host[1:-1]
        if ":" not in host or not _is_ip(host):
            raise Unfit(value)
    elif not _HOST.fullmatch(host):
        raise Unfit(value)
    return Address(host, int(port))


def _is_ip(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def _read_path(value: object) -> Path:
    if not isinstance(value, str) or not value or "\0" in value:
        raise Unfit(value)
    return Path(value)


def _read_maybe_path(value: object) -> Path | None:
    return None if value == "" else _read_path(value)


def _each(value: object) -> list[str]:
    if not isinstance(value, list):
        raise Unfit(value)
    for item in value:
        if not isinstance(item, str):
            raise Unfit(item)
    return value


def _read_hosts(value: object) -> tuple[str, ...]:
    for host in _each(value):
        if not _HOST.fullmatch(host):
            raise Unfit(host)
    return tuple(host.lower() for host in _each(value))


def _read_origins(value: object) -> tuple[str, ...]:
    return tuple(_origin(item) for item in _each(value))


def _origin(text: str) -> str:
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        raise Unfit(text) from None
    host = parts.hostname or ""
    if parts.scheme not in {"http", "https"} or not (_HOST.fullmatch(host) or _is_ip(host)):
        raise Unfit(text)
    shown_host = f"[{host}]" if ":" in host else host
    default = {"http": 80, "https": 443}[parts.scheme]
    # The form in which browsers send it, so that comparing is enough: lower case, no default port.
    origin = f"{parts.scheme}://{shown_host}" + (f":{port}" if port not in {None, default} else "")
    if text.lower() not in {origin, f"{origin}:{default}"}:
        raise Unfit(text)
    return origin


def _read_networks(value: object) -> tuple[Network, ...]:
    networks: list[Network] = []
    for item in _each(value):
        try:
            networks.append(ipaddress.ip_network(item))
        except ValueError:
            raise Unfit(item) from None
    return tuple(networks)


def _read_types(value: object) -> frozenset[str] | None:
    if value == "any":
        return None
    names = _each(value)
    for name in names:
        if name not in MEDIA_TYPES:
            raise Unfit(name)
    if not names:
        raise Unfit("an empty list")
    return frozenset(names)


def _read_folder(value: object) -> str:
    if not isinstance(value, str) or not _FOLDER.fullmatch(value):
        raise Unfit(value)
    return value


def _read_pattern(value: object) -> str:
    if not isinstance(value, str) or len(value) > MAX_PATTERN or not value.isprintable():
        raise Unfit(value)
    try:
        pieces = list(Formatter().parse(value))
    except ValueError:
        raise Unfit(value) from None
    names = [name for _, name, _, _ in pieces if name is not None]
    plain = not any(form or conversion for _, _, form, conversion in pieces)
    if not plain or not PLACEHOLDERS.issuperset(names) or len(set(names)) != len(names):
        raise Unfit(value)
    # One of the two tells files apart; a separator or a leading dot would leave the folder or hide in it.
    if not {"milliseconds", "name"} & set(names) or "/" in value or "\\" in value or value.startswith("."):
        raise Unfit(value)
    return value


YES_OR_NO: Final = Kind(expected="true or false", read=_read_bool, from_text=_yes_or_no)
ADDRESS: Final = Kind(
    expected=f"HOST:PORT such as 127.0.0.1:8080 or [::1]:8080, the port from 0 to {MAX_PORT}", read=_read_address
)
PATH: Final = Kind(expected="the path of a folder", read=_read_path, from_text=str)
MAYBE_PATH: Final = Kind(
    expected="the path of a file, or nothing for tusvideo.db in data_dir", read=_read_maybe_path, from_text=str
)
HOSTS: Final = Kind(
    expected="a list of host names without scheme or port, such as uploads.example.org",
    read=_read_hosts,
    from_text=_listed,
)
ORIGINS: Final = Kind(
    expected="a list of web origins, each scheme, host and maybe port only, such as https://www.example.org",
    read=_read_origins,
    from_text=_listed,
)
NETWORKS: Final = Kind(
    expected="a list of IP addresses or networks, such as 127.0.0.1 or 10.0.0.0/8",
    read=_read_networks,
    from_text=_listed,
)
TYPES: Final = Kind(expected=f'"any", or a list with some of {", ".join(MEDIA_TYPES)}', read=_read_types)
FOLDER: Final = Kind(
    expected="the name of one folder: 1 to 64 of a-z 0-9 . _ - without a separator or a leading dot or dash",
    read=_read_folder,
)
PATTERN: Final = Kind(
    expected=(
        "a file name with {milliseconds} or {name} in it, and maybe {ext}, each at most once; no separator,"
        f" no leading dot, at most {MAX_PATTERN} characters"
    ),
    read=_read_pattern,
)
