"""The planner, as tables: a state and an event go in, the next action comes out."""

from dataclasses import replace

import pytest

from tusvideo_client.plan import after_chunk, after_tus, is_passing
from tusvideo_client.state import (
    DOCUMENTED,
    MIB,
    Action,
    Answer,
    Broken,
    Continued,
    Damaged,
    Differs,
    Event,
    Kind,
    Proceed,
    Renew,
    Restart,
    RetryPolicy,
    State,
    Step,
    Stop,
    Trouble,
    Wait,
)

POLICY = RetryPolicy()
LENGTH = 100 * MIB
NOW = 1000.0


def a_state(step: Step, **facts: object) -> State:
    """An upload of 100 MiB that began at 1000 s."""
    return replace(State(length=LENGTH, step=step, progress_at=NOW), **facts)  # type: ignore[arg-type]  # a row of a table


def said(status: int, *, at: float = NOW + 1, **facts: object) -> Answer:
    """An answer one second later."""
    return replace(Answer(at=at, status=status), **facts)  # type: ignore[arg-type]  # a row of a table


def broke(trouble: Trouble = Trouble.CUT, *, at: float = NOW + 1, moved: int = 0) -> Broken:
    """A request that ended without an answer one second later."""
    return Broken(at=at, trouble=trouble, moved=moved)


def brief(action: Action) -> tuple[object, ...]:
    """The part of an action that a table shows."""
    match action:
        case Proceed():
            return ("proceed", action.step)
        case Wait():
            return ("wait", action.step, action.least, action.most)
        case Renew():
            return ("renew", action.step)
        case Restart():
            return ("restart", action.step)
        case Stop():
            return ("stop", action.kind)


HALF = LENGTH // 2
ASK, CREATE, PROBE, SEND, FINALIZE, RECORD, DONE = Step
HURT = Damaged(at=NOW + 1, start=5, end=9)


