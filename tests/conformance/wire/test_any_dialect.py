"""One user's uploads in three dialects side by side, in any order: after every step they stand as the user believes.

Each upload is begun in tus, in one of the versions of the IETF draft, or in the chunk API. It is fed rightly, wrongly,
too much, in part, and in the words of another dialect; after each step it is asked for in every dialect that may ask,
its bytes on disk are compared, and the invariants G-01 to G-12 hold. The server is killed in test_any_life.

``TUSVIDEO_LIVES`` sets how many lives are led (`make lives` leads many).
"""

import hashlib
import json
import os
from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Final, TypeVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from hypothesis.stateful import run_state_machine_as_test as run_machine

from tests.conformance.wire.answer import Answer
from tests.conformance.wire.calls import OFFSET_TYPE, SOURCE, Upload
from tests.conformance.wire.catalogue import House
from tests.conformance.wire.houses import Houses
from tests.conformance.wire.ietf import dialect as draft
from tests.conformance.wire.target import Target
from tests.media.clip import CLIP
from tests.web import forms

T = TypeVar("T")

LIVES: Final = int(os.environ.get("TUSVIDEO_LIVES", "15"))
STEPS: Final = 25
MOST: Final = 4
"""Uploads of a kind that live at a time: each is looked at after every step."""
CHUNKS: Final = "/api/poster/video/chunk"
FINALIZE: Final = "/api/poster/video/finalize"
JSON: Final = "Content-Type: application/json"
TUS: Final = None
"""In the place of an interop version: the upload was begun in tus."""

SPEAKS: Final = st.sampled_from([TUS, 3, 5, 6, 8, 9])
LENGTHS: Final = st.one_of(st.integers(1, 20), st.sampled_from([4095, 4096, 4097, 60_000]))
PICKS: Final = st.integers(0, 19)
"""Which one of those that there are."""
SIZES: Final = st.one_of(st.integers(0, 30), st.integers(0, 60_000))
VIDEO: Final = CLIP.read_bytes()


@dataclass(slots=True, kw_only=True)
class Belief(Upload):
    """An upload of tus or of the draft, and what its user believes of it."""

    iv: int | None
    """The interop version that it was begun with; None: tus."""
    is_complete: bool = False

    @property
    def completes_at_length(self) -> bool:
        """True when nobody has to say that the last byte was the last one."""
        return self.iv in {TUS, 5, 6}

    def moved(self, count: int) -> None:
        """Note that so many more bytes are stored."""
        self.offset += count
        if self.offset == self.length and self.completes_at_length:
            self.is_complete = True


@dataclass(slots=True, kw_only=True)
class Parts:
    """An upload of the chunk API, and what its user believes of it."""

    key: str
    pieces: list[bytes]
    stored: set[int] = field(default_factory=set)
    published: str | None = None

    @property
    def source(self) -> bytes:
        """The whole file."""
        return b"".join(self.pieces)


open_ones = precondition(lambda self: any(not upload.is_complete for upload in self.alive))
living_ones = precondition(lambda self: self.alive)


