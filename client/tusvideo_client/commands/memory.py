"""Which of the remembered uploads a command means."""

import os
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from tusvideo_client.journal import Entry
from tusvideo_client.wire import origin_of

SHOWN_ID = 8
SHORTEST_ID = 4
_URL = re.compile(r"[a-z][a-z0-9+.-]+:/", re.IGNORECASE | re.ASCII)  # more than the one letter of a drive


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """An upload that a command is about: its name for people, its address, and what is remembered of it."""

    name: str
    url: str | None
    entry: Entry | None = None


def is_url(word: str) -> bool:
    """Tell whether a word is meant as an address, also as one that cannot be used; not an id or a file."""
    return _URL.match(word) is not None


def of_server(entries: Iterable[Entry], server: str | None, *, account: str) -> list[Entry]:
    """The uploads to a server (to all, if none is named), and of an account, if one is named."""
    root = server.rstrip("/") if server else None
    return [
        entry
        for entry in entries
        if root in {None, entry.record.place.endpoint} and account in {"", entry.record.place.account}
    ]


def named(entries: Sequence[Entry], word: str) -> list[Entry]:
    """The uploads that a word means: a file's (all of them), or the one with this id or its beginning.

    Raises:
        ValueError: There is none, or the beginning is that of several.
    """
    path = os.path.realpath(word)
    if of_file := [entry for entry in entries if entry.record.place.path == path]:
        return of_file
    with_id = [entry for entry in entries if len(word) >= SHORTEST_ID and entry.key.startswith(word)]
    if not with_id:
        message = (
            f"no unfinished upload {word!r} is remembered: expected an id that `ls` shows, the path of its file, or an"
            " address (of a finished one, too)"
        )
        raise ValueError(message)
    if len(with_id) > 1:
        message = f"{word!r} is the beginning of {len(with_id)} ids: {', '.join(entry.key for entry in with_id)}"
        raise ValueError(message)
    return with_id


def targets(entries: Sequence[Entry], words: Iterable[str]) -> list[Target]:
    """What the words mean, each upload once; an address that is not remembered is a target too.

    Raises:
        ValueError: As :func:`named`; or an address is none.
    """
    found: dict[str, Target] = {}
    for word in words:
        if is_url(word):
            origin_of(word)
            known = [entry for entry in entries if entry.record.address == word]
            for target in [target_of(entry) for entry in known] or [Target(name=word, url=word)]:
                found.setdefault(word, target)
        else:
            for entry in named(entries, word):
                found.setdefault(entry.key, target_of(entry))
    return list(found.values())


def target_of(entry: Entry) -> Target:
    """A remembered upload as a target."""
    return Target(name=entry.record.place.path, url=entry.record.address, entry=entry)


def server_of_target(target: Target) -> str:
    """The root of the server that a target lies on."""
    if target.entry is not None:
        return target.entry.record.place.endpoint
    assert target.url is not None  # noqa: S101  # a target without an entry was given by its address
    return "/".join(target.url.split("/", 3)[:3])


def strangers(targets: Iterable[Target]) -> list[str]:
    """The roots of the servers of which nothing is known but an address that was given."""
    return [server_of_target(target) for target in targets if target.entry is None]
