"""Where two files differ: the first and the last byte of every stretch, with few questions."""

import random

import pytest

from tusvideo_client.commands.differences import GRAIN, PIECES_AT_MOST, Difference, find

STEP = 1024 * 1024
LENGTH = 3 * STEP + 777


class Sides:
    """Two equal files in memory, one of them to be changed; counts the questions."""

    def __init__(self, length: int = LENGTH) -> None:
        self.here = bytearray(random.Random(3).randbytes(length))
        self.there = bytearray(self.here)
        self.questions = 0
        self.steps: list[int] = []

    def spoil(self, *places: int) -> None:
        """Make these bytes differ."""
        for place in places:
            self.there[place] ^= 255

    async def find(self, *, step: int = STEP) -> list[Difference]:
        """Compare the two."""
        return await find(len(self.here), is_equal=self._is_equal, step=step, on_piece=self.steps.append)

    async def _is_equal(self, start: int, end: int) -> bool:
        self.questions += 1
        assert start < end
        return self.here[start:end] == self.there[start:end]


async def test_equal_files_cost_one_question_a_step() -> None:
    """Nothing differs, nothing is halved; progress is told after each step."""
    sides = Sides()
    assert await sides.find() == []
    assert (sides.questions, sides.steps) == (4, [STEP, 2 * STEP, 3 * STEP, LENGTH])


@pytest.mark.parametrize("place", [0, 1, GRAIN - 1, GRAIN, STEP - 1, STEP, 2 * STEP + 12345, LENGTH - 1])
async def test_one_byte_is_found_exactly(place: int) -> None:
    """Wherever it lies; in about two questions a halving."""
    sides = Sides()
    sides.spoil(place)
    assert [(found.first, found.last) for found in await sides.find()] == [(place, place)]
    assert sides.questions <= 4 + 2 * 8 + 2 * 12


@pytest.mark.parametrize(
    ("places", "stretches"),
    [
        ((5, 9), [(5, 9)]),
        ((5, 5 * GRAIN), [(5, 5), (5 * GRAIN, 5 * GRAIN)]),
        ((GRAIN - 1, GRAIN), [(GRAIN - 1, GRAIN)]),
        ((7, STEP + 7, LENGTH - 1), [(7, 7), (STEP + 7, STEP + 7), (LENGTH - 1, LENGTH - 1)]),
    ],
)
async def test_stretches_are_kept_apart(places: tuple[int, ...], stretches: list[tuple[int, int]]) -> None:
    """What an equal piece lies between are two stretches; what is closer is one, with exact ends."""
    sides = Sides()
    sides.spoil(*places)
    found = await sides.find()
    assert [(difference.first, difference.last) for difference in found] == stretches
    assert {difference.grain for difference in found} == {GRAIN}


async def test_another_file_is_told_without_a_question_for_each_byte() -> None:
    """Two files that share nothing are one stretch, looked at only as closely as makes sense."""
    sides = Sides(LENGTH)
    sides.spoil(*range(LENGTH))
    (found,) = await sides.find()
    assert (found.first, found.last, found.grain > GRAIN) == (0, LENGTH - 1, True)
    assert sides.questions < 4 + 4 * PIECES_AT_MOST


async def test_small_and_empty_files() -> None:
    """Files of less than a piece are halved down to their byte; of nothing, nothing is asked."""
    for length in (1, 2, 3, 5):
        sides = Sides(length)
        sides.spoil(length - 1)
        assert [(found.first, found.last) for found in await sides.find(step=STEP)] == [(length - 1, length - 1)]
    empty = Sides(0)
    assert (await empty.find(), empty.questions) == ([], 0)
