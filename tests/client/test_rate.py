"""Rates over the day, and whose turn it is: pure, so every branch is a row."""

import pytest

from tusvideo_client.rate import LARGEST_GRAIN, SLACK, Bucket, constant, grain_of, parse_timetable, take

KIB, MIB, GIB = 1024, 1024**2, 1024**3


def at(clock: str) -> int:
    """The minute of the day."""
    hour, minute = clock.split(":")
    return int(hour) * 60 + int(minute)


NIGHT = "22:00-06:00 unlimited, 512k"
DAYS = "08:00-12:00 1M,12:00-13:00 unlimited,13:00-24:00 100k,2M"


@pytest.mark.parametrize(
    ("text", "clock", "rate"),
    [
        ("512k", "12:00", 512 * KIB),
        ("unlimited", "12:00", None),
        ("UNLIMITED", "12:00", None),
        ("2048", "00:00", 2048),
        ("1.5M", "23:59", 1.5 * MIB),
        ("1G", "12:00", GIB),
        (NIGHT, "21:59", 512 * KIB),
        (NIGHT, "22:00", None),
        (NIGHT, "00:00", None),
        (NIGHT, "05:59", None),
        (NIGHT, "06:00", 512 * KIB),
        (DAYS, "07:59", 2 * MIB),
        (DAYS, "08:00", MIB),
        (DAYS, "12:30", None),
        (DAYS, "13:00", 100 * KIB),
        (DAYS, "23:59", 100 * KIB),
        (DAYS, "00:00", 2 * MIB),
        ("9:00 - 17:00 1M", "08:59", None),
        ("9:00 - 17:00 1M", "09:00", MIB),
        ("9:00-17:00 1M, 9:00-18:00 2M", "10:00", MIB),
        ("9:00-17:00 1M, 9:00-18:00 2M", "17:00", 2 * MIB),
    ],
)
def test_the_first_entry_that_holds_counts(text: str, clock: str, rate: float | None) -> None:
    """Beginnings belong to their entry, ends do not; an earlier end is of the next day; outside there is no limit."""
    assert parse_timetable(text).rate_at(at(clock)) == rate


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("", "'' is not understood"),
        ("512k,", "'' would never hold"),
        ("512k, 22:00-06:00 unlimited", "would never hold"),
        ("00:00-24:00 1M, 2M", "would never hold"),
        ("fast", "rate 'fast' is not understood"),
        ("-5k", "rate '-5k' is not understood"),
        ("1e9", "rate '1e9' is not understood"),
        ("22:00 1M", "is not understood"),
        ("22:00-06:00", "is not understood"),
        ("22:00-06:00 1M 2M", "is not understood"),
        ("22:60-06:00 1M", "22:60 is no time of day"),
        ("24:01-06:00 1M", "24:01 is no time of day"),
        ("99:00-06:00 1M", "99:00 is no time of day"),
        ("06:00-06:00 1M", "names no time"),
        ("24:00-06:00 1M", "names no time"),
        ("1023", "too low: expected at least 1k"),
        ("0", "too low"),
    ],
)
def test_what_means_nothing_is_refused(text: str, match: str) -> None:
    """The error names the part that is wrong and what was expected."""
    with pytest.raises(ValueError, match=match):
        parse_timetable(text)


def test_a_number_is_a_rate_all_day() -> None:
    """As bytes a second, not below the lowest."""
    assert constant(4096).rate_at(at("12:00")) == 4096
    with pytest.raises(ValueError, match="'12' is too low"):
        constant(12)


def test_turns_are_given_in_the_order_of_the_calls() -> None:
    """Each speaks for its bytes, and the next comes after them."""
    bucket, pauses = Bucket(free_at=0.0), []
    for _ in range(4):
        bucket, pause = take(bucket, size=100, rate=1000.0, at=0.0)
        pauses.append(round(pause, 6))
    assert pauses == [0.0, 0.1, 0.2, 0.3]


@pytest.mark.parametrize(("late", "saved"), [(0.0, 0.0), (SLACK / 2, SLACK / 2), (SLACK, SLACK), (1000.0, SLACK)])
def test_a_little_may_be_saved_up_and_no_more(late: float, saved: float) -> None:
    """Who comes late gets back a quarter of a second at most."""
    bucket, pause = take(Bucket(free_at=5.0), size=100, rate=1000.0, at=5.0 + late)
    assert pause == 0.0
    assert bucket.free_at == pytest.approx(5.0 + late - saved + 0.1)


@pytest.mark.parametrize(
    ("rate", "grain"), [(1024, 32), (1, 32), (100 * KIB, 4096), (MIB, 32 * KIB), (100 * MIB, LARGEST_GRAIN)]
)
def test_what_takes_a_turn_is_small(rate: float, grain: int) -> None:
    """At most a twentieth of a second's worth, within bounds."""
    assert grain_of(rate) == grain
