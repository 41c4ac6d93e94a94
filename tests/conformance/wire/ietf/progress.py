"""82 to 89: interim answers on the way, and cancellation."""

import time

from tests.conformance.wire.calls import SOURCE
from tests.conformance.wire.catalogue import House, check
from tests.conformance.wire.ietf.dialect import append, begin_append, cancel, create, gone, head, make, whole
from tests.conformance.wire.target import Target
from tests.conformance.wire.verdict import MUST, OURS, SHOULD, Failed

MIB = 1 << 20
MOST = 4
"""Interim answers to one request."""


@check("82", SHOULD)
def progress(t: Target) -> None:
    """A slow append hears of its progress: a 104 with an offset within its range, and without Location."""
    size = 64 * 1024
    upload = make(t, source=SOURCE)
    with begin_append(t, upload, at=0, length=size) as call:
        for at in range(0, size, size // 16):
            call.send(SOURCE[at : at + size // 16])
            call.connection.quiet(seconds=0.15)
        answer = call.answer().expect_success()
    told = [each for each in answer.message.interim if each.status == 104 and "Upload-Offset" in each.headers]
    answer.require(told, "a 104 with Upload-Offset before it")
    for each in told:
        inside = 0 < int(each.headers["Upload-Offset"]) < size and "Location" not in each.headers
        answer.require(inside, "an offset within the range and no Location", got=str(dict(each.headers)))


@check("83", MUST, inside=True, house=House.MORTAL)
def progress_is_kept(t: Target) -> None:
    """What a 104 told is there after a kill -9."""
    upload = make(t, source=SOURCE)
    told = 0
    with begin_append(t, upload, at=0, length=len(SOURCE)) as call:
        until = time.monotonic() + 4
        at = 0
        while not told and time.monotonic() < until:
            call.send(SOURCE[at : at + 1000])
            at += 1000
            if not call.connection.quiet(seconds=0.1):
                told = int(call.connection.interim().headers["Upload-Offset"])
        t.inside.kill()
    t.inside.start()
    answer = head(t, upload).expect_success()
    answer.require(told > 0, "a 104 with Upload-Offset within 4 s")
    answer.require(answer.number("Upload-Offset") >= told, f"an offset of {told} or more")


@check("84", MUST)
def one_final_answer(t: Target) -> None:
    """Nothing comes behind the final answer."""
    answer = create(t, body=SOURCE[:5], complete=True).expect_success()
    answer.require(not answer.message.surplus, "one final answer", got=repr(answer.message.surplus[:60]))
    upload = make(t)
    with begin_append(t, upload, at=0, length=5, body=SOURCE[:5]) as call:
        call.answer().expect_success()
        if call.connection.unread or not (call.connection.quiet(seconds=0.2) or call.connection.ends(seconds=0.1)):
            raise Failed(f"PATCH U: expected nothing behind the final answer, got {call.connection.unread[:60]!r}")


@check("85", OURS)
def few_interim_answers(t: Target) -> None:
    """One request hears four interim answers at most: some clients give up after five."""
    size = 8 * MIB
    upload = make(t, source=SOURCE * (size // len(SOURCE)))
    with begin_append(t, upload, at=0, length=size) as call:
        call.connection.push(upload.source, most=size)
        answer = call.answer().expect_success()
    answer.require(len(answer.interim) <= MOST, f"{MOST} interim answers at most", got=str(answer.interim))


@check("86", SHOULD)
def cancelled(t: Target) -> None:
    """DELETE gets a 2xx; afterwards nobody knows the upload, and its room is free."""
    before = t.own.census() if t.own is not None else frozenset()
    upload = make(t, stored=5)
    answer = cancel(t, upload).expect_success()
    gone(t, upload)
    append(t, upload, at=5, body=b"x").expect(404, 410)
    if t.own is not None and (left := t.own.census() - before):
        answer.fail("that nothing stays", got=", ".join(sorted(left)))


@check("87", SHOULD)
def cancelled_meanwhile(t: Target) -> None:
    """DELETE during an append ends that first, and completes nothing."""
    upload = make(t)
    with begin_append(t, upload, at=0, length=1000, body=SOURCE[:500], complete=True) as call:
        call.connection.quiet(seconds=0.1)
        answer = cancel(t, upload).expect_success()
        if not call.connection.ends(seconds=1):
            answer.fail("that the append's connection ends", got="an open one")
    gone(t, upload)


@check("88", OURS)
def cancelled_twice(t: Target) -> None:
    """The second DELETE gets 404 or 410."""
    upload = make(t, stored=5)
    with t.preparation():
        cancel(t, upload).expect_success()
    cancel(t, upload).expect(404, 410)


@check("89", OURS)
def cancelled_when_complete(t: Target) -> None:
    """DELETE of a complete upload removes it: 204, and then 404."""
    path = t.located(create(t, body=SOURCE[:5], complete=True).expect_success())
    whole(t, path, SOURCE[:5])
    cancel(t, path).expect(204)
    gone(t, path)
