"""Which records are wanted, and where a page of them ends: the query of ``GET /api/videos``.

Spec: GET /api/videos; the README has it.
"""

import base64
import binascii
import math
import re
from collections.abc import Collection
from typing import Final

from tusvideo.commands import ListVideos, Place
from tusvideo.errors import InvalidField
from tusvideo.message import RequestHead
from tusvideo.protocol import fields, texts
from tusvideo.video import VideoSort, VideoState

DEFAULT_LIMIT: Final = 20
MAX_LIMIT: Final = 100
MAX_QUERY: Final = 200
"""Characters of what is looked for."""
MAX_KEY: Final = 400
"""Characters of a cursor's key: of a folded title, with room for how a later program may fold it."""
SORTS: Final = tuple(sort.value for sort in VideoSort)
STATES: Final = tuple(state.value for state in VideoState)

_PLACE: Final = re.compile(r"([a-z]{1,16})\.([0-9a-f]{32})\.(.*)", re.DOTALL)
_WHOLE: Final = re.compile(r"0|[1-9][0-9]{0,18}", re.ASCII)
_LAST_MILLISECOND: Final = 253_402_300_799_999
"""Of the year 9999, the last that a datetime can name."""
_LARGEST: Final = 2**63 - 1
_UNKNOWN: Final = "-1.0"


def parse_list(head: RequestHead, *, profiles: Collection[str]) -> ListVideos:
    """Read ``?limit=`` (1 to 100, default 20), ``?q=``, ``?sort=``, ``?profile=``, ``?state=`` and ``?cursor=``.

    Raises InvalidField, also for the cursor of another order.
    Spec: GET /api/videos.
    """
    limit = head.one_query("limit")
    count = DEFAULT_LIMIT if limit is None else fields.parse_number(limit, field="limit")
    if not 1 <= count <= MAX_LIMIT:
        raise InvalidField("limit", expected=f"a whole number from 1 to {MAX_LIMIT}", got=str(count))
    sort = VideoSort(_one_of(head, "sort", SORTS) or VideoSort.NEWEST)
    state = _one_of(head, "state", STATES)
    cursor = head.one_query("cursor")
    after = None if cursor is None else parse_cursor(cursor)
    if after is not None and after.sort is not sort:
        raise InvalidField("cursor", expected=f"a cursor of the order {sort}", got=after.sort)
    return ListVideos(
        limit=count,
        sort=sort,
        query=_parse_query(head.one_query("q")),
        profile=_one_of(head, "profile", sorted(profiles)),
        state=None if state is None else VideoState(state),
        after=after,
    )


def parse_cursor(text: str) -> Place:
    """Read a place in a list. Raises InvalidField for a text that no answer of ours had.

    Spec: GET /api/videos.
    """
    wrong = InvalidField("cursor", expected="the cursor of an earlier answer, unchanged", got=text)
    try:
        raw = base64.b64decode(text.encode("ascii") + b"=" * (-len(text) % 4), altchars=b"-_", validate=True)
        found = _PLACE.fullmatch(raw.decode("utf-8"))
    except (binascii.Error, UnicodeError):
        raise wrong from None
    if found is None or found[1] not in SORTS:
        raise wrong
    sort = VideoSort(found[1])
    key = _parse_key(sort, found[3])
    if key is None:
        raise wrong
    place = Place(sort=sort, key=key, video_id=found[2])
    if build_cursor(place) != text:
        raise wrong
    return place


def build_cursor(place: Place) -> str:
    """Name a place in a list; ``parse_cursor`` reads it back.

    Spec: GET /api/videos.
    """
    raw = f"{place.sort}.{place.video_id}.{place.key}".encode("utf-8", "replace")
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode("ascii")


def _parse_key(sort: VideoSort, text: str) -> int | float | str | None:
    match sort:
        case VideoSort.NEWEST | VideoSort.OLDEST:
            return _parse_whole(text, most=_LAST_MILLISECOND)
        case VideoSort.LARGEST:
            return _parse_whole(text, most=_LARGEST)
        case VideoSort.LONGEST:
            return _parse_seconds(text)
        case _:
            return text if len(text) <= MAX_KEY else None


def _parse_whole(text: str, *, most: int) -> int | None:
    return int(text) if _WHOLE.fullmatch(text) is not None and int(text) <= most else None


def _parse_seconds(text: str) -> float | None:
    try:
        seconds = float(text)
    except ValueError:
        return None
    return seconds if text == _UNKNOWN or (math.isfinite(seconds) and seconds >= 0) else None


def _parse_query(text: str | None) -> str:
    if text is None:
        return ""
    if not 1 <= len(text) <= MAX_QUERY or texts.has_controls(text):
        raise InvalidField("q", expected=f"1 to {MAX_QUERY} characters without control characters", got=text)
    return text


def _one_of(head: RequestHead, name: str, values: Collection[str]) -> str | None:
    text = head.one_query(name)
    if text is not None and text not in values:
        raise InvalidField(name, expected=f"one of {', '.join(values)}", got=text)
    return text
