"""Finding records: words as people type them, and the keys by which lists are ordered.

What is stored and what is asked for is folded in the same way, so that case and accents make no difference.
"""

import unicodedata
from datetime import UTC, datetime, timedelta
from typing import Final

from tusvideo.commands import Place, VideoFilter
from tusvideo.video import Video, VideoSort

MAX_KEY: Final = 100
"""Characters of a title by which it is ordered; titles that agree in so many are ordered by id."""
MOST_WORDS: Final = 8
"""Words of a query that count."""
UNKNOWN: Final = -1.0
"""Stands for a duration that is not known; less than any other."""

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_DOTLESS: Final = "\N{LATIN SMALL LETTER DOTLESS I}"
_LETTERS: Final = str.maketrans({"ø": "o", "ł": "l", "đ": "d", "ð": "d", "ħ": "h", _DOTLESS: "i", "æ": "ae", "œ": "oe"})
"""Letters with a stroke and the like, which Unicode does not take apart."""


def fold(text: str) -> str:
    """Take case and accents from a text: ``CAFÉ``, ``Café`` and ``cafe`` become one. Folding twice changes nothing."""
    decomposed = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", text).casefold())
    # Signs that are letters of their own (Indic vowels, for one) have no combining class, and stay.
    return "".join(c for c in decomposed if not unicodedata.combining(c)).translate(_LETTERS)


def words(query: str) -> tuple[str, ...]:
    """Give the folded words of a query, each once, the longest ones if there are many; none when there is nothing to
    look for. Each word is looked for in every text, and a long one says more."""
    found = dict.fromkeys(fold(query).split())
    longest = frozenset(sorted(found, key=len, reverse=True)[:MOST_WORDS])
    return tuple(word for word in found if word in longest)


def text_of(title: str, description: str, name: str) -> str:
    """Give the folded text in which the words of a query are looked for."""
    return fold(f"{title}\n{description}\n{name}")


def title_key(title: str) -> str:
    """Give the key by which a title is ordered."""
    return fold(title)[:MAX_KEY]


def matches(video: Video, wanted: VideoFilter) -> bool:
    """Tell whether a record is among those that are meant."""
    if wanted.profile not in {None, video.profile} or wanted.state not in {None, video.state}:
        return False
    text = text_of(video.title, video.description, video.original_name or video.filename)
    return all(word in text for word in wanted.words)


def place_of(video: Video, sort: VideoSort) -> Place:
    """Give the place behind a record in an order."""
    key: int | float | str
    match sort:
        case VideoSort.NEWEST | VideoSort.OLDEST:
            key = (video.created_at - _EPOCH) // timedelta(milliseconds=1)
        case VideoSort.TITLE:
            key = title_key(video.title)
        case VideoSort.LARGEST:
            key = video.size
        case _:
            key = UNKNOWN if video.duration is None else video.duration
    return Place(sort=sort, key=key, video_id=video.id)