@pytest.mark.parametrize(
    ("state", "event", "expected"),
    [
        pytest.param(a_state(CREATE), said(201), ("proceed", SEND), id="created: send"),
        pytest.param(a_state(CREATE, failures=1), said(201), ("proceed", PROBE), id="created at the second try: ask"),
        pytest.param(a_state(CREATE, length=0), said(201), ("proceed", PROBE), id="created empty: ask for the place"),
        pytest.param(a_state(CREATE, length=None), said(201), ("proceed", SEND), id="created without a length: send"),
        pytest.param(a_state(PROBE, length=None), said(200, offset=HALF), ("proceed", SEND), id="no length: go on"),
        pytest.param(a_state(SEND, length=None), said(204, offset=HALF), ("proceed", SEND), id="no length, stored"),
        pytest.param(a_state(PROBE, length=None), said(200, offset=9, length=9), ("proceed", DONE), id="told earlier"),
        pytest.param(a_state(PROBE, length=None), said(200, offset=9, length=8), ("stop", Kind.PROTOCOL), id="beyond"),
        pytest.param(
            a_state(PROBE), said(200, offset=LENGTH, deferred=True), ("proceed", SEND), id="all stored, length untold"
        ),
        pytest.param(
            a_state(SEND, offset=LENGTH, best=LENGTH), said(204, offset=LENGTH), ("proceed", DONE), id="length told"
        ),
        pytest.param(a_state(CREATE), broke(), ("wait", CREATE, 0, 0.25), id="201 lost: the same create again"),
        pytest.param(a_state(CREATE), said(500), ("wait", CREATE, 0, 0.25), id="create failed: again"),
        pytest.param(a_state(CREATE), said(413), ("stop", Kind.REJECTED), id="too large"),
        pytest.param(a_state(CREATE), said(422), ("stop", Kind.REJECTED), id="422 on create is a refusal"),
        pytest.param(a_state(PROBE), said(200, offset=0, length=LENGTH), ("proceed", SEND), id="nothing stored: send"),
        pytest.param(a_state(PROBE), said(204, offset=HALF), ("proceed", SEND), id="half stored: send the rest"),
        pytest.param(a_state(PROBE), said(200, offset=LENGTH), ("proceed", DONE), id="all stored: done"),
        pytest.param(a_state(PROBE), said(200), ("stop", Kind.PROTOCOL), id="HEAD without an offset"),
        pytest.param(a_state(PROBE), said(200, offset=LENGTH + 1), ("stop", Kind.PROTOCOL), id="offset past the end"),
        pytest.param(a_state(PROBE), said(200, offset=0, length=7), ("stop", Kind.PROTOCOL), id="another length"),
        pytest.param(a_state(PROBE), said(404), ("restart", CREATE), id="gone: a new upload"),
        pytest.param(a_state(PROBE), said(410), ("restart", CREATE), id="expired: a new upload"),
        pytest.param(a_state(PROBE, doubts=2), said(404), ("wait", PROBE, 0.5, 1.0), id="gone after a 5xx: ask again"),
        pytest.param(a_state(PROBE, restarts=3), said(404), ("stop", Kind.GONE), id="gone again and again"),
        pytest.param(a_state(PROBE), said(500), ("wait", PROBE, 0, 0.25), id="5xx on HEAD never creates anew"),
        pytest.param(a_state(PROBE), said(423), ("wait", PROBE, 0.5, 0.625), id="423 on HEAD never creates anew"),
        pytest.param(a_state(PROBE), said(401), ("stop", Kind.AUTH), id="401 on HEAD never creates anew"),
        pytest.param(a_state(SEND), said(204, offset=HALF), ("proceed", SEND), id="stored: go on"),
        pytest.param(a_state(SEND), said(204, offset=LENGTH), ("proceed", DONE), id="stored to the end: done"),
        pytest.param(a_state(SEND), said(204), ("wait", PROBE, 0, 0.25), id="204 without an offset: ask"),
        pytest.param(a_state(SEND), said(204, offset=0), ("wait", PROBE, 0, 0.25), id="204 and nothing stored"),
        pytest.param(a_state(SEND), broke(), ("wait", PROBE, 0, 0.25), id="cut: ask, never send blindly"),
        pytest.param(a_state(SEND), broke(Trouble.STALLED), ("wait", PROBE, 0, 0.25), id="stalled: ask"),
        pytest.param(a_state(SEND), said(409, offset=HALF), ("proceed", SEND), id="409 ahead of us: skip"),
        pytest.param(a_state(SEND), said(409, offset=LENGTH), ("proceed", DONE), id="409 at the end: done"),
        pytest.param(a_state(SEND), said(409), ("wait", PROBE, 0, 0.25), id="409 without an offset: ask"),
        pytest.param(a_state(SEND), said(409, offset=0), ("wait", PROBE, 0, 0.25), id="409 at our own offset: ask"),
        pytest.param(
            a_state(SEND, offset=HALF, best=HALF),
            said(409, offset=9),
            ("wait", SEND, 0, 0.25),
            id="409 behind us: rewind",
        ),
        pytest.param(
            a_state(SEND, offset=HALF, best=HALF, progress_at=0.0),
            said(409, offset=9),
            ("stop", Kind.GAVE_UP),
            id="409 behind us, out of patience",
        ),
        pytest.param(a_state(SEND), said(409, offset=LENGTH + 1), ("stop", Kind.PROTOCOL), id="409 past the end"),
        pytest.param(a_state(SEND), said(404), ("wait", PROBE, 0, 0.25), id="404 on PATCH: ask before believing it"),
        pytest.param(a_state(SEND), said(460), ("stop", Kind.INTEGRITY), id="460"),
        pytest.param(a_state(SEND), said(413, asked=2**16), ("stop", Kind.REJECTED), id="413 for the smallest piece"),
        pytest.param(a_state(SEND), said(413, asked=2**17), ("proceed", PROBE), id="413 on PATCH: ask, then halve it"),
        pytest.param(a_state(SEND), Differs(at=NOW), ("restart", CREATE), id="other bytes are stored: a new upload"),
        pytest.param(a_state(SEND, restarts=3), Differs(at=NOW), ("stop", Kind.INTEGRITY), id="other bytes each time"),
        pytest.param(
            a_state(SEND), said(460, is_damaged=True), ("wait", PROBE, 0, 0.25), id="a damaged piece goes again"
        ),
        pytest.param(
            a_state(SEND, repeats=3), said(460, is_damaged=True), ("stop", Kind.DAMAGED), id="a piece damaged each time"
        ),
        pytest.param(a_state(SEND), HURT, ("restart", CREATE), id="damage is stored: a new upload"),
        pytest.param(a_state(SEND, restarts=5, damages=1), HURT, ("restart", CREATE), id="damage is stored again"),
        pytest.param(a_state(SEND, damages=2), HURT, ("stop", Kind.DAMAGED), id="damage is stored each time"),
        pytest.param(a_state(SEND), Continued(at=NOW), ("proceed", PROBE), id="a pause broke it off: ask"),
        pytest.param(a_state(RECORD), said(201), ("proceed", DONE), id="record made"),
        pytest.param(a_state(SEND), broke(Trouble.UNTRUSTED), ("stop", Kind.UNTRUSTED), id="bad certificate"),
    ],
)
def test_tus_table(state: State, event: Event, expected: tuple[object, ...]) -> None:
    """Every kind of answer to every kind of tus request has exactly one consequence."""
    after, action = after_tus(state, POLICY, event)
    assert brief(action) == expected
    assert isinstance(action, Stop) or after.step is action.step


