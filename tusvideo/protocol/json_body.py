"""Small bodies, read defensively: JSON objects and URL-encoded forms; and JSON answers."""

from collections.abc import Mapping, Sequence
from typing import Final

from tusvideo.message import ResponseHead

MAX_BYTES: Final = 64 * 1024
MAX_DEPTH: Final = 16
MAX_FIELDS: Final = 64


def parse_object(raw: bytes) -> dict[str, object]:
    """Read a JSON object of at most 64 KiB. Raises TooLarge, InvalidField."""
    raise NotImplementedError


def form_fields(raw: bytes) -> Mapping[str, Sequence[str]]:
    """Read ``application/x-www-form-urlencoded`` of at most 64 KiB and 64 fields. Raises TooLarge, InvalidField."""
    raise NotImplementedError


def render(
    document: Mapping[str, object], *, status: int = 200, headers: tuple[tuple[str, str], ...] = ()
) -> ResponseHead:
    """Answer with a JSON object."""
    raise NotImplementedError
