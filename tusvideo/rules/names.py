"""How files and folders are called: names that clients send become data, never paths."""

import re
import unicodedata
from typing import Final

from tusvideo.model import Location, Profile, UserId

_PLAIN_FOLDER: Final = re.compile(r"[a-z0-9_-]{1,64}", re.ASCII)
_EXTENSION: Final = re.compile(r"[A-Za-z0-9]{1,10}", re.ASCII)
_FORBIDDEN: Final = frozenset('<>:"|?*')
_RESERVED: Final = frozenset({"con", "prn", "aux", "nul", *(f"{d}{n}" for d in ("com", "lpt") for n in range(1, 10))})
_LEAST_STEM_BYTES: Final = 4
"""No character of UTF-8 is longer."""
ONE_BY_ONE: Final = 16
"""So many taken names are counted on from one to the next."""
MAX_NAME_BYTES: Final = 200
"""Bytes of a cleaned name, so that a counter and a temporary suffix still fit into 255."""


def user_folder(user: UserId) -> str:
    """Name the folder of a user: the id itself if it is plain, else a hex form that no plain id can have."""
    if _PLAIN_FOLDER.fullmatch(user):
        return user
    return f"hex.{user.encode().hex()}"


def clean_name(original: str | None) -> str:
    """Make a file name out of what a client called its file: last path component, NFC, no control characters,
    no reserved characters or device names, no leading dot or dash, at most 200 bytes; ``file`` when nothing is left."""
    text = re.split(r"[/\\]", original or "")[-1]
    text = "".join(c for c in text if unicodedata.category(c)[0] not in "CZ" or c == " ")
    # Last, because a character between two others that NFC joins may have gone.
    text = unicodedata.normalize("NFC", text)
    text = "".join("_" if c in _FORBIDDEN else c for c in text)
    text = text.strip(" .")
    if text.startswith("-"):
        # Typed after a command, such a name would be an option.
        text = f"_{text}"
    stem, dot, extension = text.rpartition(".")
    if not dot:
        stem, extension = text, ""
    if stem.split(".")[0].casefold() in _RESERVED:
        stem = f"_{stem}"
    room = MAX_NAME_BYTES - len((dot + extension).encode())
    if room < _LEAST_STEM_BYTES:
        # Cut to nothing, the stem would leave a name that begins with a dot.
        return _cut(stem + dot + extension, MAX_NAME_BYTES)
    return _cut(stem, room) + dot + extension or "file"


def location(
    *, profile: Profile, owner: UserId, original_name: str | None, kind: str | None, milliseconds: int, attempt: int
) -> Location:
    """Choose where a finished file goes. ``attempt`` is 0, and the ``next_attempt`` when a name is taken.

    ``kind`` is the short name of the content's kind, None when it is no known video; it decides the extension.
    ``milliseconds`` is the wall time in milliseconds since 1970.
    """
    name = clean_name(original_name)
    extension = kind or _extension_of(name)
    counted = "{milliseconds}" in profile.pattern
    filename = profile.pattern.format_map(
        {
            "milliseconds": milliseconds + attempt,
            "ext": extension,
            "name": name if counted else _numbered(name, attempt),
        },
    )
    return Location(directory=profile.directory, folder=user_folder(owner), filename=filename)


def next_attempt(attempt: int, *, chance: float) -> int:
    """Give the attempt after one whose name was taken; ``chance`` is a random number from 0 to below 1.

    Where many files have one name, the numbers behind those of the first are guessed in ever wider steps: so the number
    of tries grows with the logarithm of how many there are, and each try is a commit.
    """
    return attempt + 1 + (int(chance * attempt) if attempt >= ONE_BY_ONE else 0)


def _numbered(name: str, attempt: int) -> str:
    if not attempt:
        return name
    stem, dot, extension = name.rpartition(".")
    if not dot:
        return f"{name} ({attempt + 1})"
    return f"{stem} ({attempt + 1}){dot}{extension}"


def _extension_of(name: str) -> str:
    extension = name.rpartition(".")[2] if "." in name else ""
    return extension.lower() if _EXTENSION.fullmatch(extension) else "bin"


def _cut(text: str, most: int) -> str:
    return text.encode()[:most].decode(errors="ignore").rstrip(" .")
