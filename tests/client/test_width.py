"""One more connection only while it makes an upload faster."""

from collections.abc import Callable

import pytest

from tusvideo_client.state import MIB
from tusvideo_client.width import (
    AT_RISK,
    CHUNKS_AT_MOST,
    TRIED_AGAIN,
    Connections,
    Width,
    after_chunk,
    after_failure,
    begun,
    chunk_size_for,
    judged,
)

KIB = 1024
CHUNK = MIB // 4


def counts(rate_of: Callable[[int], float], *, seconds: float, most: int = 4, count: int = 1) -> list[int]:
    """How many connections there were, one after the other, over a link that carries so many bytes a second by them."""
    at, width = 0.0, Width(since=0.0, most=most, count=count)
    seen = [width.count]
    while at < seconds:
        at += CHUNK / rate_of(width.count)
        width = after_chunk(width, size=CHUNK, at=at)
        if width.count != seen[-1]:
            seen.append(width.count)
    return seen


@pytest.mark.parametrize(
    ("rate_of", "most", "wanted"),
    [
        (lambda count: 2 * MIB * count, 4, [1, 2, 3, 4]),
        (lambda count: 2 * MIB * count, 2, [1, 2]),
        (lambda count: 2 * MIB * count, 1, [1]),
        (lambda _: 8 * MIB, 4, [1, 2, 1]),
        (lambda count: MIB * (4, 8, 8.5, 9)[count - 1], 4, [1, 2, 3, 2]),
        (lambda count: MIB * (4, 4.5)[count - 1], 4, [1, 2, 1]),
        (lambda count: MIB * (4, 4.7, 4.7)[count - 1], 4, [1, 2, 3, 2]),
        (lambda count: 60 * KIB * count, 4, [1]),
        (lambda count: MIB / count, 4, [1, 2, 1]),
        (lambda count: count * CHUNK / (0.1 + 0.25), 4, [1, 2, 3, 4]),
    ],
    ids=[
        *("each held to a rate", "two at most", "one at most", "a shared rate", "two are enough", "not by 15 %"),
        *("by more than 15 %", "a thin link", "they starve each other", "a round trip of a quarter of a second"),
    ],
)
def test_a_connection_stays_if_it_helps(rate_of: Callable[[int], float], most: int, wanted: list[int]) -> None:
    """One is added while the confirmed rate is 64 KiB/s or more, and goes again unless that rose by 15 %."""
    assert counts(rate_of, seconds=TRIED_AGAIN, most=most) == wanted


def test_a_link_is_tried_anew() -> None:
    """Links change: what did not help is tried again a minute later, and not before."""
    assert counts(lambda _: 8 * MIB, seconds=2 * TRIED_AGAIN) == [1, 2, 1, 2, 1]
    assert counts(lambda _: 8 * MIB, seconds=TRIED_AGAIN) == [1, 2, 1]


@pytest.mark.parametrize(("count", "left"), [(1, 1), (2, 1), (4, 3)])
def test_a_failure_costs_a_connection(count: int, left: int) -> None:
    """The one that was added last goes, one always stays, and for a minute nothing is tried."""
    width = after_failure(Width(since=0.0, count=count, before=5.0), at=10.0)
    assert (width.count, width.before, width.since) == (left, None, 10.0 + TRIED_AGAIN)
    assert after_chunk(width, size=CHUNK, at=9.0 + TRIED_AGAIN) == width


@pytest.mark.parametrize(
    ("wanted", "chunk_size", "count", "most"),
    [
        ("auto", MIB // 4, 1, 4),
        ("auto", MIB // 3, 1, 3),
        ("auto", KIB, 1, 4),
        ("auto", MIB, 1, 1),
        ("auto", 64 * MIB, 1, 1),
        (1, MIB, 1, 1),
        (3, 64 * MIB, 3, 3),
    ],
)
def test_what_an_upload_begins_with(wanted: Connections, chunk_size: int, count: int, most: int) -> None:
    """One that may become more, as long as all their chunks are 1 MiB together; or as many as are wished."""
    width = begun(wanted, chunk_size=chunk_size, at=7.0)
    assert (width.count, width.most, width.since) == (count, most, 7.0)
    assert judged(wanted) == wanted


@pytest.mark.parametrize(
    ("wanted", "length", "size"),
    [
        ("auto", 1, 256 * KIB),
        ("auto", CHUNKS_AT_MOST * 256 * KIB, 256 * KIB),
        ("auto", CHUNKS_AT_MOST * 256 * KIB + 1, 320 * KIB),
        ("auto", CHUNKS_AT_MOST * 5 * MIB, 5 * MIB),
        (1, 1, MIB),
        (2, 1, MIB // 2),
        (3, 1, 320 * KIB),
        (4, 1, 256 * KIB),
        (4, CHUNKS_AT_MOST * MIB - 1, MIB),
    ],
)
def test_the_chunks_of_all_connections_are_one_mib_together(wanted: Connections, length: int, size: int) -> None:
    """However many there may be; only a file that would have more than 100,000 chunks has longer ones."""
    assert chunk_size_for(length, wanted=wanted) == size
    most = begun(wanted, chunk_size=size, at=0.0).most
    assert most * size <= AT_RISK or length > CHUNKS_AT_MOST * (AT_RISK // most) or most == 1
    assert -(-length // size) <= CHUNKS_AT_MOST


@pytest.mark.parametrize("wanted", [0, 5, -1])
def test_what_makes_no_sense(wanted: int) -> None:
    """None, and more than four."""
    with pytest.raises(ValueError, match="'auto' or a number from 1 to 4"):
        judged(wanted)