@pytest.mark.parametrize(
    ("state", "event", "expected"),
    [
        pytest.param(a_state(ASK), said(204), ("proceed", CREATE), id="OPTIONS answered"),
        pytest.param(a_state(ASK), said(404), ("proceed", CREATE), id="OPTIONS refused is an answer too"),
        pytest.param(a_state(ASK), said(403), ("proceed", CREATE), id="OPTIONS forbidden as well"),
        pytest.param(a_state(ASK), said(401), ("stop", Kind.AUTH), id="OPTIONS wants another token"),
        pytest.param(a_state(ASK), said(503), ("wait", ASK, 0, 0.25), id="OPTIONS failed: again"),
        pytest.param(a_state(ASK), broke(), ("wait", ASK, 0, 0.25), id="OPTIONS lost: again"),
        pytest.param(a_state(CREATE), said(201, is_complete=False), ("proceed", SEND), id="created: send"),
        pytest.param(a_state(CREATE), said(422, is_complete=True), ("stop", Kind.REJECTED), id="creation refused"),
        pytest.param(a_state(PROBE), said(204, offset=0, is_complete=False), ("proceed", SEND), id="nothing stored"),
        pytest.param(
            a_state(PROBE), said(204, offset=LENGTH, is_complete=False), ("proceed", SEND), id="all stored, unfinished"
        ),
        pytest.param(a_state(PROBE), said(204, offset=LENGTH, is_complete=True), ("proceed", DONE), id="finished"),
        pytest.param(
            a_state(PROBE), said(204, offset=HALF, is_complete=True), ("stop", Kind.PROTOCOL), id="finished too early"
        ),
        pytest.param(
            a_state(PROBE), said(204, length=HALF, is_complete=True), ("stop", Kind.PROTOCOL), id="finished otherwise"
        ),
        pytest.param(a_state(PROBE), said(503, is_complete=False), ("wait", PROBE, 0, 0.25), id="passing trouble"),
        pytest.param(a_state(SEND), said(204, offset=HALF, is_complete=False), ("proceed", SEND), id="part stored"),
        pytest.param(a_state(SEND), said(201, is_complete=True), ("proceed", DONE), id="the target's answer"),
        pytest.param(
            a_state(SEND, offset=LENGTH, best=LENGTH), said(201, is_complete=True), ("proceed", DONE), id="said so"
        ),
        pytest.param(
            a_state(SEND, offset=LENGTH, best=LENGTH),
            said(204, offset=LENGTH, is_complete=False),
            ("wait", PROBE, 0, 0.25),
            id="all stored, and still not finished: ask",
        ),
        pytest.param(a_state(SEND), said(415, is_complete=True), ("stop", Kind.REJECTED), id="the whole is refused"),
        pytest.param(a_state(SEND), said(503, is_complete=True), ("stop", Kind.REJECTED), id="its processing failed"),
        pytest.param(a_state(SEND), said(409, offset=HALF, is_complete=False), ("proceed", SEND), id="409 ahead of us"),
        pytest.param(
            a_state(SEND), said(400, is_complete=False, is_disputed=True), ("wait", PROBE, 0, 0.25), id="disputed: ask"
        ),
        pytest.param(a_state(SEND), said(400, is_complete=False), ("stop", Kind.REJECTED), id="inconsistent length"),
    ],
)
def test_table_of_the_draft(state: State, event: Event, expected: tuple[object, ...]) -> None:
    """The IETF draft leaves the end to its own field: all bytes are not the end, and a last word is not repeated."""
    after, action = after_tus(state, POLICY, event)
    assert brief(action) == expected
    assert isinstance(action, Stop) or after.step is action.step


