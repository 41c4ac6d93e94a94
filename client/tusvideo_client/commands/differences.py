"""Where two files differ, found by asking of ever smaller ranges whether they are equal. Pure: the asking is given."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

GRAIN = 4 * 1024
PIECES_AT_MOST = 64
QUESTIONS_AT_ONCE = 4

IsEqual = Callable[[int, int], Awaitable[bool]]
Range = tuple[int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """A stretch of bytes that differs.

    Attributes:
        first: The first byte that differs, counted from 0.
        last: The last byte that differs. Equal bytes may lie between the two, but no equal piece of ``grain`` bytes.
        grain: How closely the stretch was looked at.
    """

    first: int
    last: int
    grain: int


async def find(length: int, *, is_equal: IsEqual, step: int, on_piece: Callable[[int], None]) -> list[Difference]:
    """All differences within the first ``length`` bytes, in order; the ends of each are exact.

    Pieces that differ are halved until they have :data:`GRAIN` bytes, or until there are so many that the two are
    plainly not the same file.

    Args:
        length: How many bytes both sides have.
        is_equal: Tells whether the bytes from a place up to another are equal.
        step: Bytes to ask about at once in the beginning.
        on_piece: Told after each step how many bytes were compared.
    """
    pieces: list[Range] = []
    for start in range(0, length, step):
        end = min(start + step, length)
        if not await is_equal(start, end):
            pieces.append((start, end))
        on_piece(end)
    grain = step
    while grain > GRAIN and 2 * len(pieces) <= PIECES_AT_MOST and pieces:
        grain = -(-grain // 2)
        pieces = await _halved(pieces, is_equal)
    return [
        Difference(first=await _first(run[0], is_equal), last=await _last(run[-1], is_equal), grain=grain)
        for run in _runs(pieces)
    ]


async def _halved(pieces: Sequence[Range], is_equal: IsEqual) -> list[Range]:
    gate = asyncio.Semaphore(QUESTIONS_AT_ONCE)

    async def halve(piece: Range) -> list[Range]:
        start, end = piece
        middle = (start + end) // 2
        if middle == start:
            return [piece]
        async with gate:
            if await is_equal(start, middle):
                return [(middle, end)]
            return [(start, middle)] if await is_equal(middle, end) else [(start, middle), (middle, end)]

    return [half for halves in await asyncio.gather(*map(halve, pieces)) for half in halves]


def _runs(pieces: Sequence[Range]) -> list[list[Range]]:
    """Pieces that touch, together."""
    runs: list[list[Range]] = []
    for piece in pieces:
        if runs and runs[-1][-1][1] == piece[0]:
            runs[-1].append(piece)
        else:
            runs.append([piece])
    return runs


async def _first(piece: Range, is_equal: IsEqual) -> int:
    """The first byte of a piece that differs."""
    start, end = piece
    while end - start > 1:
        middle = (start + end) // 2
        if await is_equal(start, middle):
            start = middle
        else:
            end = middle
    return start


async def _last(piece: Range, is_equal: IsEqual) -> int:
    """The last byte of a piece that differs."""
    start, end = piece
    while end - start > 1:
        middle = (start + end) // 2
        if await is_equal(middle, end):
            end = middle
        else:
            start = middle
    return start
