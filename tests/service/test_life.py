"""A model of one user's uploads: whatever happens in whatever order, no acknowledged byte is lost or wrong.

The client sends bytes of one source per upload. The model knows only what was acknowledged; the services know rows and
files. After every step the two are compared.
"""

import asyncio
from collections.abc import Coroutine
from dataclasses import dataclass, field
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, multiple, rule

from tests.fakes.body import FakeBody, cut_body
from tests.fakes.faults import Crash, Steps
from tests.fakes.house import ANNA, LIMITS, House
from tests.fakes.turns import turns
from tests.service.wishes import appending, creation, creation_with, some
from tusvideo.commands import Appended, QueryUpload, TerminateUpload
from tusvideo.errors import (
    Busy,
    Expired,
    InvalidField,
    NotFound,
    OffsetMismatch,
    StorageFailed,
    TooLarge,
    TransferEnded,
    TusvideoError,
)
from tusvideo.model import Status, Upload
from tusvideo.sessions.memory import MemorySessions
from tusvideo.stores.memory import MemoryStore

SOURCE = 300
"""Bytes of each source, at most; sizes around it and around the checkpoint are the interesting ones."""
EXPECTED = (Busy, Expired, InvalidField, NotFound, OffsetMismatch, StorageFailed, TooLarge, TransferEnded)
"""What a client of this model may be told; anything else is a bug."""


@dataclass(slots=True)
class Known:
    """What the client knows of one upload."""

    upload: Upload
    source: bytes
    acknowledged: int = 0
    """The largest offset that was ever told."""
    gone: bool = False
    live: list[tuple["asyncio.Task[Appended]", FakeBody, int]] = field(default_factory=list)


