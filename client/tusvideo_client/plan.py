"""What to do next: a state and an event go in, the next state and one action come out.

Pure: no clock (events carry the time), no chance (waits are ranges, the driver draws), no I/O. Two planners, one
for each protocol, share one judgement of refusals and failures:

- a failure costs one unit of a budget, stored bytes refill it; an empty budget slows the pace to ``RetryPolicy.cap``;
- failures in a row without a stored byte spread the waits (full jitter), the first retry
  comes within ``RetryPolicy.base``;
- being offline runs on a clock of its own, and so does an upload that another request holds;
- nothing but a confirmed 404 or 410 ever leads to a new upload: a 401, a 423 or a 5xx costs time, never progress.
"""

from dataclasses import replace
from http import HTTPStatus

from .state import (
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

OFFLINE_PACE = ((120.0, 2.0), (600.0, 5.0), (float("inf"), 15.0))
BUSY_FIRST, BUSY_CAP = 0.5, 10.0
RESTARTS, REPEATS, DAMAGES = 3, 3, 2
SMALLEST_PIECE = 64 * 1024

CHECKSUM_MISMATCH = 460
MAY_NEED_A_FRESH_TOKEN = {401, 403}
MAY_CARRY_RETRY_AFTER = {429, 503}
FINAL_SERVER_ERRORS = {501, 505, 507}
PASSING = {408, 423, 425, 429, *range(500, 600)} - FINAL_SERVER_ERRORS

Decision = tuple[State, Action]


def after_tus(state: State, policy: RetryPolicy, event: Event) -> Decision:
    """What follows an event of an upload with an address of its own, over tus or over the IETF draft.

    Spec: tus 1.0.0 § Core Protocol / Resuming an Upload; draft-ietf-httpbis-resumable-upload-12 § Offset Retrieval, §
    Upload Append
    """
    if isinstance(event, Broken):
        return _follow(_broken(state, policy, event))
    if isinstance(event, Continued):
        return _follow((state, Proceed(step=_again(state))))
    if isinstance(event, Damaged):
        return _follow(_damaged(state, event))
    if isinstance(event, Differs):
        return _follow(_replaced(state, Step.CREATE))
    return _follow(_tus_answered(_reached(state, event.at), policy, event))


def after_chunk(state: State, policy: RetryPolicy, event: Event) -> Decision:
    """What follows an event of a chunk upload, whose chunks are checked one by one: none is ever stored damaged."""
    if isinstance(event, Broken):
        return _follow(_broken(state, policy, event))
    if isinstance(event, Continued):
        return _follow((state, Proceed(step=_again(state))))
    if isinstance(event, Differs | Damaged):
        return _follow(_replaced(state, Step.SEND))
    return _follow(_chunk_answered(_reached(state, event.at), policy, event))


def is_passing(event: Answer) -> bool:
    """True for an answer that says nothing but to ask again: busy, tired, or in want of a fresh token."""
    return event.status in PASSING or event.status == HTTPStatus.UNAUTHORIZED


def _follow(decision: Decision) -> Decision:
    """Let the state follow the action, so that the next event is judged for the request that was made."""
    state, action = decision
    if not isinstance(action, Stop):
        state = replace(state, step=action.step)
    return state, action


def _tus_answered(state: State, policy: RetryPolicy, event: Answer) -> Decision:
    match state.step, event.status:
        case Step.ASK, status if not is_passing(event):
            return replace(_settled(state), failures=0, progress_at=event.at), Proceed(step=Step.CREATE)
        case _, status if _is_success(status):
            return _tus_success(_settled(state), policy, event)
        case Step.PROBE, 404 | 410:
            return _gone(state, Step.CREATE, f"the server answered {event.status}")
        case ((Step.PROBE | Step.SEND), status) if event.is_complete:
            return state, Stop(kind=Kind.REJECTED, why=f"the server has the whole file and answered {status}")
        case Step.SEND, _:
            return _tus_unsent(state, policy, event)
        case _:
            return _refused(state, policy, event)


def _tus_unsent(state: State, policy: RetryPolicy, event: Answer) -> Decision:
    """Bytes were refused, though the upload is not complete."""
    match event.status:
        case _ if event.is_damaged:
            return _damaged_piece(_settled(state), policy, event)
        case 404 | 410:
            return _setback(state, policy, event, f"the server answered {event.status}")
        case 413 if event.asked > SMALLEST_PIECE:
            return _shrunk(_settled(state), event)
        case status if status == HTTPStatus.CONFLICT or event.is_disputed:
            return _disputed(_settled(state), policy, event)
        case _:
            return _refused(state, policy, event)


def _chunk_answered(state: State, policy: RetryPolicy, event: Answer) -> Decision:
    match state.step, event.status:
        case _, status if _is_success(status):
            return _chunk_success(_settled(state), policy, event)
        case Step.PROBE, 404 if state.best == 0:
            return _settled(state), Proceed(step=_next_chunk(event))
        case ((Step.PROBE | Step.FINALIZE), 404 | 410):
            return _gone(state, Step.SEND, f"the server answered {event.status}")
        case Step.SEND, 409 if state.restarts == 0:
            return _restarted(state, Step.SEND, "the server holds other bytes under this id")
        case Step.SEND, 422 | 460 if state.repeats < REPEATS:
            state = replace(state, repeats=state.repeats + 1)
            return _setback(state, policy, event, "a chunk was damaged on its way")
        case Step.SEND, 422 | 460:
            why = f"a chunk was damaged on its way, {state.repeats + 1} times in a row"
            return state, Stop(kind=Kind.DAMAGED, why=why)
        case Step.FINALIZE, 409 if event.left and state.repeats < REPEATS:
            return replace(_settled(state), repeats=state.repeats + 1), Proceed(step=Step.SEND)
        case _:
            return _refused(state, policy, event)


def _chunk_success(state: State, policy: RetryPolicy, event: Answer) -> Decision:
    if state.step in (Step.FINALIZE, Step.RECORD):
        return state, Proceed(step=Step.DONE)
    offset = state.offset if event.offset is None else event.offset
    return _stored(state, policy, offset, event.at), Proceed(step=_next_chunk(event))


def _next_chunk(event: Answer) -> Step:
    return Step.SEND if event.left else Step.FINALIZE


def _is_success(status: int) -> bool:
    return HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES


def _again(state: State) -> Step:
    """The request that mends a failure of the present one: bytes are never sent twice without asking first."""
    return Step.PROBE if state.step is Step.SEND else state.step


def _tus_success(state: State, policy: RetryPolicy, event: Answer) -> Decision:
    if state.step is Step.CREATE:
        first_try = state.failures == 0
        state = replace(state, failures=0, progress_at=event.at)
        return state, Proceed(step=Step.SEND if first_try and state.length != 0 else Step.PROBE)
    if state.step is Step.RECORD:
        return state, Proceed(step=Step.DONE)
    if event.is_complete:
        return _placed(state, policy, replace(event, offset=state.length if event.offset is None else event.offset))
    if event.offset is not None:
        told_the_end = (
            event.offset == state.length and event.is_complete is None
        )  # with no byte, or fewer, where the length had to be told
        if state.step is Step.SEND and event.offset <= state.offset and not told_the_end:
            state = replace(state, offset=event.offset)
            return _setback(state, policy, event, "the server stored nothing")
        return _placed(state, policy, event)
    if state.step is Step.SEND:
        return _setback(state, policy, event, "the answer had no Upload-Offset")
    return state, Stop(kind=Kind.PROTOCOL, why="the server's answer to HEAD has no Upload-Offset")


def _disputed(state: State, policy: RetryPolicy, event: Answer) -> Decision:
    """The server refused our offset. If it names its own, that spares the question, but a step back costs a failure."""
    if event.offset is None or event.offset == state.offset:
        return _setback(state, policy, event, "the server disagrees about the offset")
    best = state.best
    state, action = _placed(state, policy, event)
    if isinstance(action, Stop) or state.best > best:
        return state, action
    state, action = _setback(state, policy, event, f"the server has only {event.offset} bytes")
    return state, replace(action, step=Step.SEND) if isinstance(action, Wait) else action


def _placed(state: State, policy: RetryPolicy, event: Answer) -> Decision:
    """The server said where the upload stands; it is believed, ahead of us or behind."""
    offset = event.offset or 0
    if state.length is None:
        state = replace(state, length=event.length)
    if event.length not in (None, state.length):
        why = f"the server says the upload has {event.length} bytes, the file has {state.length}"
        return state, Stop(kind=Kind.PROTOCOL, why=why)
    if state.length is not None and offset > state.length:
        why = f"the server says {offset} bytes are stored, the file has {state.length}"
        return state, Stop(kind=Kind.PROTOCOL, why=why)
    if event.is_complete and offset != state.length:
        why = f"the server says the upload is complete with {offset} bytes, the file has {state.length or 'more'}"
        return state, Stop(kind=Kind.PROTOCOL, why=why)
    done = event.is_complete or (event.is_complete is None and offset == state.length and not event.deferred)
    return _stored(state, policy, offset, event.at), Proceed(step=Step.DONE if done else Step.SEND)


def _stored(state: State, policy: RetryPolicy, offset: int, at: float) -> State:
    """Book what is stored; only bytes that were never stored before count as progress."""
    gain = offset - state.best
    if gain <= 0:
        return replace(state, offset=offset, rewinds=state.rewinds + (offset < state.offset))
    refill = policy.refill_bytes if state.length is None else min(policy.refill_bytes, max(1.0, state.length / 100))
    refund = gain / refill + (state.failures > 0)
    spent = max(0.0, state.spent - refund)
    return replace(state, offset=offset, best=offset, failures=0, repeats=0, spent=spent, progress_at=at, hopeful=True)


def _reached(state: State, at: float) -> State:
    """Somebody answered: time spent offline does not count as time without progress."""
    if state.offline_since is None:
        return state
    lasted = at - state.offline_since
    return replace(state, progress_at=state.progress_at + lasted, offline_since=None, offline=state.offline + lasted)


def _settled(state: State) -> State:
    return replace(state, renewed=False, doubts=0, busy=0, busy_since=None)


def _broken(state: State, policy: RetryPolicy, event: Broken) -> Decision:
    if event.trouble is Trouble.UNTRUSTED:
        return state, Stop(kind=Kind.UNTRUSTED, why=event.trouble)
    if event.trouble is Trouble.UNREACHABLE and not policy.delays:
        return _offline(state, policy, event)
    state = _reached(state, event.at)
    if event.moved and state.hopeful:
        # A long request that moved bytes was life, but only what the next HEAD confirms was progress.
        state = replace(state, progress_at=event.at, hopeful=False)
    return _setback(state, policy, event, event.trouble)


def _offline(state: State, policy: RetryPolicy, event: Broken) -> Decision:
    since = event.at if state.offline_since is None else state.offline_since
    lasted = event.at - since
    state = replace(state, offline_since=since, doubts=2)
    if policy.max_offline is not None and lasted >= policy.max_offline:
        return state, Stop(kind=Kind.GAVE_UP, why=f"{event.trouble} for {lasted:.0f} s")
    pace = next(pace for limit, pace in OFFLINE_PACE if lasted < limit)
    pause = max(0.0, pace - event.lasted)  # tries begin so far apart: what this one took is part of the time
    return state, Wait(step=_again(state), least=pause, most=pause, why=event.trouble, wakes=True)


def _setback(state: State, policy: RetryPolicy, event: Event, why: str) -> Decision:
    """A failure that another try may mend."""
    failures = state.failures
    if policy.delays:
        if failures >= len(policy.delays):
            return state, Stop(kind=Kind.GAVE_UP, why=f"{why}; {failures} retries did not help")
        pause = policy.delays[failures]
        return replace(state, failures=failures + 1), Wait(step=_again(state), least=pause, most=pause, why=why)
    if _is_out_of_time(state, policy, event.at):
        return state, Stop(kind=Kind.GAVE_UP, why=f"{why}; no byte was stored for {event.at - state.progress_at:.0f} s")
    spent = min(float(policy.budget), state.spent + 1)
    state = replace(state, failures=failures + 1, spent=spent)
    if spent >= policy.budget:
        return state, Wait(step=_again(state), least=policy.cap / 2, most=policy.cap, why=why)
    most = min(policy.cap, policy.base * 2 ** min(failures, 16))
    return state, Wait(step=_again(state), least=0.0, most=most, why=why)


def _shrunk(state: State, event: Answer) -> Decision:
    """The body was too large for something on the way: half of it, from where the server says the upload stands."""
    return replace(state, ceiling=max(SMALLEST_PIECE, event.asked // 2)), Proceed(step=Step.PROBE)


def _replaced(state: State, fresh: Step) -> Decision:
    """What is stored are bytes of another file: they are never added to."""
    why = "the server stores other bytes than those of the file"
    if state.restarts >= RESTARTS:
        return state, Stop(kind=Kind.INTEGRITY, why=f"{why}, after {state.restarts} new beginnings")
    return _restarted(state, fresh, why)


def _damaged(state: State, event: Damaged) -> Decision:
    """Stored bytes are not those that were sent. Nothing can be taken back from an upload, so it begins anew."""
    why = f"bytes were damaged on their way, somewhere from {event.start} to {event.end}"
    if state.damages >= DAMAGES:
        return state, Stop(kind=Kind.DAMAGED, why=f"{why}, after {state.damages} new beginnings")
    return _restarted(replace(state, damages=state.damages + 1), Step.CREATE, why)


def _damaged_piece(state: State, policy: RetryPolicy, event: Answer) -> Decision:
    """A piece came with another checksum, and nothing of it is stored: it is sent again."""
    why = "a piece was damaged on its way"
    if state.repeats >= REPEATS:
        return state, Stop(kind=Kind.DAMAGED, why=f"{why}, {state.repeats + 1} times in a row")
    return _setback(replace(state, repeats=state.repeats + 1), policy, event, why)


def _is_out_of_time(state: State, policy: RetryPolicy, at: float) -> bool:
    return policy.no_progress is not None and at - state.progress_at >= policy.no_progress


def _refused(state: State, policy: RetryPolicy, event: Answer) -> Decision:
    """An answer that is neither success nor a fact about this upload's place."""
    status = event.status
    why = f"the server answered {status}"
    if status in MAY_NEED_A_FRESH_TOKEN and event.renewable and not state.renewed:
        if status == HTTPStatus.UNAUTHORIZED:
            why = "the token was refused, and there is no other one"
        final = Stop(kind=_final_kind(status, state.step), why=why)  # a 403 refuses this upload, not every one
        return replace(state, renewed=True), Renew(step=_again(state), otherwise=final)
    if status == HTTPStatus.LOCKED:
        return _held(state, policy, event)
    if status in MAY_CARRY_RETRY_AFTER and event.retry_after is not None:
        return _told_to_wait(replace(state, doubts=2), policy, event)
    if status in PASSING:
        return _setback(replace(state, doubts=2), policy, event, why)
    return state, Stop(kind=_final_kind(status, state.step), why=why)


def _final_kind(status: int, step: Step) -> Kind:
    if status == HTTPStatus.UNAUTHORIZED:
        return Kind.AUTH
    if status < HTTPStatus.BAD_REQUEST:
        return Kind.PROTOCOL
    if status == CHECKSUM_MISMATCH or (status == HTTPStatus.UNPROCESSABLE_ENTITY and step is not Step.CREATE):
        return Kind.INTEGRITY
    return Kind.REJECTED


def _told_to_wait(state: State, policy: RetryPolicy, event: Answer) -> Decision:
    """Obey Retry-After; it costs no budget, only time."""
    pause = event.retry_after or 0.0
    why = f"the server answered {event.status} and asked for {pause:.0f} s"
    if policy.delays:
        state, action = _setback(state, policy, event, why)
        if isinstance(action, Wait):
            action = replace(action, least=max(action.least, pause), most=max(action.most, pause))
        return state, action
    if _is_out_of_time(state, policy, event.at + pause):
        return state, Stop(kind=Kind.GAVE_UP, why=f"{why}; that is longer than this upload may wait")
    return state, Wait(step=_again(state), least=pause, most=pause * 1.1 + policy.base, why=why)


def _held(state: State, policy: RetryPolicy, event: Answer) -> Decision:
    """Another request holds the upload."""
    since = event.at if state.busy_since is None else state.busy_since
    if event.at - since >= policy.busy:
        return state, Stop(kind=Kind.GAVE_UP, why=f"another request has held the upload for {event.at - since:.0f} s")
    pause = min(BUSY_CAP, BUSY_FIRST * 2 ** min(state.busy, 8))
    least = pause if event.retry_after is None else event.retry_after
    state = replace(state, busy=state.busy + 1, busy_since=since)
    return state, Wait(step=_again(state), least=least, most=least * 1.25, why="another request holds the upload")


def _gone(state: State, fresh: Step, why: str) -> Decision:
    """The upload is not there. After an outage that is asked twice more, because half a server may be talking."""
    if state.doubts > 0:
        return replace(state, doubts=state.doubts - 1), Wait(step=Step.PROBE, least=0.5, most=1.0, why=why)
    if state.restarts >= RESTARTS:
        return state, Stop(kind=Kind.GONE, why=f"{why}, after {state.restarts} new beginnings")
    return _restarted(state, fresh, why)


def _restarted(state: State, fresh: Step, why: str) -> Decision:
    state = replace(state, offset=0, best=0, restarts=state.restarts + 1)
    return state, Restart(step=fresh, why=why)
