"""F: faults and races."""

import contextlib
import random
import time
from typing import Final

from tests.conformance.wire.calls import OFFSET_TYPE, SOURCE, Call, Upload
from tests.conformance.wire.catalogue import House, check, elsewhere
from tests.conformance.wire.connection import NoAnswer
from tests.conformance.wire.target import Target
from tests.conformance.wire.tus.creations import NAMED_FIELD
from tests.conformance.wire.verdict import MUST, OURS, SHOULD, Failed

MIB: Final = 1 << 20
KILLS: Final = 3
"""In a run of the suite; ``make faults`` has hundreds."""


def large(size: int) -> bytes:
    """Give bytes for a large upload."""
    return (SOURCE * (size // len(SOURCE) + 1))[:size]


@check("F-01", OURS, inside=True, house=House.MORTAL)
def killed(t: Target) -> None:
    """After each kill -9 an upload goes on from the offset that HEAD tells, and the content is exact."""
    own, size = t.inside, 8 * MIB
    data = large(size)
    upload = t.make(size, source=data)
    chance = random.Random(1)
    for _ in range(KILLS):
        at = t.offset_of(upload)
        with t.begin_patch(upload, at=at, length=size - at) as call:
            call.connection.push(data[at : at + chance.randrange(1, 2 * MIB)], most=2 * MIB, seconds=1)
            call.connection.quiet(seconds=chance.random() / 10)
            own.kill()
        own.start()
        t.stands(upload, offset=t.offset_of(upload))
    t.completes(upload)


elsewhere(
    "F-02",
    OURS,
    "a server that dies between write, commit and answer resumes exactly",
    "tests/e2e/test_killed_at_a_call.py::test_a_server_that_dies_at_a_call_publishes_one_whole_file_in_the_end",
)


@check("F-03", OURS, inside=True, house=House.MORTAL)
def killed_while_creating(t: Target) -> None:
    """After a kill -9 during a creation no file is without its row, and what has a row is answered."""
    own = t.inside
    for delay in (0.0, 0.003):
        with t.begin("POST", t.collection, "Upload-Length: 10", NAMED_FIELD, OFFSET_TYPE, body=SOURCE[:5]) as call:
            call.connection.quiet(seconds=delay)
            own.kill()
        own.start()
        rows = own.rows()
        strays = {name.removeprefix("staging/") for name in own.files() if name.startswith("staging/")} - set(rows)
        if strays:
            raise Failed(f"POST C and a kill -9: expected no file without a row, got {', '.join(strays)}")
        for name, status in list(rows.items())[-5:]:
            if status == "open":
                t.head(t.collection + name).expect(200)


elsewhere(
    "F-04",
    OURS,
    "writes that were not synced are lost, and every acknowledged offset survives",
    "tests/faults/programme/replay.py",
    "tests/faults/programme/power.py",
)
elsewhere(
    "F-05",
    OURS,
    "a disk that fills up in the middle leaves an honest offset",
    "tests/stores/test_failures.py::test_a_full_disk",
    "tests/faults/programme/rooms.py",
)


@check("F-06", MUST)
def two_at_one_offset(t: Target) -> None:
    """Of two PATCHes at one offset with other bytes one gets 204, the other 409 or 423, and nothing is mixed."""
    for _ in range(5):
        size = 10_000
        upload = t.make(size + 1)
        bodies = (b"a" * size, b"b" * size)
        calls = [t.begin_patch(upload, at=0, length=size, body=body) for body in bodies]
        answers = [call.answer() for call in calls]
        won = [body for body, answer in zip(bodies, answers, strict=True) if answer.status == 204]
        for answer in answers:
            answer.expect(204, 409, 423)
        answers[0].require(len(won) == 1, "one 204", got=" and ".join(str(answer.status) for answer in answers))
        upload.source = won[0] + b"!"
        upload.offset = size
        t.completes(upload)


@check("F-07", OURS)
def takeover(t: Target) -> None:
    """A client that comes back while its old connection hangs takes over within a second."""
    upload = t.make(len(SOURCE))
    with _hanging(t, upload, 1000):
        began = time.monotonic()
        at = t.offset_of(upload)
        answer = t.patch(upload, at=at, body=SOURCE[at:]).expect(204)
        seconds = time.monotonic() - began
        answer.require(seconds < 1, "a takeover within a second", got=f"one after {seconds:.1f} s")
    t.holds(upload, SOURCE)


@check("F-08", OURS)
def late_bytes(t: Target) -> None:
    """Bytes that arrive on the old connection after a takeover are not stored."""
    upload = t.make(len(SOURCE))
    with _hanging(t, upload, 1000) as old:
        t.patch(upload, at=1000, body=SOURCE[1000:2000]).expect(204)
        old.send(b"\xff" * 5000)
        old.connection.quiet(seconds=0.2)
        t.stands(upload, offset=2000)
        t.completes(upload)


@check("F-09", OURS, inside=True)
def many_half_open(t: Target) -> None:
    """500 half-open PATCHes cost little memory, and others are served as ever."""
    own = t.inside
    upload = t.make(500 * 2)
    before = own.resident_kib()
    with t.preparation():
        others = [t.make(1000) for _ in range(50)]
    for number in range(500):
        t.begin_patch(others[number % 50], at=0, length=1000)
    began = time.monotonic()
    answer = t.patch(upload, at=0, body=SOURCE[:500]).expect(204)
    seconds = time.monotonic() - began
    answer.require(seconds < 2, "an answer within 2 s", got=f"one after {seconds:.1f} s")
    grown = own.resident_kib() - before
    answer.require(grown < 500 * 128, "less than 64 MiB more memory", got=f"{grown // 1024} MiB")
    t.hang_up()
    t.until(lambda: own.open_descriptors() < 200, what="that the connections are given back", seconds=5)
    t.completes(upload)


@check("F-10", OURS)
def lost_answer(t: Target) -> None:
    """When the answer to the last PATCH is lost, HEAD tells that all is there."""
    upload = t.make(10, stored=3)
    with t.begin_patch(upload, at=3, length=7, body=SOURCE[3:10]):
        t.until(lambda: t.head(upload).get("Upload-Offset") == "10", what="an offset of 10", seconds=5)
    t.holds(upload, SOURCE[:10])


@check("F-11", OURS, inside=True, house=House.MORTAL)
def stopped(t: Target) -> None:
    """SIGTERM during 100 PATCHes: the server ends in time, nothing that it told is lost, and all go on afterwards."""
    own, size = t.inside, 4000
    with t.preparation():
        uploads = [t.make(size) for _ in range(100)]
    with contextlib.ExitStack() as stack:
        for number, upload in enumerate(uploads):
            stack.enter_context(t.begin_patch(upload, at=0, length=size, body=SOURCE[: 100 + number]))
        t.until(lambda: t.offset_of(uploads[-1]) == 199, what="an offset of 199 during the last PATCH", seconds=5)
        began = time.monotonic()
        code = own.stop()
        seconds = time.monotonic() - began
    own.start()
    if code != 0 or seconds > 10:
        raise Failed(f"SIGTERM: expected the exit code 0 within 10 s, got {code} after {seconds:.1f} s")
    for number, upload in enumerate(uploads):
        t.stands(upload, offset=100 + number)
    for upload in uploads[::10]:
        t.completes(upload)


elsewhere(
    "F-12",
    OURS,
    "after a failed sync no byte is believed that only the page cache has",
    "tests/stores/test_failures.py::test_a_lost_page_kills_the_writer",
    "tests/faults/programme/calls.py",
)


@check("F-13", OURS, inside=True)
def table_that_is_held(t: Target) -> None:
    """While another program holds the session table a PATCH waits or gets 503, and questions are answered at once."""
    upload = t.make(10, stored=3)
    with t.inside.locked_table(), t.begin_patch(upload, at=3, length=7, body=SOURCE[3:10]) as call:
        for _ in range(5):
            began = time.monotonic()
            answer = t.head(upload).expect(200, 423)
            answer.require(time.monotonic() - began < 1, "an answer at once", got="a later one")
            if not call.connection.quiet(seconds=0.1):
                call.answer(allow=(503,)).expect(503)
                break
    t.until(lambda: t.offset_of(upload) in {3, 10}, what="an offset of 3 or 10", seconds=10)
    t.completes(upload)


@check("F-14", SHOULD, inside=True, house=House.HASTY)
def slow_sender(t: Target) -> None:
    """A sender that gives a byte now and then is cut off when it is too slow, and its bytes are kept."""
    upload = t.make()
    with t.begin_patch(upload, at=0, length=10) as call:
        for at in range(2):
            call.send(SOURCE[at : at + 1])
            call.connection.quiet(seconds=0.1)
        if not call.connection.ends(seconds=3):
            raise Failed("PATCH U, a byte and then none for 3 s: expected the end of the connection, got an open one")
    t.stands(upload, offset=2)


@check("F-15", OURS, inside=True, house=House.MORTAL)
def no_stale_lock(t: Target) -> None:
    """After a kill -9 in the middle of a PATCH the next one is taken at once."""
    upload = t.make(len(SOURCE))
    with t.begin_patch(upload, at=0, length=len(SOURCE), body=SOURCE[:1000]):
        t.until(lambda: t.offset_of(upload) == 1000, what="an offset of 1000 during the PATCH", seconds=3)
        t.inside.kill()
    t.inside.start()
    began = time.monotonic()
    at = t.offset_of(upload)
    answer = t.patch(upload, at=at, body=SOURCE[at:]).expect(204)
    answer.require(time.monotonic() - began < 2, "an answer at once", got="a later one")
    t.holds(upload, SOURCE)


@check("F-16", OURS, inside=True, house=House.MORTAL)
def full_disk(t: Target) -> None:
    """On a full disk HEAD and DELETE work."""
    upload = t.make(10, stored=3)
    with t.inside.set_otherwise('min_free_bytes = "1024 GiB"\n'):
        t.unchanged(upload)
        t.delete(upload).expect(204)
        t.head(upload).expect(404, 410)


elsewhere(
    "F-17",
    OURS,
    "on a disk that lets nothing be written any more POST and PATCH are 5xx with a reason, HEAD and GET work",
    "tests/e2e/test_read_only.py::test_what_is_stored_is_still_told_and_served",
)


@check("F-18", OURS)
def at_random(t: Target) -> None:
    """PATCH, HEAD, DELETE, GET and POST at random on a few uploads: no 5xx, no invariant broken, nothing leaked."""
    chance = random.Random(18)
    before = t.own.census() if t.own is not None else frozenset()
    uploads = [t.make(1000) for _ in range(3)]
    for _ in range(40):
        calls = [_random_call(t, chance, chance.choice(uploads)) for _ in range(6)]
        for call in calls:
            with call, contextlib.suppress(NoAnswer):
                answer = call.answer()
                answer.require(answer.status < 500, "no 5xx")
        for number, upload in enumerate(uploads):
            if t.head(upload).status not in {200, 204, 423}:
                uploads[number] = t.make(1000)
    for upload in uploads:
        upload.offset = t.offset_of(upload)
        t.completes(upload)
        if "termination" in t.announced:
            t.delete(upload).expect(204)
    if t.own is not None and "termination" in t.announced and (left := t.own.census() - before):
        raise Failed(f"requests at random, then DELETE: expected that nothing stays, got {', '.join(sorted(left))}")


def _hanging(t: Target, upload: Upload, count: int) -> Call:
    call = t.begin_patch(upload, at=0, length=upload.length or 0, body=upload.source[:count])
    t.until(lambda: t.offset_of(upload) == count, what=f"an offset of {count} during the PATCH", seconds=3)
    return call


def _random_call(t: Target, chance: random.Random, upload: Upload) -> Call:
    at = chance.randrange(0, 1000)
    count = chance.randrange(0, 1000 - at)
    lines = (f"Upload-Offset: {at}", OFFSET_TYPE)
    match chance.randrange(6):
        case 0:
            return t.begin("HEAD", upload.path)
        case 1:
            return t.begin("DELETE", upload.path)
        case 2:
            return t.begin("GET", upload.path, version=None)
        case 3:
            with t.preparation():
                at = int(t.head(upload).get("Upload-Offset") or 0)
            return t.begin("PATCH", upload.path, f"Upload-Offset: {at}", OFFSET_TYPE, body=SOURCE[at : at + 50])
        case 4:
            call = t.begin("PATCH", upload.path, *lines, f"Content-Length: {count}", bare=True)
            call.send(SOURCE[at : at + count // 2])
            call.connection.half_close()
            return call
        case _:
            return t.begin("PATCH", upload.path, *lines, body=SOURCE[at : at + count])
