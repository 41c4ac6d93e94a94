"""How many connections one upload uses, and how long its chunks are: one more only while it is faster with it. Pure.

One is the rule: on a thin link several starve each other, and where a rate is shared they only share it. But a link
that is long and fat, or lossy, or that holds every connection to a rate of its own, carries more over several. Nobody
can tell beforehand, so it is tried: one is added, and stays if the server confirmed bytes so much faster with it.

What counts is what the server confirmed, so a proxy that takes bytes fast and passes them on slowly deceives nobody.

A chunk that is cut counts for nothing, and a cut may hit all connections. So all their chunks together are no more than
one chunk of the documented size. A cut takes half of each that is being sent, on average: half a MiB where all are in
use, less where fewer are. A server holds an upload to the size of its first chunk, so the size is chosen for the most
connections that there may be, and never changes after a failure.
"""

from dataclasses import dataclass, replace
from typing import Literal

from .state import MIB

Connections = int | Literal["auto"]

AT_MOST = 4
AT_RISK = MIB
"""Bytes of chunks that are on their way at the same time, at most."""
CHUNKS_AT_MOST = 100_000
GRAIN = MIB // 16
"""Chunks whose size nobody chose have a multiple of so many bytes."""
FASTER = 1.15
LEAST_RATE = MIB // 16
"""Bytes a second below which a link is thin. Short chunks are slow over one connection where a round trip is long."""
SECONDS, CHUNKS = 2.0, 4
"""A rate is measured over so long, and over so many chunks on each connection, at least."""
TRIED_AGAIN = 60.0
"""Seconds after which a link is tried anew: links change."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Width:
    """What is known about the connections of an upload.

    Attributes:
        count: How many it uses.
        most: It never uses more.
        since: When the rate began to be measured, or will begin: nothing is tried before.
        stored: Bytes that the server confirmed since then.
        chunks: In so many chunks.
        before: Bytes a second without the connection that was added last, while that one is on trial.
    """

    count: int = 1
    most: int = AT_MOST
    since: float
    stored: int = 0
    chunks: int = 0
    before: float | None = None


def judged(wanted: Connections) -> Connections:
    """What a caller wants, if it makes sense.

    Raises:
        ValueError: It does not.
    """
    if wanted != "auto" and not 1 <= wanted <= AT_MOST:
        message = f"connections must be 'auto' or a number from 1 to {AT_MOST}, not {wanted!r}"
        raise ValueError(message)
    return wanted


def chunk_size_for(length: int, *, wanted: Connections) -> int:
    """Bytes in each chunk of a file of ``length`` bytes where nobody says: a share of what all may lose at a cut.

    More only where there would be more than :data:`CHUNKS_AT_MOST` chunks.
    """
    count = AT_MOST if wanted == "auto" else wanted
    least = -(-length // CHUNKS_AT_MOST)
    return max(AT_RISK // count // GRAIN, -(-least // GRAIN)) * GRAIN


def begun(wanted: Connections, *, chunk_size: int, at: float) -> Width:
    """What an upload begins with: one that may become more, or as many as the caller wants."""
    if wanted == "auto":
        return Width(since=at, most=max(1, min(AT_MOST, AT_RISK // chunk_size)))
    return Width(since=at, count=wanted, most=wanted)


def after_chunk(width: Width, *, size: int, at: float) -> Width:
    """A chunk of ``size`` bytes is stored."""
    if at < width.since:
        return width  # it rests
    width = replace(width, stored=width.stored + size, chunks=width.chunks + 1)
    lasted = at - width.since
    if lasted < SECONDS or width.chunks < CHUNKS * width.count:
        return width
    rate = width.stored / lasted
    if width.before is not None and rate < FASTER * width.before:
        return _rested(width, count=width.count - 1, at=at)
    if rate < LEAST_RATE or width.count >= width.most:
        return _rested(width, count=width.count, at=at)
    return replace(width, count=width.count + 1, since=at, stored=0, chunks=0, before=rate)


def after_failure(width: Width, *, at: float) -> Width:
    """A request failed: the connection that was added last goes, whatever it brought."""
    return _rested(width, count=max(1, width.count - 1), at=at)


def _rested(width: Width, *, count: int, at: float) -> Width:
    """Nothing is tried for a while; then the rate is measured anew."""
    return replace(width, count=count, since=at + TRIED_AGAIN, stored=0, chunks=0, before=None)
