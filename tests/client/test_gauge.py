"""What bars show: a position that never falls, and an end that is one. Tables of progress, no bar is drawn here."""

import random

import pytest

from tests.client.reports import DONE, FINALIZING, PAUSED, PREPARING, PROBING, SENDING, WAITING, at
from tusvideo_client.errors import GaveUpError
from tusvideo_client.events import Created, Failed, Finished
from tusvideo_client.gauge import Board, Gauge, Rate, Reading
from tusvideo_client.model import Progress, TransferStats, UploadResult

RESULT = UploadResult(
    url="u",
    filename="f",
    size=1,
    upload_id="i",
    upload_url="u",
    protocol="tus",
    resumed_from=0,
    restarted=False,
    stats=TransferStats(wall=0, wire_bytes=0, resent_bytes=0, requests=0, retries=0),
)


@pytest.mark.parametrize(
    ("told", "positions"),
    [
        pytest.param([at(SENDING, 0), at(SENDING, 500), at(DONE, 1000)], [0, 500, 1000], id="straight"),
        pytest.param(
            [at(SENDING, 500), at(PROBING, 200, percent=50), at(SENDING, 300, percent=50), at(SENDING, 600)],
            [500, 500, 500, 600],
            id="a cut: what was sent falls back, the bar does not",
        ),
        pytest.param([at(SENDING, 1000), at(FINALIZING, 1000), at(DONE, 1000)], [990, 990, 1000], id="all but the end"),
        pytest.param([at(DONE, 1000)], [1000], id="done at once"),
        pytest.param(
            [at(SENDING, 5, total=None), at(WAITING, 2, total=None), at(SENDING, 7, total=None)], [5, 5, 7], id="stream"
        ),
    ],
)
def test_the_position_never_falls(told: list[Progress], positions: list[int]) -> None:
    """Whatever is told, a bar goes on or stands, and reaches its end with the upload."""
    gauge = Gauge()
    readings = [gauge.read(now) for now in told]
    assert [reading.position for reading in readings] == positions
    assert [reading.is_done for reading in readings] == [now.phase is DONE for now in told]


def test_any_progress_makes_a_bar_that_rises() -> None:
    """1,000 uploads with cuts, rewinds and waits at random: no step back, and the end only at the end."""
    chance = random.Random(29)
    for _ in range(1000):
        gauge, before, percent = Gauge(), 0, 0.0
        total = chance.choice([1, 7, 1000, 2**40])
        for _ in range(chance.randrange(1, 12)):
            sent = chance.randrange(total + 1)
            percent = max(percent, min(99.9, 100 * sent / total))
            now = at(chance.choice([SENDING, PROBING, WAITING, PAUSED]), sent, total=total, percent=percent)
            assert gauge.is_of(now)
            reading = gauge.read(now)
            assert before <= reading.position < total
            before = reading.position
        assert gauge.read(at(DONE, total, total=total)).position == total


def test_a_stream_that_told_its_length_is_not_full_before_its_end() -> None:
    """All is sent, the length is known, the server's yes is not there: the total is still left open."""
    gauge = Gauge()
    gauge.read(at(SENDING, 1000, total=None))
    assert gauge.read(at(SENDING, 1000)).total is None
    assert gauge.read(at(DONE, 1000)) == Reading(position=1000, total=1000, jump=0, stored=0, note="", is_done=True)


@pytest.mark.parametrize(
    ("told", "jumps"),
    [
        ([at(PREPARING, 0), at(PROBING, 600), at(SENDING, 700), at(SENDING, 750)], [0, 600, 100, 0]),
        ([at(SENDING, 300), at(SENDING, 400), at(FINALIZING, 990), at(DONE, 1000)], [300, 0, 0, 0]),
        ([at(SENDING, 300), at(WAITING, 300), at(SENDING, 500)], [300, 0, 200]),
    ],
)
def test_what_was_found_is_no_speed(told: list[Progress], jumps: list[int]) -> None:
    """Bytes that an earlier call had stored are on the bar at once, and not counted as sent now."""
    gauge = Gauge()
    assert [gauge.read(now).jump for now in told] == jumps


@pytest.mark.parametrize(
    ("told", "rates"),
    [
        pytest.param([at(SENDING, 0), at(SENDING, 100), at(SENDING, 200)], [0, 100, 100], id="from the first second"),
        pytest.param(
            [at(PREPARING, 0), at(PROBING, 600), at(SENDING, 600), at(SENDING, 610)], [0, 0, 0, 10], id="found"
        ),
        pytest.param(
            [at(SENDING, 0), at(SENDING, 100), at(WAITING, 50), at(SENDING, 900), at(SENDING, 1000)],
            [0, 100, 100, 100, 100],
            id="a wait",
        ),
        pytest.param([at(SENDING, 0), at(SENDING, 100), at(SENDING, 50)], [0, 100, 100], id="a step back"),
        pytest.param([at(SENDING, 0), at(SENDING, 90), *[at(SENDING, 90)] * 2], [0, 90, 45, 30], id="standstill"),
    ],
)
def test_the_rate_is_that_of_sending(told: list[Progress], rates: list[float]) -> None:
    """One report a second: what was found, or changed in a wait or by a step back, is no speed; the first counts."""
    rate = Rate()
    assert [rate.read(now, at=second) for second, now in enumerate(told)] == pytest.approx(rates)


