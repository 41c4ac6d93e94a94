"""One user's uploads in any order of events, against the real server: after every step they stand as the user believes.

A step creates, appends (rightly, wrongly, cut on the way, too much), terminates, or kills the server; after each of
them every upload is asked where it stands, its bytes on disk are compared, and the invariants G-01 to G-12 hold.
"""

import hashlib
import os
from base64 import b64encode
from typing import ClassVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from tests.conformance.wire.calls import SOURCE, Upload
from tests.conformance.wire.catalogue import House
from tests.conformance.wire.houses import Houses
from tests.conformance.wire.target import Target

LIVES = int(os.environ.get("TUSVIDEO_LIVES", "15"))
"""Many by `make lives`."""
STEPS = 20
MOST = 4
"""Uploads that live at a time: each is looked at after every step."""
KILLS = 2
"""Of the server in one life; each costs a start."""

LENGTHS = st.one_of(st.integers(0, 20), st.sampled_from([4095, 4096, 4097, 60_000]))
SIZES = st.one_of(st.integers(0, 30), st.integers(0, 60_000))


def source_of(number: int) -> bytes:
    """Give bytes that no two uploads of a life have alike, and that are no video."""
    return bytes([number % 256]) + SOURCE[: (1 << 16) - 1]


class Life(RuleBasedStateMachine):
    """What a user does, and what the user believes."""

    target: ClassVar[Target]
    uploads = Bundle("uploads")

    def __init__(self) -> None:
        super().__init__()
        self.alive: list[Upload] = []
        self.gone: list[Upload] = []
        self.made = 0
        self.kills = 0

    @initialize()
    def forget(self) -> None:
        """Begin with no grudges."""
        self.target.violations.clear()

    # --- steps

    @precondition(lambda self: len(self.alive) < MOST)
    @rule(target=uploads, length=LENGTHS, size=SIZES, deferred=st.booleans())
    def create(self, length: int, size: int, *, deferred: bool) -> Upload:
        """Make an upload with a body, whose length may stay untold."""
        self.made += 1
        source = source_of(self.made)
        body = source[: min(size, length)]
        told = "Upload-Defer-Length: 1" if deferred else f"Upload-Length: {length}"
        kind = ("Content-Type: application/offset+octet-stream",) if body else ()
        answer = self.target.post(told, *kind, body=body).expect(201)
        upload = Upload(
            path=self.target.located(answer), length=None if deferred else length, source=source, offset=len(body)
        )
        self.alive.append(upload)
        return upload

    @precondition(lambda self: len(self.alive) < MOST)
    @rule(length=LENGTHS, more=st.integers(1, 30))
    def create_too_much(self, length: int, more: int) -> None:
        """A body that is longer than the upload makes none."""
        kind = "Content-Type: application/offset+octet-stream"
        with self.target.nothing_made():
            answer = self.target.post(f"Upload-Length: {length}", kind, body=SOURCE[: length + more])
            answer.expect(413).expect_no_field("Location")

    @rule(upload=uploads, size=SIZES)
    def append(self, upload: Upload, size: int) -> None:
        """Bytes at the right place are stored."""
        if self._is_gone(upload):
            self.target.patch(upload, at=upload.offset, body=b"x").expect(404)
            return
        body = upload.rest[:size]
        answer = self.target.patch(upload, at=upload.offset, body=body).expect(204)
        upload.offset += len(body)
        answer.expect_field("Upload-Offset", str(upload.offset))

    @rule(upload=uploads)
    def complete(self, upload: Upload) -> None:
        """All that is missing is sent, and with it the length if nobody told it yet."""
        if self._is_gone(upload):
            return
        told: tuple[str, ...] = ()
        if upload.length is None:
            upload.length = min(upload.offset + 100, len(upload.source))
            told = (f"Upload-Length: {upload.length}",)
        self.target.patch(upload, *told, at=upload.offset, body=upload.rest).expect(204)
        upload.offset = upload.length

    @rule(upload=uploads, aside=st.one_of(st.integers(-30, -1), st.integers(1, 30)), size=SIZES)
    def append_elsewhere(self, upload: Upload, aside: int, size: int) -> None:
        """Bytes at another place are refused with the right place."""
        at = upload.offset + aside
        if self._is_gone(upload) or at < 0:
            return
        answer = self.target.patch(upload, at=at, body=SOURCE[:size]).expect(409)
        answer.expect_field("Upload-Offset", str(upload.offset))

    @rule(upload=uploads, more=st.integers(1, 30))
    def append_too_much(self, upload: Upload, more: int) -> None:
        """A body beyond the length is refused whole."""
        if self._is_gone(upload) or upload.length is None:
            return
        body = upload.rest + SOURCE[:more]
        self.target.patch(upload, at=upload.offset, body=body).expect(413)

    @rule(upload=uploads, size=SIZES, missing=st.integers(1, 30), reset=st.booleans())
    def append_cut(self, upload: Upload, size: int, missing: int, *, reset: bool) -> None:
        """Of a body that breaks off a beginning is kept: what came, or what of it the reset left."""
        if self._is_gone(upload) or upload.length is None:
            return
        body = upload.rest[:size]
        claimed = min(len(body) + missing, len(upload.rest))
        if claimed == len(body):
            return
        before = upload.offset
        asks = "Expect: 100-continue"
        with self.target.begin_patch(upload, asks, at=before, length=claimed) as call:
            # A connection that ends in the very moment in which the request comes takes the request along.
            call.connection.interim()
            call.send(body)
            if reset:
                call.connection.reset()
            else:
                call.connection.half_close()
                call.connection.ends(seconds=10)
        upload.offset = self.target.offset_of(upload)
        least = before if reset else before + len(body)
        assert least <= upload.offset <= before + len(body)

    @rule(upload=uploads, size=SIZES, right=st.booleans())
    def append_checked(self, upload: Upload, size: int, *, right: bool) -> None:
        """A body with a checksum is stored whole or, when it is another one, not at all."""
        if self._is_gone(upload) or "checksum" not in self.target.announced:
            return
        body = upload.rest[:size]
        digest = hashlib.sha1(body if right else body + b"x", usedforsecurity=False).digest()
        field = f"Upload-Checksum: sha1 {b64encode(digest).decode()}"
        answer = self.target.patch(upload, field, at=upload.offset, body=body)
        if upload.offset == upload.length or right:
            # Nothing can be added to a finished upload; whether nothing has the right sum is then nobody's concern.
            answer.expect(204, 460)
        else:
            answer.expect(460)
        if answer.status == 204:
            upload.offset += len(body)

    @rule(upload=uploads)
    def terminate(self, upload: Upload) -> None:
        """What was removed is gone for good."""
        if not self._is_gone(upload):
            self.target.delete(upload).expect(204)
            self.alive.remove(upload)
            self.gone.append(upload)
        self.target.delete(upload).expect(404)

    @precondition(lambda self: self.kills < KILLS and self.alive)
    @rule()
    def kill(self) -> None:
        """The server dies on the spot and comes back; what it had acknowledged is there."""
        self.kills += 1
        self.target.inside.kill()
        self.target.inside.start()

    # --- what holds between them

    @invariant()
    def stands_as_believed(self) -> None:
        """Every upload has the offset, the length and the bytes that its user believes; nothing else was broken."""
        for upload in self.alive:
            self.target.stands(upload, offset=upload.offset, length=upload.length)
            if upload.offset == upload.length:
                self.target.holds(upload, upload.source[: upload.length])
        for upload in self.gone:
            self.target.head(upload).expect(404)
        assert not self.target.violations, self.target.violations

    def teardown(self) -> None:
        """Leave nothing behind for the next life."""
        for upload in self.alive:
            self.target.delete(upload)

    def _is_gone(self, upload: Upload) -> bool:
        return upload in self.gone


@pytest.mark.timeout(600 + LIVES * 20)
def test_any_life_of_uploads(houses: Houses) -> None:
    """No order of events breaks what a user believes about the uploads, with the server killed in between."""
    target = houses.target(House.MORTAL)
    if target.own is None:
        pytest.skip("only our own server can be killed")
    life = type("LifeHere", (Life,), {"target": target})
    run_state_machine_as_test(
        life,
        settings=settings(
            max_examples=LIVES,
            stateful_step_count=STEPS,
            deadline=None,
            print_blob=True,
            suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
        ),
    )
