"""Texts that people read: titles, descriptions, names. Checked here, escaped by whoever shows them."""

import unicodedata
from typing import Final

from tusvideo.errors import InvalidField
from tusvideo.model import TITLE_CHARACTERS

MAX_TITLE: Final = TITLE_CHARACTERS
MAX_DESCRIPTION: Final = 5_000
MAX_NAME_BYTES: Final = 1_024
"""Bytes of an original name: 255 characters, the most that file systems have, of up to four bytes."""
MAX_STORED_NAME_BYTES: Final = 255


def parse_title(text: str) -> str:
    """Trim and check a title: 1 to 200 characters, none of them a control character. Raises InvalidField."""
    title = text.strip()
    if not title or len(title) > MAX_TITLE or has_controls(title):
        raise InvalidField("title", expected=f"1 to {MAX_TITLE} characters without control characters", got=text)
    return title


def parse_description(text: str) -> str:
    """Check a description: at most 5,000 characters, no control character but line break and tab.

    CR LF becomes LF, as browsers send CR LF from a text area. Raises InvalidField.
    """
    description = text.replace("\r\n", "\n")
    if len(description) > MAX_DESCRIPTION or has_controls(description, but="\n\t"):
        expected = f"at most {MAX_DESCRIPTION} characters without control characters (line breaks and tabs may be)"
        raise InvalidField("description", expected=expected, got=text)
    return description


def parse_original_name(text: str, *, field: str = "filename") -> str:
    """Check what a client of the chunk API calls its file: a name without a path, at most 1,024 bytes.

    It is kept as data; the name on disk is chosen by the profile. Raises InvalidField; the chunks stay stored, so that
    the client can finalize again under another name.
    """
    fits = 0 < len(text.encode("utf-8", "replace")) <= MAX_NAME_BYTES
    if not fits or text in {".", ".."} or "/" in text or "\\" in text or has_controls(text):
        expected = f"a file name of 1 to {MAX_NAME_BYTES} bytes without a path and without control characters"
        raise InvalidField(field, expected=expected, got=text)
    return text


def parse_stored_name(text: str) -> str:
    """Check the name of a published file as finalize gave it: no '/', no control character, at most 255 bytes.

    Raises InvalidField.
    """
    fits = 0 < len(text.encode("utf-8", "replace")) <= MAX_STORED_NAME_BYTES
    if not fits or text in {".", ".."} or "/" in text or has_controls(text):
        raise InvalidField("filename", expected="the filename that finalize answered", got=text)
    return text


def has_controls(text: str, *, but: str = "") -> bool:
    """Tell whether a text has control characters or lone surrogates, apart from those in ``but``."""
    return any(unicodedata.category(c) in {"Cc", "Cs"} and c not in but for c in text)