def test_the_rate_forgets() -> None:
    """A link that has become slower shows so after a few seconds; two reports at one moment are one."""
    rate = Rate()
    for second in range(60):
        rate.read(at(SENDING, second * 1000, total=10**6), at=second)
    assert rate.read(at(SENDING, 59_000, total=10**6), at=59) == pytest.approx(1000)
    rates = [rate.read(at(SENDING, 59_000 + second, total=10**6), at=59 + second) for second in range(1, 16)]
    assert rates == sorted(rates, reverse=True)
    assert 1 <= rates[-1] < 10


@pytest.mark.parametrize(
    ("now", "words"),
    [
        (at(SENDING, 5, stored=2**20), "1.0 MiB stored"),
        (
            at(WAITING, 5, waiting="no network; next try in 2.0 s"),
            "0.0 MiB stored, waiting: no network; next try in 2.0 s",
        ),
        (at(PAUSED, 5), "0.0 MiB stored, paused"),
        (at(FINALIZING, 5), "0.0 MiB stored, finalizing"),
        (at(DONE, 1000, stored=2**21), "2.0 MiB stored"),
    ],
)
def test_words(now: Progress, words: str) -> None:
    """What is stored is always told; and what is done, while nothing is sent."""
    assert Gauge().read(now).words() == words


class Drawn:
    """A bar that writes down what it is to draw."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.shown: list[int] = []
        self.ends: list[str] = []

    def show(self, now: Reading) -> None:
        """Write it down."""
        assert not self.ends
        self.shown.append(now.position)

    def close(self, note: str) -> None:
        """Write it down."""
        self.ends.append(note)


class Page:
    """A board, and the bars that it made."""

    def __init__(self) -> None:
        self.bars: list[Drawn] = []
        self.board = Board(self._make)

    def _make(self, name: str) -> Drawn:
        self.bars.append(Drawn(name))
        return self.bars[-1]

    def tell(self, *events: Progress | Created | Failed | Finished, key: str = "k") -> None:
        """Tell the board."""
        for event in events:
            self.board.tell(event, key=key, name=key)

    @property
    def state(self) -> list[tuple[str, list[int], list[str]]]:
        """What each bar was told."""
        return [(bar.name, bar.shown, bar.ends) for bar in self.bars]


def test_a_bar_for_each_upload() -> None:
    """Uploads side by side have a bar each; it is closed with the upload, once."""
    page = Page()
    page.tell(Created(url="u"), at(SENDING, 100), key="a")
    page.tell(at(SENDING, 200), key="b")
    page.tell(at(DONE, 1000), Finished(result=RESULT), key="a")
    page.tell(Failed(error=GaveUpError("no byte was stored")), key="b")
    page.tell(Failed(error=GaveUpError("before it began")), key="c")
    page.board.close()
    assert page.state == [("a", [100, 1000], [""]), ("b", [200], ["failed: no byte was stored"])]


@pytest.mark.parametrize(
    "first",
    [
        pytest.param([at(SENDING, 100), at(DONE, 1000)], id="done"),
        pytest.param([at(SENDING, 100)], id="stopped without a word, and the next has less"),
        pytest.param([at(SENDING, 0, total=999)], id="stopped without a word, and the next has another length"),
    ],
)
def test_uploads_one_after_the_other(first: list[Progress]) -> None:
    """The same callback serves the next upload too, with a bar of its own, also if the last one ended in an error."""
    page = Page()
    page.tell(*first, at(PREPARING, 0), at(SENDING, 50))
    page.board.close()
    assert [bar.shown for bar in page.bars][1:] == [[0, 50]]
    assert [len(bar.ends) for bar in page.bars] == [1, 1]


def test_per_cents_make_no_bar() -> None:
    """Who gives a bar to ``upload_video`` is told what to do instead."""
    with pytest.raises(TypeError, match="as `progress` to `upload`"):
        Page().board.tell(57, key="k", name="k")


def test_after_the_end_nothing_is_shown() -> None:
    """Close closes what is open, and what is told later makes no bar. Safe to repeat."""
    page = Page()
    page.tell(at(SENDING, 100))
    page.board.close()
    page.board.close()
    page.tell(at(SENDING, 200))
    assert page.state == [("k", [100], ["stopped"])]
