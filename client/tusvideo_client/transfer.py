"""One file on its way: the part of an upload that does not depend on the protocol.

It asks the planner, waits, counts, reports progress, and turns the planner's last word into an error.
"""

import asyncio
import json
import logging
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import replace
from typing import Any

from . import events, wire
from .body import Body
from .clock import Clock
from .control import Control
from .errors import UploadError
from .failure import failure
from .model import Phase, Progress, TransferStats
from .movement import Movement
from .state import (
    Action,
    Answer,
    Broken,
    Continued,
    Event,
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
from .transport import Interrupted, Patience, Reply, Transport

Planner = Callable[[State, RetryPolicy, Event], tuple[State, Action]]

PROGRESS_PACE = 0.1
ALMOST = 99.9
QUICKEST_CONNECT = 2.0
LONGEST_STRETCH = 8.0

logger = logging.getLogger(__name__)

PHASES = {
    Step.ASK: Phase.PREPARING,
    Step.CREATE: Phase.CREATING,
    Step.PROBE: Phase.PROBING,
    Step.SEND: Phase.SENDING,
    Step.FINALIZE: Phase.FINALIZING,
    Step.RECORD: Phase.FINALIZING,
    Step.DONE: Phase.FINALIZING,
}


class Transfer:
    """The state, the counters and the progress of one call of ``upload``.

    Args:
        transport: How requests are made.
        planner: What follows an event.
        policy: How patient to be.
        clock: Time and chance.
        length: Bytes of the file; None while it is not known.
        on_event: Told what happens; of progress at most ten times a second, and at every change of phase.
        control: What the holder of the upload asks.
    """

    def __init__(
        self,
        transport: Transport,
        *,
        planner: Planner,
        policy: RetryPolicy,
        clock: Clock,
        length: int | None,
        on_event: events.OnEvent | None,
        control: Control | None = None,
    ) -> None:
        self.upload_url: str | None = None
        self.reply: Reply | None = None
        self._transport = transport
        self._planner = planner
        self._policy = policy
        self._clock = clock
        self._on_event = on_event
        self._control = control or Control(clock.now)
        self.state = State(length=length, step=Step.PROBE, progress_at=self.now())
        self._is_held = False
        self._began = clock.now()
        self._wire_bytes = self._resent_bytes = self._acked_bytes = self._requests = self._retries = self._stalls = 0
        self._damaged = 0
        self._detect_max = 0.0
        self._silent_at: int | None = None
        self._stretch = 1.0
        self._reported = Progress(stored=0, total=length, sent=0, percent=0.0, phase=Phase.PREPARING)
        self._reported_at = float("-inf")

    @property
    def can_renew(self) -> bool:
        """True if a refused token may be replaced by a fresh one."""
        return self._transport.can_renew

    @property
    def is_paused(self) -> bool:
        """True while the user wants a pause: what is on its way may still end, and nothing else should begin."""
        return self._control.is_paused

    def begin(self, step: Step, *, offset: int = 0) -> None:
        """Set the first request and what is believed to be stored."""
        self.state = replace(self.state, step=step, offset=offset, best=offset)

    def begin_record(self) -> None:
        """The file is there; what follows is its video record."""
        self.state = replace(self.state, step=Step.RECORD)
        self.report(Phase.FINALIZING)

    def learn_length(self, length: int) -> None:
        """The source has ended: the upload has so many bytes."""
        self.state = replace(self.state, length=length)

    def excuse(self, seconds: float) -> None:
        """Time in which there was nothing to send is no time without progress."""
        self.state = replace(self.state, progress_at=self.state.progress_at + seconds)

    async def request(
        self,
        method: str,
        url: str,
        *,
        headers: dict[str, str],
        body: Body | bytes | None = None,
        on_moved: Callable[[Movement], None] | None = None,
        patience: float = 0.0,
        question: tuple[str, dict[str, str]] | None = None,
        read: Callable[[Reply], Answer],
    ) -> Event:
        """Make one request and say what came of it, as an event for the planner.

        Args:
            method: HTTP method.
            url: Absolute address.
            headers: Fields of this request.
            body: What to send.
            on_moved: Told about ten times a second how far the body has come.
            patience: Seconds that the answer may take on top of the usual.
            question: Address and fields of a HEAD that another connection asks when this one is silent; not under the
                documented figures, which give every try its full time.
            read: Turns an answer into an event.
        """
        await self._held_back()
        self._requests += 1
        began = self.now()
        exchange = self._transport.send(
            method,
            url,
            headers=headers,
            body=body,
            on_moved=on_moved,
            patience=Patience(
                answer=patience,
                stretch=self._stretch if self._silent_at == self.state.offset else 1.0,
                connect=self._connect_seconds(),
            ),
            rival=None if question is None or self._policy.delays else lambda: self._ask_beside(*question),
        )
        try:
            reply = await self._unless_paused(exchange, body) if isinstance(body, Body) else await exchange
            if reply is None:
                self.reply = None
                await self._held_back()
                return Continued(at=self.now())
        except Interrupted as trouble:
            self.reply = None
            now = self.now()
            if trouble.trouble is Trouble.STALLED:
                self._stalls += 1
                self._detect_max = max(self._detect_max, trouble.silent)
                self.tell(events.Stalled(seconds=trouble.silent))
            elif trouble.trouble is Trouble.CUT:
                self.tell(events.Cut(why=trouble.detail))
            logger.info(
                "request_broken method=%s reason=%s moved=%d silent=%.1f",
                method,
                trouble.detail,
                trouble.moved,
                trouble.silent,
            )
            return Broken(at=now, trouble=trouble.trouble, moved=trouble.moved, lasted=now - began)
        self.reply = reply
        request_id = reply.headers.get(wire.REQUEST_ID, "-")
        logger.debug("request_answered method=%s status=%d request=%s", method, reply.status, request_id)
        return read(reply)

    async def request_record(self, base_url: str, *, facts: Mapping[str, str]) -> Event:
        """Make or change the video record of a published file; safe to repeat."""
        return await self.request(
            "POST",
            f"{base_url}/api/videos/metadata",
            headers={wire.CONTENT_TYPE: wire.JSON},
            body=json.dumps(facts).encode(),
            read=self.answer,
        )

    def now(self) -> float:
        """The time for the planner and for what measures rates: it stands still while the user wants a pause.

        Whatever the upload does or waits for meanwhile: a pause is neither time offline nor time without progress.
        """
        return self._clock.now() - self._control.paused

    def _connect_seconds(self) -> float | None:
        """While the server is out of reach connections are tried briefly and anew: a pending one asks ever more rarely.

        Never so briefly that a link with a long round trip could not make it; None for the usual time.
        """
        round_trip = self._transport.round_trip
        if self.state.offline_since is None or round_trip is None:
            return None
        return min(self._transport.timeouts.connect, max(QUICKEST_CONNECT, 3 * round_trip))

    async def _ask_beside(self, url: str, headers: dict[str, str]) -> bool:
        """Ask over another connection while one is silent; true if the server answers."""
        return await self.ask_aside("HEAD", url, headers=headers, is_apart=True) is not None

    async def ask_aside(
        self, method: str, url: str, *, headers: dict[str, str], patience: float = 0.0, is_apart: bool = False
    ) -> Reply | None:
        """Make a request beside those that the planner names; None if there is no answer. It changes nothing here."""
        self._requests += 1
        try:
            return await self._transport.send(
                method, url, headers=headers, patience=Patience(answer=patience), is_apart=is_apart
            )
        except (Interrupted, UploadError):
            return None

    def answer(
        self,
        reply: Reply,
        *,
        offset: int | None = None,
        left: int = 0,
        asked: int = 0,
        is_complete: bool | None = None,
        is_disputed: bool = False,
        is_damaged: bool = False,
    ) -> Answer:
        """The facts of an answer that the planner wants, whatever the request was."""
        headers = reply.headers
        return Answer(
            at=self.now(),
            status=reply.status,
            offset=offset,
            length=wire.parse_whole_number(headers.get(wire.UPLOAD_LENGTH)),
            retry_after=wire.parse_retry_after(headers.get(wire.RETRY_AFTER), date=headers.get("Date")),
            left=left,
            asked=asked,
            renewable=self.can_renew,
            deferred=wire.UPLOAD_DEFER_LENGTH in headers,
            is_complete=is_complete,
            is_disputed=is_disputed,
            is_damaged=is_damaged,
        )

    async def decide(self, event: Event) -> Proceed | Restart:
        """Ask the planner, do the waiting, and say which request comes next.

        Raises:
            UploadError: The planner stops.
        """
        before = self.state
        if isinstance(event, Broken) and event.trouble is Trouble.STALLED and event.moved:
            self._stretch = min(LONGEST_STRETCH, 2 * self._stretch) if self._silent_at == before.offset else 1.0
            self._silent_at = before.offset
        self.state, action = self._planner(before, self._policy, event)
        for change in events.changes(before, self.state):
            self.tell(change)
        match action:
            case Wait():
                self._retries += 1
                await self._wait(action)
                return Proceed(step=action.step)
            case Renew():
                self._retries += 1
                if not await self._transport.renew_token(self.reply.bearer if self.reply else None):
                    raise self._failure(action.otherwise)
                return Proceed(step=action.step)
            case Stop():
                raise self._failure(action)
            case Proceed() | Restart():
                return action

    def tell(self, event: events.UploadEvent) -> None:
        """Tell the caller what happened, if it wants to know."""
        if self._on_event is not None:
            self._on_event(event)

    def tell_damage(self, start: int, end: int, *, is_stored: bool) -> None:
        """Book bytes that arrived as others than were sent, and tell the caller."""
        self._damaged += 1
        logger.warning("bytes_damaged start=%d end=%d stored=%s", start, end, is_stored)
        self.tell(events.Damaged(start=start, end=end, is_stored=is_stored))

    def count(self, *, moved: int, resent: int, acked: int = 0) -> None:
        """Book bytes of the file that were handed to the network, and how many of them the peer acknowledged."""
        self._wire_bytes += moved
        self._acked_bytes += acked
        self._resent_bytes += resent

    def report(
        self, phase: Phase, *, sent: int | None = None, acked: int | None = None, waiting: str | None = None
    ) -> None:
        """Tell the caller where the upload stands, unless it was told the same phase a moment ago."""
        if self._on_event is None:
            return
        now = self._clock.now()
        before = self._reported
        if phase is before.phase and waiting == before.waiting and now - self._reported_at < PROGRESS_PACE:
            return
        stored, total = self.state.offset, self.state.length
        sent = stored if sent is None else sent if total is None else min(sent, total)
        acked = sent if acked is None else max(stored, min(acked, sent))
        percent = 100.0 if phase is Phase.DONE else min(ALMOST, 100.0 * sent / total if total else 0.0)
        self._reported_at = now
        self._reported = Progress(
            stored=stored,
            total=total,
            sent=sent,
            percent=max(percent, before.percent),
            phase=phase,
            waiting=waiting,
            acked=acked,
        )
        self.tell(self._reported)

    def report_last(self, offset: int) -> None:
        """Tell the caller what is stored at the moment of an interrupt, however recently it was told something."""
        self.state = replace(self.state, offset=offset)
        self._reported_at = float("-inf")
        self.report(self._reported.phase, waiting=self._reported.waiting)

    def stats(self) -> TransferStats:
        """What it cost so far."""
        return TransferStats(
            wall=self._clock.now() - self._began,
            wire_bytes=self._wire_bytes,
            resent_bytes=self._resent_bytes,
            requests=self._requests,
            retries=self._retries,
            acked_bytes=self._acked_bytes,
            offline=self.state.offline,
            stalls=self._stalls,
            detect_max=self._detect_max,
            rewinds=self.state.rewinds,
            damaged=self._damaged,
        )

    async def _wait(self, action: Wait) -> None:
        pause = self._clock.draw(action.least, action.most)
        logger.info("upload_waits seconds=%.3f next=%s offset=%d", pause, action.step, self.state.offset)
        self.tell(events.Retrying(seconds=pause, why=action.why))
        self.report(Phase.WAITING, waiting=f"{action.why}; next try in {pause:.1f} s")
        if not action.wakes:
            await self._clock.sleep(pause)
            return
        waits = {asyncio.ensure_future(self._clock.sleep(pause)), asyncio.ensure_future(self._clock.network_changed())}
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()
            await asyncio.gather(*waits, return_exceptions=True)

    async def _unless_paused(self, sending: Coroutine[Any, Any, Reply], body: Body) -> Reply | None:
        """The answer to what sends a body, or None if a pause broke it off."""
        exchange = asyncio.ensure_future(sending)
        try:
            with self._control.breaks_off(exchange, grace=body.grace):
                return await exchange
        except asyncio.CancelledError:
            here = asyncio.current_task()
            if here is not None and here.cancelling():
                raise
            return None

    async def _held_back(self) -> None:
        """Wait while the user wants a pause."""
        if not self._control.is_paused:
            return
        if self._is_held:  # another request of this upload tells it
            await self._control.passage()
            return
        self._is_held = True
        before = self._control.paused
        self.tell(events.Paused(offset=self.state.offset))
        self.report(Phase.PAUSED)
        try:
            await self._control.passage()
        finally:
            self._is_held = False
        self.tell(events.Continued(seconds=self._control.paused - before))

    def _failure(self, stop: Stop) -> UploadError:
        return failure(stop, self.reply, upload_url=self.upload_url, offset=self.state.offset)