@pytest.mark.parametrize(
    ("state", "event", "expected"),
    [
        pytest.param(a_state(SEND), Continued(at=NOW), ("proceed", PROBE), id="a pause broke it off: ask"),
        pytest.param(a_state(PROBE), said(200, offset=HALF, left=3), ("proceed", SEND), id="chunks left: send"),
        pytest.param(a_state(PROBE), said(200, offset=LENGTH), ("proceed", FINALIZE), id="all there: finalize"),
        pytest.param(a_state(PROBE), said(404, left=9), ("proceed", SEND), id="nothing there, nothing expected: send"),
        pytest.param(a_state(PROBE, best=1), said(404, left=9), ("restart", SEND), id="gone: a new upload"),
        pytest.param(a_state(PROBE, best=1), said(410, left=9), ("restart", SEND), id="expired: a new upload"),
        pytest.param(a_state(PROBE, best=1, doubts=1), said(404), ("wait", PROBE, 0.5, 1.0), id="gone after a 5xx"),
        pytest.param(a_state(SEND), said(200, offset=9, left=2), ("proceed", SEND), id="stored: the next one"),
        pytest.param(a_state(SEND), said(200, left=2), ("proceed", SEND), id="stored, no offset in the answer"),
        pytest.param(a_state(SEND), said(200, offset=LENGTH), ("proceed", FINALIZE), id="the last one: finalize"),
        pytest.param(a_state(SEND), broke(), ("wait", PROBE, 0, 0.25), id="cut: HEAD before the chunk goes again"),
        pytest.param(a_state(SEND), said(409, left=1), ("restart", SEND), id="other bytes there: a new upload"),
        pytest.param(a_state(SEND, restarts=1), said(409), ("stop", Kind.REJECTED), id="other bytes there again"),
        pytest.param(a_state(SEND), said(422), ("wait", PROBE, 0, 0.25), id="damaged on the way: again"),
        pytest.param(a_state(SEND, repeats=3), said(422), ("stop", Kind.DAMAGED), id="damaged every time"),
        pytest.param(a_state(SEND), said(415), ("stop", Kind.REJECTED), id="wrong type"),
        pytest.param(a_state(SEND), said(413, asked=2**20), ("stop", Kind.REJECTED), id="413: no chunk can be shorter"),
        pytest.param(a_state(SEND), Differs(at=NOW), ("restart", SEND), id="other bytes are stored: a new upload"),
        pytest.param(a_state(SEND), HURT, ("restart", SEND), id="other bytes, whoever says so"),
        pytest.param(a_state(SEND), said(403), ("stop", Kind.REJECTED), id="quota"),
        pytest.param(a_state(FINALIZE), said(200), ("proceed", DONE), id="finalized"),
        pytest.param(a_state(FINALIZE), broke(), ("wait", FINALIZE, 0, 0.25), id="answer lost: ask again"),
        pytest.param(a_state(FINALIZE), said(409, left=2), ("proceed", SEND), id="chunks missing: send them"),
        pytest.param(a_state(FINALIZE, repeats=3), said(409, left=2), ("stop", Kind.REJECTED), id="missing every time"),
        pytest.param(a_state(FINALIZE), said(409), ("stop", Kind.REJECTED), id="409 that names nothing missing"),
        pytest.param(a_state(FINALIZE), said(422), ("stop", Kind.INTEGRITY), id="the whole differs"),
        pytest.param(a_state(FINALIZE), said(404), ("restart", SEND), id="gone before finalize"),
        pytest.param(a_state(RECORD), said(201), ("proceed", DONE), id="record made"),
        pytest.param(a_state(RECORD), said(400), ("stop", Kind.REJECTED), id="title refused"),
    ],
)
def test_chunk_table(state: State, event: Event, expected: tuple[object, ...]) -> None:
    """Every kind of answer to every kind of chunk request has exactly one consequence."""
    after, action = after_chunk(state, POLICY, event)
    assert brief(action) == expected
    assert isinstance(action, Stop) or after.step is action.step


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (301, Kind.PROTOCOL),
        (307, Kind.PROTOCOL),
        (400, Kind.REJECTED),
        (401, Kind.AUTH),
        (403, Kind.REJECTED),
        (412, Kind.REJECTED),
        (415, Kind.REJECTED),
        (422, Kind.INTEGRITY),
        (501, Kind.REJECTED),
        (505, Kind.REJECTED),
        (507, Kind.REJECTED),
    ],
)
def test_what_never_helps_to_repeat_is_final(status: int, kind: Kind) -> None:
    """Refusals, redirects and a full disk end the upload at once; the journal stays."""
    assert brief(after_tus(a_state(SEND), POLICY, said(status))[1]) == ("stop", kind)


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503, 504, 520])
@pytest.mark.parametrize("step", [CREATE, PROBE, SEND])
def test_what_may_pass_is_tried_again(status: int, step: Step) -> None:
    """A passing trouble leads to the same question again, or to HEAD if bytes were under way."""
    action = after_tus(a_state(step), POLICY, said(status))[1]
    assert brief(action) == ("wait", PROBE if step is SEND else step, 0, 0.25)


