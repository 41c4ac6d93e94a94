"""When the server for tests fails: at exact bytes and at requests, as a table; no server runs here."""

import sys
from http import HTTPStatus

import pytest

from tusvideo_client.testing.faults import Fault, Kind, Plan


def due_at(plan: Plan, total: int) -> list[tuple[int, Kind]]:
    """Let so many bytes come, as far as there is room each time; gives where which fault was due."""
    found: list[tuple[int, Kind]] = []
    came = 0
    while True:
        while fault := plan.due():
            found.append((came, fault.kind))
            fault.happen()
        if came == total:
            return found
        size = min(plan.room, total - came)
        plan.count(size)
        came += size


@pytest.mark.parametrize(
    ("faults", "expected"),
    [
        ([], []),
        ([Fault(kind=Kind.CUT, after_bytes=10)], [(10, Kind.CUT)]),
        ([Fault(kind=Kind.CUT, after_bytes=0)], [(0, Kind.CUT)]),
        ([Fault(kind=Kind.CUT, after_bytes=30)], [(30, Kind.CUT)]),
        ([Fault(kind=Kind.CUT, after_bytes=31)], []),
        ([Fault(kind=Kind.CUT, after_bytes=10, times=2)], [(10, Kind.CUT), (20, Kind.CUT)]),
        (
            [Fault(kind=Kind.CUT, after_bytes=20), Fault(kind=Kind.SILENCE, after_bytes=5)],
            [(5, Kind.SILENCE), (20, Kind.CUT)],
        ),
        (
            [Fault(kind=Kind.DOWN, after_bytes=5), Fault(kind=Kind.CUT, after_bytes=5)],
            [(5, Kind.DOWN), (5, Kind.CUT)],
        ),
        ([Fault(kind=Kind.REFUSE, status=503), Fault(kind=Kind.LOSE, step="append")], []),
    ],
)
def test_bytes(faults: list[Fault], expected: list[tuple[int, Kind]]) -> None:
    """A fault is due at its byte, counted from when it last happened; of two at one byte the first told comes first."""
    plan = Plan()
    for fault in faults:
        assert plan.add(fault) is fault
    assert due_at(plan, 30) == expected
    assert len(plan.pending) == sum(fault.times for fault in faults) - len(expected)


def test_room_is_endless_without_a_fault() -> None:
    """Where nothing waits for a byte, as many as wanted may come."""
    assert Plan().room == sys.maxsize


@pytest.mark.parametrize(
    ("told", "asked", "expected"),
    [(None, "append", True), (None, None, True), ("append", "append", True), ("append", "offset", False)],
)
def test_requests(told: str | None, asked: str | None, expected: bool) -> None:
    """A fault that names a step waits for it; one that names none takes the next request."""
    plan = Plan()
    fault = plan.add(Fault(kind=Kind.REFUSE, status=500, step=told))  # type: ignore[arg-type]  # a row of the table
    assert plan.at_request(Kind.LOSE, asked) is None  # type: ignore[arg-type]  # as above
    found = plan.at_request(Kind.REFUSE, asked)  # type: ignore[arg-type]  # as above
    assert (found is fault) is expected
    fault.happen()
    assert plan.at_request(Kind.REFUSE, asked) is None  # type: ignore[arg-type]  # as above


@pytest.mark.parametrize(
    ("at", "start", "end", "expected"),
    [(0, 0, 3, True), (2, 0, 3, True), (3, 0, 3, False), (11, 10, 13, True), (9, 10, 13, False)],
)
def test_flipped_bits(at: int, start: int, end: int, expected: bool) -> None:
    """A bit is flipped when its byte comes, and only once."""
    plan = Plan()
    fault = plan.add(Fault(kind=Kind.FLIP, at=at))
    plan.add(Fault(kind=Kind.CUT, after_bytes=99))
    assert (plan.at_bytes(start, end) == [fault]) is expected
    fault.happen()
    assert plan.at_bytes(start, end) == []


def test_what_is_cleared_never_happens() -> None:
    """After clear nothing is pending; what happened before stays written down."""
    plan = Plan()
    fault = plan.add(Fault(kind=Kind.CUT, after_bytes=1, times=3))
    fault.happen()
    plan.clear()
    assert plan.pending == []
    assert plan.due() is None
    assert fault.happened == 1


def test_waiting_for_a_fault() -> None:
    """It returns at once after the fault happened, and says what did not happen."""
    fault = Fault(kind=Kind.SILENCE, after_bytes=7)
    with pytest.raises(TimeoutError, match="silence after 7 bytes has not happened within 0"):
        fault.wait(timeout=0)
    fault.happen()
    fault.wait(timeout=0)


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (Fault(kind=Kind.CUT, after_bytes=5, times=2), "connection cut after 5 bytes 0/2 times"),
        (Fault(kind=Kind.REFUSE, status=503, step="append"), "refusal with 503 (append)"),
        (Fault(kind=Kind.REFUSE, status=HTTPStatus.SERVICE_UNAVAILABLE), "refusal with 503"),
        (Fault(kind=Kind.FLIP, at=9), "bit flipped in byte 9"),
        (Fault(kind=Kind.LOSE, step="create"), "answer lost (create)"),
    ],
)
def test_words(fault: Fault, words: str) -> None:
    """A fault is spoken of as it was told."""
    assert str(fault) == words


@pytest.mark.parametrize("wrong", [{"times": 0}, {"after_bytes": -1}, {"at": -1}, {"retry_after": -1}, {"seconds": -1}])
def test_what_cannot_happen_is_refused(wrong: dict[str, int]) -> None:
    """A negative byte or no time at all is the test's mistake."""
    with pytest.raises(ValueError, match=f"{next(iter(wrong))} must be at least"):
        Fault(kind=Kind.CUT, **wrong)  # type: ignore[arg-type]  # a row of the table


@pytest.mark.parametrize("status", [0, 99, 100, 200, 204, 304, 307, 399, 600, 700, -503, True, "503", 503.0, None])
def test_a_status_that_refuses_nothing_is_refused(status: object) -> None:
    """A test server that is told to refuse with 200 would prove nothing; the sentence names what is allowed."""
    with pytest.raises(ValueError, match=f"refusal: status must be 400 to 599, not {status!r}"):
        Fault(kind=Kind.REFUSE, status=status)  # type: ignore[arg-type]  # a row of the table
    Fault(kind=Kind.REFUSE, status=400)
    Fault(kind=Kind.REFUSE, status=599)


@pytest.mark.parametrize("status", [status for status in HTTPStatus if status >= 400])
def test_a_status_may_be_told_by_its_name(status: HTTPStatus) -> None:
    """A member of HTTPStatus is the number, and is spoken of as that."""
    named, numbered = (Fault(kind=Kind.REFUSE, status=told) for told in (status, int(status)))
    assert (type(named.status), named.status) == (int, int(status))
    assert (str(named), repr(named)) == (str(numbered), repr(numbered))


def test_a_request_that_nobody_makes_is_refused() -> None:
    """A fault that waits for a misspelt request would never happen, and the test would prove nothing."""
    with pytest.raises(ValueError, match=r"answer lost: step must be one of options, create, .* not 'creation'"):
        Fault(kind=Kind.LOSE, step="creation")  # type: ignore[arg-type]  # what a type checker would find
