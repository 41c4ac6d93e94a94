"""90 to 97: two requests that want one upload."""

import contextlib
import time

from tests.conformance.wire.calls import SOURCE, Call, Upload
from tests.conformance.wire.catalogue import check, elsewhere
from tests.conformance.wire.ietf.dialect import (
    append,
    append_lines,
    begin_append,
    begin_create,
    cancel,
    head,
    make,
    stands,
    told_of,
    whole,
)
from tests.conformance.wire.target import Target
from tests.conformance.wire.verdict import MUST

HALF, SIZE = 5000, 10_000


@check("90", MUST)
def question(t: Target) -> None:
    """HEAD ends an append that hangs, within a second, and tells what was kept; an append there is taken."""
    upload = make(t, source=SOURCE)
    with begin_append(t, upload, at=0, length=SIZE, body=SOURCE[:HALF]) as call:
        call.connection.quiet(seconds=0.1)
        _asked(t, call, upload)


@check("91", MUST)
def second_append(t: Target) -> None:
    """A second append at the true offset ends the one that hangs, and is taken."""
    upload = make(t, source=SOURCE)
    with begin_append(t, upload, at=0, length=SIZE, body=SOURCE[:HALF]) as call:
        t.until(lambda: _offset_without_a_version(t, upload) == HALF, what=f"an offset of {HALF}", seconds=3)
        answer = append(t, upload, at=HALF, body=SOURCE[HALF:SIZE], complete=True).expect_success()
        answer.require(call.connection.ends(seconds=1), "that the old connection ends", got="an open one")
    whole(t, upload.path, SOURCE[:SIZE])


@check("92", MUST)
def question_during_a_creation(t: Target) -> None:
    """HEAD ends a creation that hangs as it ends an append."""
    with begin_create(t, length=SIZE) as call:
        upload = Upload(path=told_of(call).headers["Location"], length=SIZE, source=SOURCE)
        call.send(SOURCE[:HALF])
        call.connection.quiet(seconds=0.1)
        _asked(t, call, upload)


@check("93", MUST)
def twenty_at_once(t: Target) -> None:
    """Of twenty appends at one offset the bytes of one are stored, and nothing is mixed."""
    upload = make(t)
    bodies = [bytes([number]) * 1000 for number in range(20)]
    lines = append_lines(at=0)
    calls = [t.begin("PATCH", upload.path, *lines, body=body, version=None) for body in bodies]
    statuses = []
    for call in calls:
        with call, contextlib.suppress(AssertionError):
            statuses.append(call.answer(allow=(503,)).status)
    answer = head(t, upload).expect_success()
    offset = answer.number("Upload-Offset")
    answer.require(offset <= 1000 and sum(200 <= status < 300 for status in statuses) <= 1, "one that is taken")
    if t.own is not None:
        stored = t.own.bytes_of(upload.path)[:offset]
        answer.require(len(set(stored)) <= 1, "the bytes of one", got="a mixture")


@check("94", MUST)
def last_against_cancellation(t: Target) -> None:
    """A last append against a DELETE: completed or cancelled, never both."""
    for _ in range(5):
        upload = make(t, stored=5)
        lines = append_lines(at=5, complete=True)
        with t.begin("PATCH", upload.path, *lines, body=SOURCE[5:10], version=None) as call:
            cancelled = cancel(t, upload)
            with contextlib.suppress(AssertionError):
                call.answer(allow=(503,))
        answer = head(t, upload)
        if 200 <= cancelled.status < 300:
            answer.expect(404, 410)
        else:
            cancelled.expect(404, 409, 410, 503)
            answer.require(answer.status in {404, 410} or answer.get("Upload-Complete") == "?1", "complete or gone")


@check("95", MUST)
def two_uploads(t: Target) -> None:
    """Two uploads do not disturb each other."""
    one, other = make(t, source=SOURCE), make(t, source=SOURCE)
    with begin_append(t, one, at=0, length=SIZE, body=SOURCE[:HALF]) as call:
        append(t, other, at=0, body=SOURCE[:SIZE], complete=True).expect_success()
        head(t, other).expect_success()
        call.send(SOURCE[HALF:SIZE]).answer().expect_success().expect_field("Upload-Offset", str(SIZE))
    whole(t, other.path, SOURCE[:SIZE])


@check("96", MUST)
def late_bytes(t: Target) -> None:
    """An append that was ended writes nothing after the newcomer has read the offset."""
    upload = make(t, source=SOURCE)
    with begin_append(t, upload, at=0, length=SIZE, body=SOURCE[:HALF]) as call:
        call.connection.quiet(seconds=0.1)
        at = head(t, upload).expect_success().number("Upload-Offset")
        call.send(b"\xff" * 4000)
        call.connection.quiet(seconds=0.1)
        stands(t, upload, offset=at)
        append(t, upload, at=at, body=SOURCE[at:SIZE], complete=True).expect_success()
    whole(t, upload.path, SOURCE[:SIZE])


elsewhere("97", MUST, "one process serves a data directory")


def _asked(t: Target, call: Call, upload: Upload) -> None:
    began = time.monotonic()
    answer = head(t, upload).expect_success()
    seconds = time.monotonic() - began
    answer.require(seconds < 1, "an answer within a second", got=f"one after {seconds:.1f} s")
    answer.require(call.connection.ends(seconds=1), "that the old connection ends", got="an open one")
    at = answer.number("Upload-Offset")
    answer.require(0 < at <= HALF, f"an offset up to {HALF}")
    append(t, upload, at=at, body=SOURCE[at:SIZE], complete=True).expect_success()
    whole(t, upload.path, SOURCE[:SIZE])


def _offset_without_a_version(t: Target, upload: Upload) -> int:
    # Such a question ends nothing.
    return head(t, upload, iv=None).expect_success().number("Upload-Offset")