def test_waits_double_up_to_the_cap() -> None:
    """The spread of the wait doubles with every failure in a row; the first retry comes within 250 ms."""
    state, most = a_state(PROBE), []
    for _ in range(10):
        state, action = after_tus(state, POLICY, said(500))
        assert isinstance(action, Wait)
        most.append(action.most)
    assert most[:8] == [0.25, 0.5, 1, 2, 4, 8, 16, 30]
    assert most[8:] == [30, 30]


def test_an_empty_budget_slows_the_pace() -> None:
    """Eight failures without stored bytes empty the budget; from then on the wait is long for certain."""
    state = a_state(PROBE)
    for _ in range(7):
        state, _ = after_tus(state, POLICY, said(500))
    assert brief(after_tus(state, POLICY, said(500))[1]) == ("wait", PROBE, 15, 30)


def test_stored_bytes_refill_the_budget() -> None:
    """Each stored MiB buys one failure back, and the failure before it is forgiven."""
    state = a_state(PROBE, failures=3, spent=5.0)
    after, _ = after_tus(state, POLICY, said(200, offset=2 * MIB))
    assert (after.failures, after.spent) == (0, 2.0)


def test_a_hundredth_of_a_small_file_refills_as_much_as_a_mebibyte() -> None:
    """In a small file the price of a failure is one per cent."""
    state = a_state(PROBE, length=1000, failures=1, spent=5.0)
    after, _ = after_tus(state, POLICY, said(200, offset=20))
    assert after.spent == 2.0


def test_a_stored_piece_makes_damage_before_it_forgotten() -> None:
    """Only the same piece again and again says that the link is hopeless."""
    state, _ = after_tus(a_state(SEND, repeats=3), POLICY, said(204, offset=HALF))
    assert state.repeats == 0


def test_damage_costs_what_was_stored() -> None:
    """The new upload begins at the first byte, and the damage is remembered."""
    state, action = after_tus(a_state(SEND, offset=HALF, best=HALF), POLICY, HURT)
    assert (state.offset, state.best, state.damages, state.restarts) == (0, 0, 1, 1)
    assert isinstance(action, Restart)
    assert "from 5 to 9" in action.why


def test_bytes_that_were_stored_before_are_no_progress() -> None:
    """A server that loses bytes and takes them again does not refill the budget."""
    state = a_state(SEND, offset=10, best=HALF, failures=2, spent=2.0)
    after, _ = after_tus(state, POLICY, said(204, offset=HALF))
    assert (after.offset, after.failures, after.spent) == (HALF, 2, 2.0)


def test_a_step_back_of_the_server_is_counted() -> None:
    """An offset below ours is believed, and counted as a rewind."""
    after, action = after_tus(a_state(PROBE, offset=HALF, best=HALF), POLICY, said(200, offset=HALF - 5))
    assert (after.offset, after.best, after.rewinds, brief(action)) == (HALF - 5, HALF, 1, ("proceed", SEND))


def test_no_stored_byte_for_fifteen_minutes_ends_it() -> None:
    """Patience is measured from the last stored byte."""
    assert brief(after_tus(a_state(PROBE), POLICY, said(500, at=NOW + 899))[1])[0] == "wait"
    assert brief(after_tus(a_state(PROBE), POLICY, said(500, at=NOW + 900))[1]) == ("stop", Kind.GAVE_UP)