class Lives(RuleBasedStateMachine):
    """What a user does, and what the user believes."""

    target: ClassVar[Target]
    born: ClassVar[int] = 0
    """Uploads of all lives: no two have the same bytes or the same key."""

    def __init__(self) -> None:
        super().__init__()
        self.alive: list[Belief] = []
        self.gone: list[Belief] = []
        self.files: list[Parts] = []
        self.has_sent_whole = False

    @initialize()
    def forget(self) -> None:
        """Begin with no grudges."""
        self.target.violations.clear()

    # --- tus and the draft

    @precondition(lambda self: len(self.alive) < MOST)
    @rule(iv=SPEAKS, length=LENGTHS, size=SIZES, told=st.booleans())
    def create(self, iv: int | None, length: int, size: int, *, told: bool) -> None:
        """Make an upload with a body that does not fill it; its length may stay untold."""
        number = self._next()
        source = number.to_bytes(3, "big") + SOURCE[: (1 << 16) - 3]
        body = source[: min(size, length - 1)]
        sized = (f"Upload-Length: {length}",) if told else ()
        if iv is TUS:
            kind = (OFFSET_TYPE,) if body else ()
            answer = self.target.post(*(sized or ("Upload-Defer-Length: 1",)), *kind, body=body)
        else:
            answer = draft.create(self.target, *sized, body=body, iv=iv)
        path = self.target.located(answer.expect(201))
        self.alive.append(Belief(path=path, length=length if told else None, source=source, offset=len(body), iv=iv))

    @precondition(lambda self: not self.has_sent_whole)
    @rule(iv=SPEAKS, size=st.integers(0, 5000), plain=st.booleans())
    def send_whole(self, iv: int | None, size: int, *, plain: bool) -> None:
        """A whole file in one request is published, whatever is spoken or nothing is."""
        self.has_sent_whole = True
        body = self._next().to_bytes(3, "big") + SOURCE[:size]
        if plain:
            answer = self.target.ask("PUT", f"{self.target.collection}a.bin", body=body, version=None).expect(201)
        elif iv is TUS:
            answer = self.target.post(f"Upload-Length: {len(body)}", OFFSET_TYPE, body=body).expect(201)
        else:
            answer = draft.create(self.target, body=body, complete=True, iv=iv).expect(201)
        self.target.holds(self.target.located(answer), body)
        self.target.delete(self.target.located(answer)).expect(204)

    @open_ones
    @rule(pick=PICKS, size=SIZES, chunked=st.booleans())
    def append(self, pick: int, size: int, *, chunked: bool) -> None:
        """Bytes at the right place are stored."""
        upload = self._open(pick)
        body = upload.rest[:size]
        answer = self._append(upload, body, chunked=chunked).expect(201, 204)
        upload.moved(len(body))
        answer.expect_field("Upload-Offset", str(upload.offset))

    @open_ones
    @rule(pick=PICKS)
    def complete(self, pick: int) -> None:
        """All that is missing is sent, and with it the length if nobody told it yet."""
        upload = self._open(pick)
        told: tuple[str, ...] = ()
        if upload.length is None:
            upload.length = min(upload.offset + 100, len(upload.source))
            told = (f"Upload-Length: {upload.length}",)
        answer = self._append(upload, upload.rest, *told, complete=True).expect(201, 204)
        upload.offset, upload.is_complete = upload.length, True
        if upload.iv is not TUS:
            answer.expect_field("Content-Location")

    @precondition(lambda self: any(upload.is_complete for upload in self.alive))
    @rule(pick=PICKS)
    def ask_for_the_last_answer(self, pick: int) -> None:
        """The answer that completed an upload is given again; with bytes the request is refused."""
        upload = _picked([upload for upload in self.alive if upload.is_complete], pick)
        self._append(upload, b"", complete=True).expect(201, 204)
        self._append(upload, b"more", complete=True).expect_refusal()

    @living_ones
    @rule(pick=PICKS, aside=st.one_of(st.integers(-30, -1), st.integers(1, 30)))
    def append_elsewhere(self, pick: int, aside: int) -> None:
        """Bytes at another place are refused with the right place."""
        upload = _picked(self.alive, pick)
        at = upload.offset + aside if upload.offset + aside >= 0 else upload.offset + 1
        self._append(upload, b"wrong", at=at).expect(409).expect_field("Upload-Offset", str(upload.offset))

    @precondition(lambda self: any(upload.length is not None for upload in self.alive))
    @rule(pick=PICKS, more=st.integers(1, 30))
    def append_too_much(self, pick: int, more: int) -> None:
        """A body that its own head shows to be beyond the length is refused whole."""
        upload = _picked([upload for upload in self.alive if upload.length is not None], pick)
        self._append(upload, upload.rest + SOURCE[:more]).expect(400 if upload.iv is not TUS else 413)

    @open_ones
    @rule(pick=PICKS, size=SIZES, right=st.booleans())
    def append_checked(self, pick: int, size: int, *, right: bool) -> None:
        """A body with a digest is stored whole or, when it is another one, not at all."""
        upload = self._open(pick)
        body = upload.rest[:size]
        claimed = body if right else body + b"x"
        if upload.iv is TUS:
            digest = hashlib.sha1(claimed, usedforsecurity=False).digest()
            named = f"Upload-Checksum: sha1 {b64encode(digest).decode()}"
        else:
            named = f"Content-Digest: sha-256=:{b64encode(hashlib.sha256(claimed).digest()).decode()}:"
        answer = self._append(upload, body, named)
        if right:
            answer.expect(201, 204)
            upload.moved(len(body))
        else:
            answer.expect(460 if upload.iv is TUS else 400)

    @precondition(lambda self: any(upload.rest and not upload.is_complete for upload in self.alive))
    @rule(pick=PICKS, size=st.integers(0, 5000), missing=st.integers(1, 30))
    def append_cut(self, pick: int, size: int, missing: int) -> None:
        """What came of a body that breaks off is kept, and makes nothing complete."""
        upload = _picked([upload for upload in self.alive if upload.rest and not upload.is_complete], pick)
        body = upload.rest[: min(size, len(upload.rest) - 1)]
        length = min(len(body) + missing, len(upload.rest))
        lines = (*self._lines(upload, at=upload.offset), f"Content-Length: {length}", "Expect: 100-continue")
        version = "1.0.0" if upload.iv is TUS else None
        with self.target.begin("PATCH", upload.path, *lines, version=version) as call:
            call.connection.interim()
            call.send(body)
            call.connection.half_close()
            call.connection.ends(seconds=10)
        upload.moved(len(body))

    @living_ones
    @rule(pick=PICKS)
    def append_in_other_words(self, pick: int) -> None:
        """An upload takes bytes in the words in which it was begun; others change nothing."""
        upload = _picked(self.alive, pick)
        if upload.iv is TUS:
            draft.append(self.target, upload, at=upload.offset, body=b"x").expect(403)
        else:
            self.target.patch(upload, at=upload.offset, body=b"x").expect(403)

    @living_ones
    @rule(pick=PICKS, iv=SPEAKS)
    def terminate(self, pick: int, iv: int | None) -> None:
        """Whoever asks in whatever words: what was removed is gone for good."""
        upload = _picked(self.alive, pick)
        self._delete(upload, iv).expect(204)
        self.alive.remove(upload)
        self.gone.append(upload)
        self._delete(upload, iv).expect(404)
        self._append(upload, b"x").expect(404)

    # --- the chunk API

    @precondition(lambda self: len(self.files) < MOST)
    @rule(total=st.integers(1, 5), size=st.integers(4000, 6000), last=st.integers(1, 4000), first=PICKS)
    def begin_chunks(self, total: int, size: int, last: int, first: int) -> None:
        """Cut a file into chunks, and send one of them."""
        number = self._next()
        data = (VIDEO * 2)[: size * (total - 1)]
        pieces = [data[at * size : at * size + size] for at in range(total - 1)]
        pieces.append((VIDEO[:64] if total == 1 else b"") + number.to_bytes(3, "big") + SOURCE[:last])
        file = Parts(key=f"life-{number}", pieces=pieces)
        self.files.append(file)
        self._put(file, first % total).expect(200)
        file.stored.add(first % total)

    @precondition(lambda self: any(file.published is None for file in self.files))
    @rule(pick=PICKS, at=PICKS)
    def put(self, pick: int, at: int) -> None:
        """A chunk is stored, in any order and as often as it comes."""
        file = _picked([file for file in self.files if file.published is None], pick)
        self._put(file, at % len(file.pieces)).expect(200)
        file.stored.add(at % len(file.pieces))

    @precondition(lambda self: self.files)
    @rule(pick=PICKS, at=PICKS)
    def put_other_bytes(self, pick: int, at: int) -> None:
        """Other bytes in the place of a chunk that is stored are refused."""
        file = _picked(self.files, pick)
        index = _picked(sorted(file.stored), at)
        piece = file.pieces[index]
        self._put(file, index, piece[:-1] + bytes([piece[-1] ^ 1])).expect(409)

    @precondition(lambda self: self.files)
    @rule(pick=PICKS, sends_rest=st.booleans())
    def finalize(self, pick: int, *, sends_rest: bool) -> None:
        """A file is published once all its chunks are there, and its answer is given again; before, nothing is."""
        file = _picked(self.files, pick)
        if sends_rest and file.published is None:
            for index in range(len(file.pieces)):
                self._put(file, index).expect(200)
                file.stored.add(index)
        document = {"uploadId": file.key, "filename": "life.mp4", "totalChunks": len(file.pieces)}
        answer = self._ask("POST", FINALIZE, JSON, body=json.dumps(document).encode())
        if len(file.stored) < len(file.pieces):
            answer.expect(409)
            return
        told = json.loads(answer.expect(200).body)
        assert file.published in {None, told["url"]}
        file.published = told["url"]

    @precondition(lambda self: len(self.files) > 1)
    @rule(pick=PICKS)
    def remove_chunks(self, pick: int) -> None:
        """What was removed is not known any more."""
        file = _picked(self.files, pick)
        self._ask("DELETE", f"{CHUNKS}?uploadId={file.key}").expect(204)
        self.files.remove(file)
        self._ask("GET", f"{CHUNKS}?uploadId={file.key}").expect(404)

    # --- what holds between the steps

    @invariant()
    def stands_as_believed(self) -> None:
        """Offset, length, completeness and bytes are what the user believes, in every dialect."""
        for upload in self.alive:
            self.target.stands(upload, offset=upload.offset, length=upload.length)
            told = draft.stands(self.target, upload, offset=upload.offset, complete=upload.is_complete)
            assert told.get("Upload-Length") == (None if upload.length is None else str(upload.length))
            assert (told.get("Content-Location") is not None) is upload.is_complete
        for upload in self.gone:
            self.target.head(upload).expect(404)
            draft.gone(self.target, upload)
        for file in self.files:
            self._holds(file)
        assert not self.target.violations, self.target.violations

    def teardown(self) -> None:
        """Leave nothing behind for the next life."""
        for upload in self.alive:
            self.target.delete(upload).expect(204)
        for file in self.files:
            self._ask("DELETE", f"{CHUNKS}?uploadId={file.key}").expect(204)

    def _open(self, pick: int) -> Belief:
        return _picked([upload for upload in self.alive if not upload.is_complete], pick)

    def _put(self, file: Parts, index: int, data: bytes | None = None) -> Answer:
        piece = file.pieces[index] if data is None else data
        form = [*forms.chunk_fields(index, len(file.pieces), key=file.key), ("chunk", piece)]
        return self._ask("POST", CHUNKS, forms.TYPE, body=forms.form(*form))

    def _holds(self, file: Parts) -> None:
        found: dict[str, Any] = json.loads(self._ask("GET", f"{CHUNKS}?uploadId={file.key}").expect(200).body)
        assert found["status"] == ("open" if file.published is None else "complete")
        got = {index for first, last in found["received"] for index in range(first, last + 1)}
        assert got == file.stored
        if file.published is not None:
            assert self._ask("GET", file.published).expect(200).body == file.source

    def _ask(self, method: str, path: str, *fields: str, body: bytes = b"") -> Answer:
        return self.target.ask(method, path, *fields, body=body, version=None)

    def _lines(self, upload: Belief, *, at: int, complete: bool = False) -> tuple[str, ...]:
        if upload.iv is TUS:
            return (f"Upload-Offset: {at}", OFFSET_TYPE)
        return draft.append_lines(at=at, complete=complete, iv=upload.iv)

    def _append(
        self,
        upload: Belief,
        body: bytes,
        *fields: str,
        at: int | None = None,
        complete: bool = False,
        chunked: bool = False,
    ) -> Answer:
        """Append in the words of the upload."""
        lines = (*self._lines(upload, at=upload.offset if at is None else at, complete=complete), *fields)
        if chunked:
            lines, body = (*lines, "Transfer-Encoding: chunked"), _chunked(body)
        version = "1.0.0" if upload.iv is TUS else None
        return self.target.ask("PATCH", upload.path, *lines, body=body, version=version)

    def _delete(self, upload: Belief, iv: int | None) -> Answer:
        return self.target.delete(upload) if iv is TUS else draft.cancel(self.target, upload, iv=iv)

    def _next(self) -> int:
        Lives.born += 1
        return Lives.born


def _picked(found: Sequence[T], pick: int) -> T:
    """Give one of several, which must be some."""
    return found[pick % len(found)]


def _chunked(body: bytes) -> bytes:
    return (b"%x\r\n" % len(body) + body + b"\r\n" if body else b"") + b"0\r\n\r\n"


@pytest.mark.timeout(120 + LIVES * 20)
def test_any_lives_in_every_dialect(houses: Houses) -> None:
    """No order of steps breaks what a user believes about uploads in three dialects side by side."""
    lives = type("LivesHere", (Lives,), {"target": houses.target(House.PLAIN)})
    run_machine(
        lives,
        settings=settings(
            max_examples=LIVES,
            stateful_step_count=STEPS,
            deadline=None,
            print_blob=True,
            suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
        ),
    )