class Life(RuleBasedStateMachine):
    """Creates, appends, cuts, takes over, asks, terminates, waits, fails and kills."""

    uploads = Bundle("uploads")

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.disk = House(
            store=MemoryStore(),
            sessions=MemorySessions(),
            limits=type(LIMITS)(checkpoint_bytes=64, min_free_bytes=0, patience_seconds=0.1),
        )
        self.known: list[Known] = []
        self.start()

    def teardown(self) -> None:
        self.kill()
        self.runner.close()

    def do(self, work: Coroutine[Any, Any, Any]) -> Any:
        """Run on the loop; what a client may be told is given back, not raised."""

        async def told() -> Any:
            try:
                return await work
            except (*EXPECTED, Crash) as error:
                return error

        outcome = self.runner.run(told())
        if not isinstance(outcome, Crash):
            return outcome
        self.restart()
        return StorageFailed()  # the connection ended without an answer

    def start(self) -> None:
        """Begin a process: recovery first, as a server does."""
        self.steps = Steps()
        self.house = self.disk.with_(steps=self.steps, locks=None)
        self.house.locks.start_epochs_after(self.runner.run(self.disk.sessions.last_epoch()))
        self.runner.run(self.house.recovery.run())

    def kill(self) -> None:
        """End the process: from now on nothing that it does reaches disk or database."""
        self.steps.at, self.steps.error = self.steps.taken, Crash
        tasks = [task for known in self.known for task, _, _ in known.live]
        for task in tasks:
            task.cancel()
        if tasks:
            self.runner.run(_over(tasks))
        for known in self.known:
            known.live.clear()

    def learn(self, known: Known, outcome: object) -> None:
        """Remember what an answer acknowledged."""
        if isinstance(outcome, Appended):
            known.acknowledged = max(known.acknowledged, outcome.upload.offset)
        if isinstance(outcome, OffsetMismatch):
            assert outcome.expected >= known.acknowledged
            known.acknowledged = outcome.expected

    @rule(
        target=uploads,
        length=st.none() | st.integers(0, SOURCE),
        first=st.none() | st.integers(0, SOURCE),
        chunked=st.booleans(),
    )
    def create(self, length: int | None, first: int | None, chunked: bool) -> Any:
        """Make an upload, perhaps with its first bytes."""
        source = some(SOURCE, seed=len(self.known))
        name = f"{len(self.known)}.bin"
        if first is None:
            outcome = self.do(self.house.uploads.create(ANNA, creation(length, original_name=name), None))
        else:
            command = creation_with(source[:first], length=length, chunked=chunked, original_name=name)
            body = FakeBody(*_blocks(source[:first]))
            outcome = self.do(self.house.uploads.create(ANNA, command, body))
        if isinstance(outcome, TusvideoError):
            return multiple()
        known = Known(upload=outcome.upload, source=source, acknowledged=outcome.upload.offset)
        self.known.append(known)
        return known

    @rule(
        known=uploads,
        ahead=st.sampled_from([0, 0, 0, 0, -1, 1]),
        size=st.integers(0, SOURCE),
        chunked=st.booleans(),
        cut=st.booleans(),
        tells=st.booleans(),
    )
    def append(self, known: Known, ahead: int, size: int, chunked: bool, cut: bool, tells: bool) -> None:
        """Append as a client does that believes in an offset; a running append has to leave."""
        at = max(0, known.acknowledged + ahead)
        data = known.source[at : at + size]
        length = at + len(data) if tells and known.upload.length is None else None
        command = appending(known.upload, None if chunked else len(data), at=at, length=length)
        body = cut_body(*_blocks(data[: len(data) // 2])) if cut else FakeBody(*_blocks(data))
        self.learn(known, self.do(self.house.uploads.append(ANNA, command, body)))

    @rule(known=uploads, size=st.integers(0, SOURCE), chunked=st.booleans())
    def begin_append(self, known: Known, size: int, chunked: bool) -> None:
        """Begin an append that stays under way."""
        at = known.acknowledged
        data = known.source[at : at + size]
        body = FakeBody(is_open=True)
        command = appending(known.upload, None if chunked else len(data), at=at)

        async def begin() -> asyncio.Task[Appended]:
            task = asyncio.create_task(self.house.uploads.append(ANNA, command, body))
            await turns(60)
            return task

        known.live.append((self.runner.run(begin()), body, at))
        body.feed(*_blocks(data[: len(data) // 2]))
        known.live[-1] = (known.live[-1][0], body, at + len(data) // 2)
        self.runner.run(turns(60))

    @rule(known=uploads, size=st.integers(1, 100), how=st.sampled_from(["feed", "end", "cut", "cancel"]))
    def go_on(self, known: Known, size: int, how: str) -> None:
        """Let more of a running append arrive, or let it end in one way or another."""
        if not known.live:
            return
        task, body, at = known.live.pop()
        if how == "feed":
            body.feed(known.source[at : at + size])
            known.live.append((task, body, at + len(known.source[at : at + size])))
            self.runner.run(turns(60))
            return
        if how == "end":
            body.end(*_blocks(known.source[at : at + size]))
        elif how == "cut":
            body.cut()
        else:
            task.cancel()
        self.runner.run(_over([task]))
        if task.cancelled():
            return
        error = task.exception()
        if isinstance(error, Crash):
            self.restart()
            return
        assert error is None or isinstance(error, EXPECTED)
        self.learn(known, error or task.result())

    @rule(known=uploads)
    def ask(self, known: Known) -> None:
        """The offset that is told never falls, and a whole one is published."""
        outcome = self.do(self.house.uploads.query(ANNA, QueryUpload(upload_id=known.upload.id)))
        if isinstance(outcome, TusvideoError):
            assert isinstance(outcome, Busy | Expired | NotFound | StorageFailed)
            assert known.gone or not isinstance(outcome, NotFound)
            return
        upload = outcome.upload
        assert upload.offset >= known.acknowledged
        assert upload.status is Status.COMPLETE or upload.offset != upload.length
        known.acknowledged = upload.offset

    @rule(known=consumes(uploads))
    def terminate(self, known: Known) -> None:
        """After DELETE there is nothing."""
        outcome = self.do(self.house.uploads.terminate(ANNA, TerminateUpload(upload_id=known.upload.id)))
        if outcome is None:
            known.gone = True
            assert self.runner.run(self.disk.sessions.get(known.upload.id)) is None
        else:
            assert isinstance(outcome, Expired | NotFound | StorageFailed)

    @rule(days=st.sampled_from([1, 3, 8]))
    def wait(self, days: int) -> None:
        """Time passes, and the sweeper makes its pass."""
        self.disk.clock.move(days * 24 * 3600)
        self.do(self.house.sweeper.run())
        self.forget()

    @rule(after=st.integers(0, 12), kills=st.booleans())
    def order_a_fault(self, after: int, kills: bool) -> None:
        """Some steps later disk or database fail once, or the process dies."""
        self.steps.at = self.steps.taken + after
        self.steps.once = not kills
        self.steps.error = Crash if kills else StorageFailed

    @rule()
    def restart(self) -> None:
        """The process is killed, wherever it is, and the next one begins."""
        self.kill()
        self.start()
        self.forget()

    def forget(self) -> None:
        """A month later an expired upload is unknown."""
        for known in self.known:
            row = self.runner.run(self.disk.sessions.get(known.upload.id))
            known.gone = known.gone or row is None

    @invariant()
    def nothing_is_lost_or_wrong(self) -> None:
        """Every row that lives counts bytes of its source that are there, at least as many as were acknowledged."""
        for known in self.known:
            row = self.runner.run(self.disk.sessions.get(known.upload.id))
            if row is None:
                assert known.gone
                continue
            assert row.status is not Status.DAMAGED
            if row.status not in {Status.OPEN, Status.FINALIZING, Status.COMPLETE}:
                continue
            assert row.offset >= known.acknowledged
            assert row.length is None or row.offset <= row.length
            if known.upload.length is not None:
                assert row.length == known.upload.length
            if row.status is Status.OPEN:
                assert self.runner.run(self.disk.staged(row)) == known.source[: row.offset]
            if row.status is Status.COMPLETE:
                assert self.runner.run(self.disk.published(row)) == known.source[: row.offset]
                assert row.offset == row.length


def _blocks(data: bytes) -> list[bytes]:
    return [data[start : start + 50] for start in range(0, len(data), 50)]


async def _over(tasks: list["asyncio.Task[Appended]"]) -> None:
    await asyncio.gather(*tasks, return_exceptions=True)


TestLife = Life.TestCase
TestLife.settings = settings(
    max_examples=80,
    stateful_step_count=30,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