def test_endless_patience() -> None:
    """Without a limit nothing that may pass ends the upload."""
    forever = RetryPolicy(no_progress=None, max_offline=None)
    assert brief(after_tus(a_state(PROBE), forever, said(500, at=NOW + 1e6))[1])[0] == "wait"
    offline = a_state(PROBE, offline_since=NOW)
    assert brief(after_tus(offline, forever, broke(Trouble.UNREACHABLE, at=NOW + 1e6))[1])[0] == "wait"


def test_a_long_request_that_moved_bytes_may_ask_what_came_of_it() -> None:
    """A cut after an hour of sending is not an hour without progress; but only HEAD tells what it was worth."""
    state, action = after_tus(a_state(SEND), POLICY, broke(at=NOW + 3600, moved=MIB))
    assert brief(action) == ("wait", PROBE, 0, 0.25)
    state, action = after_tus(replace(state, step=SEND), POLICY, broke(at=NOW + 3600 + 900, moved=MIB))
    assert brief(action) == ("stop", Kind.GAVE_UP)


@pytest.mark.parametrize(
    ("lasted", "pause"), [(0, 2), (119, 2), (120, 5), (599, 5), (600, 15), (3599, 15)], ids=lambda value: f"{value}s"
)
def test_being_offline_has_a_pace_of_its_own(lasted: float, pause: float) -> None:
    """A new connection is tried every 2 s for two minutes, then less often; it costs no budget."""
    state = a_state(PROBE, offline_since=NOW)
    after, action = after_tus(state, POLICY, broke(Trouble.UNREACHABLE, at=NOW + lasted))
    assert brief(action) == ("wait", PROBE, pause, pause)
    assert (after.failures, after.spent) == (0, 0)


@pytest.mark.parametrize(("lasted", "pause"), [(0.0, 2.0), (0.5, 1.5), (2.0, 0.0), (10.0, 0.0)])
def test_tries_begin_two_seconds_apart(lasted: float, pause: float) -> None:
    """What a try took is part of the pause after it; a change of the network ends the pause."""
    _, action = after_tus(a_state(PROBE), POLICY, Broken(at=NOW, trouble=Trouble.UNREACHABLE, lasted=lasted))
    assert action == Wait(step=PROBE, least=pause, most=pause, why=Trouble.UNREACHABLE, wakes=True)


def test_a_piece_that_is_too_large_is_halved_and_stays_so() -> None:
    """The ceiling is remembered for the rest of the upload, and never below the smallest piece."""
    state, _ = after_tus(a_state(SEND), POLICY, said(413, asked=64 * MIB))
    assert state.ceiling == 32 * MIB
    state, _ = after_tus(replace(state, step=SEND), POLICY, said(413, asked=100_000))
    assert state.ceiling == 64 * 1024


@pytest.mark.parametrize(("status", "passes"), [(200, False), (401, True), (404, False), (423, True), (503, True)])
def test_which_answers_say_nothing_but_to_ask_again(status: int, passes: bool) -> None:
    """A question beside the upload is asked again after these, and else taken as answered."""
    assert is_passing(said(status)) is passes


def test_time_offline_is_counted() -> None:
    """The seconds out of reach add up over the outages of an upload."""
    state = a_state(PROBE, offline_since=NOW, offline=5.0)
    state, _ = after_tus(state, POLICY, said(200, at=NOW + 7, offset=0))
    assert state.offline == 12.0


def test_being_offline_has_a_clock_of_its_own() -> None:
    """After an hour offline the upload gives up; the time offline does not count as time without progress."""
    state, _ = after_tus(a_state(PROBE), POLICY, broke(Trouble.UNREACHABLE, at=NOW + 10))
    assert state.offline_since == NOW + 10
    state, action = after_tus(state, POLICY, broke(Trouble.UNREACHABLE, at=NOW + 3609))
    assert isinstance(action, Wait)
    assert brief(after_tus(state, POLICY, broke(Trouble.UNREACHABLE, at=NOW + 3610))[1]) == ("stop", Kind.GAVE_UP)
    state, action = after_tus(state, POLICY, said(500, at=NOW + 3610))
    assert isinstance(action, Wait)
    assert (state.offline_since, state.progress_at) == (None, NOW + 3600)


