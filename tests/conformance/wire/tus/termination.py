"""E: uploads that are given up."""

import time
from typing import Final

from tests.conformance.wire.calls import SOURCE
from tests.conformance.wire.catalogue import House, check
from tests.conformance.wire.target import Target
from tests.conformance.wire.verdict import MUST, OURS, SHOULD, Failed, NotApplicable

ON: Final = "termination"


@check("E-01", MUST, extension=ON)
def status(t: Target) -> None:
    """DELETE gets 204 without a body."""
    answer = t.delete(t.make(10, stored=3)).expect(204)
    answer.require(not answer.body, "no body")


@check("E-02", SHOULD, extension=ON)
def gone(t: Target) -> None:
    """What was terminated gets 404 or 410 from then on."""
    upload = t.make(10, stored=3)
    with t.preparation():
        t.delete(upload).expect(204)
    t.head(upload).expect(404, 410)
    t.patch(upload, at=3, body=b"x").expect(404, 410)
    t.get(upload).expect(404, 410, 405)


@check("E-03", SHOULD, extension=ON, inside=True)
def nothing_stays(t: Target) -> None:
    """Nothing of it stays on the disk or in the table."""
    before = t.inside.census()
    upload = t.make(10, stored=3)
    t.delete(upload).expect(204)
    left = t.inside.census() - before
    if left:
        raise Failed(f"DELETE U: expected that nothing stays, got {', '.join(sorted(left))}")


@check("E-04", MUST, extension=ON)
def finished(t: Target) -> None:
    """A finished upload can be terminated too; a server that forbids it says 403."""
    upload = t.make(10, stored=10)
    if t.delete(upload).expect(204, 403).status == 204:
        t.head(upload).expect(404, 410)


@check("E-05", OURS, extension=ON)
def never_was(t: Target) -> None:
    """DELETE of an upload that never was gets 404."""
    t.delete(t.unknown).expect(404)


@check("E-06", SHOULD, extension=ON)
def twice(t: Target) -> None:
    """The second DELETE gets 404 or 410."""
    t.delete(t.gone()).expect(404, 410)


@check("E-07", OURS, extension=ON)
def during_a_patch(t: Target) -> None:
    """DELETE during a PATCH gets 204 within a second; the PATCH ends, and nothing comes back."""
    upload = t.make(len(SOURCE))
    with t.begin_patch(upload, at=0, length=len(SOURCE), body=SOURCE[:100]) as call:
        call.connection.quiet(seconds=0.1)
        began = time.monotonic()
        answer = t.delete(upload).expect(204)
        answer.require(time.monotonic() - began < 1, "an answer within a second", got="a later one")
        call.send(SOURCE[100:])
        if not call.connection.ends(seconds=3):
            answer.fail("that the PATCH ends", got="one that goes on")
    t.head(upload).expect(404, 410)
    if t.own is not None:
        answer.require(not t.own.bytes_of(upload.path), "no file", got="one that came back")


@check("E-08", OURS, extension=ON)
def aborted(t: Target) -> None:
    """DELETE at once after a PATCH was aborted, as tus-js-client does it, gets 204 and never 423."""
    for _ in range(5):
        upload = t.make(len(SOURCE))
        call = t.begin_patch(upload, at=0, length=len(SOURCE), body=SOURCE[:1000])
        call.connection.reset()
        t.delete(upload).expect(204)


@check("E-09", OURS)
def not_announced(t: Target) -> None:
    """A server without the extension answers DELETE with 405 and Allow."""
    if ON in t.announced:
        raise NotApplicable("termination is announced")
    t.delete(t.make()).expect(405).expect_field("Allow")


@check("E-10", OURS, extension=ON, inside=True, house=House.SHARED)
def foreign(t: Target) -> None:
    """DELETE of somebody else's upload gets 404, and it stays."""
    alice, bob = "Authorization: Bearer alice", "Authorization: Bearer bob"
    upload = t.make(10, alice, stored=3)
    t.delete(upload, bob).expect(404)
    t.head(upload, alice).expect(200).expect_field("Upload-Offset", "3")


@check("E-11", OURS, extension=ON)
def part_of_a_final(t: Target) -> None:
    """DELETE of a part whose final upload is finished gets 204, or 404 if parts go by themselves; the final stays."""
    t.needs("concatenation")
    parts = [t.make(5, "Upload-Concat: partial", stored=5, source=data) for data in (b"hello", b"world")]
    with t.preparation():
        final = t.located(t.post(f"Upload-Concat: final;{parts[0].path} {parts[1].path}").expect(201))
        t.until(lambda: t.head(final).get("Upload-Offset") == "10", what="a finished final upload")
    t.delete(parts[0]).expect(204, 404, 410)
    t.holds(final, b"helloworld")


@check("E-12", OURS, extension=ON, inside=True, house=House.MORTAL)
def killed_in_the_middle(t: Target) -> None:
    """After a kill -9 in the middle of a DELETE the upload is whole or gone, and no file stays without its row."""
    own = t.inside
    for delay in (0.0, 0.003):
        upload = t.make(10, stored=3)
        with t.begin("DELETE", upload.path) as call:
            call.connection.quiet(seconds=delay)
            own.kill()
        own.start()
        if t.head(upload).expect(200, 404).status == 200:
            t.unchanged(upload)
        staged = {name.removeprefix("staging/") for name in own.files() if name.startswith("staging/")}
        if strays := staged - set(own.rows()):
            raise Failed(f"DELETE U and a kill -9: expected no file without a row, got {', '.join(strays)}")