def test_an_outage_makes_a_404_doubtful() -> None:
    """A 404 right after the server was away is asked twice more before the upload is given up for lost."""
    state, _ = after_tus(a_state(PROBE), POLICY, broke(Trouble.UNREACHABLE))
    steps = []
    for _ in range(3):
        state, action = after_tus(state, POLICY, said(404))
        steps.append(brief(action)[0])
    assert steps == ["wait", "wait", "restart"]


@pytest.mark.parametrize(
    ("count", "retry_after", "least", "most"),
    [(0, None, 0.5, 0.625), (1, None, 1, 1.25), (2, None, 2, 2.5), (9, None, 10, 12.5), (0, 7.0, 7, 8.75)],
)
def test_an_upload_that_is_held_is_asked_for_patiently(
    count: int, retry_after: float | None, least: float, most: float
) -> None:
    """423 doubles its wait from 0.5 s to 10 s, or obeys Retry-After, and costs no budget."""
    after, action = after_tus(a_state(PROBE, busy=count), POLICY, said(423, retry_after=retry_after))
    assert brief(action) == ("wait", PROBE, least, most)
    assert after.spent == 0


def test_an_upload_that_stays_held_ends_it() -> None:
    """After five minutes of 423 the upload gives up."""
    state = a_state(PROBE, busy_since=NOW)
    assert brief(after_tus(state, POLICY, said(423, at=NOW + 300))[1]) == ("stop", Kind.GAVE_UP)


@pytest.mark.parametrize("status", [429, 503])
def test_retry_after_is_obeyed(status: int) -> None:
    """The server's own wish is the least wait, and costs no budget."""
    after, action = after_tus(a_state(SEND), POLICY, said(status, retry_after=20.0))
    assert brief(action) == ("wait", PROBE, 20, 22.25)
    assert (after.spent, after.doubts) == (0, 2)


def test_a_retry_after_beyond_patience_ends_it_at_once() -> None:
    """Nobody waits for an hour to give up then."""
    assert brief(after_tus(a_state(SEND), POLICY, said(503, retry_after=3600.0))[1]) == ("stop", Kind.GAVE_UP)


@pytest.mark.parametrize(("status", "kind"), [(401, Kind.AUTH), (403, Kind.REJECTED)])
def test_a_fresh_token_is_tried_once(status: int, kind: Kind) -> None:
    """A refused token is renewed once; a refused fresh one is final, until some answer was good."""
    state, action = after_tus(a_state(SEND), POLICY, said(status, renewable=True))
    assert isinstance(action, Renew)
    assert (action.step, action.otherwise.kind) == (PROBE, kind)
    again, action = after_tus(state, POLICY, said(status, renewable=True))
    assert isinstance(action, Stop)
    good, _ = after_tus(state, POLICY, said(200, offset=5))
    assert not good.renewed
    assert again.renewed


@pytest.mark.parametrize("event", [broke(), broke(Trouble.UNREACHABLE), broke(Trouble.STALLED), said(500), said(503)])
def test_the_documented_figures(event: Event) -> None:
    """Three retries, 1, 2 and 4 seconds apart, whatever went wrong, then the end."""
    state, waits = a_state(SEND), []
    for _ in range(3):
        state, action = after_chunk(state, DOCUMENTED, event)
        assert isinstance(action, Wait)
        waits.append((action.least, action.most))
        state = replace(state, step=SEND)
    assert waits == [(1, 1), (2, 2), (4, 4)]
    assert brief(after_chunk(state, DOCUMENTED, event)[1]) == ("stop", Kind.GAVE_UP)


def test_the_documented_figures_count_from_the_last_stored_chunk() -> None:
    """A stored chunk refills the retries."""
    state = a_state(SEND, failures=3)
    state, _ = after_chunk(state, DOCUMENTED, said(200, offset=MIB, left=3))
    assert brief(after_chunk(state, DOCUMENTED, broke())[1]) == ("wait", PROBE, 1, 1)


def test_the_documented_figures_yield_to_a_longer_retry_after() -> None:
    """A server that asks for five seconds gets five seconds; it is still one of three retries."""
    state, action = after_chunk(a_state(SEND), DOCUMENTED, said(503, retry_after=5.0))
    assert brief(action) == ("wait", PROBE, 5, 5)
    assert state.failures == 1
    spent = a_state(SEND, failures=3)
    assert brief(after_chunk(spent, DOCUMENTED, said(503, retry_after=5.0))[1]) == ("stop", Kind.GAVE_UP)
