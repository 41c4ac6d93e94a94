"""N-21 to N-36: lists of parts that are refused, long, asked for again or overtaken by events."""

import base64
import time
from typing import Final

from tests.conformance.wire.calls import OFFSET_TYPE, SOURCE
from tests.conformance.wire.catalogue import House, check
from tests.conformance.wire.connection import Connection
from tests.conformance.wire.target import Target
from tests.conformance.wire.tus.concatenation import HELLO, ON, PARTIAL, TEXT, WORLD, final, joined, pair, part
from tests.conformance.wire.verdict import MUST, OURS, SHOULD, Failed

MIB: Final = 1 << 20
MANY: Final = 500


@check("N-21", OURS, extension=ON)
def with_a_length(t: Target) -> None:
    """A final upload with Upload-Length gets 400, as the protocol forbids to send it."""
    parts = pair(t)
    with t.nothing_made():
        final(t, parts, "Upload-Length: 11").expect(400)


@check("N-22", OURS, extension=ON)
def unknown_part(t: Target) -> None:
    """A part that never was gets 404, and nothing is made."""
    parts = (part(t, HELLO), t.unknown)
    with t.nothing_made():
        final(t, parts).expect(404)


@check("N-23", OURS, extension=ON)
def malformed(t: Target) -> None:
    """A value of Upload-Concat that is neither partial nor final with a list gets 400; an empty one counts as none."""
    with t.nothing_made():
        for value in ("final;", "final; ", "final", "foo", "Partial"):
            t.post("Upload-Length: 5", f"Upload-Concat: {value}").expect(400)
            t.post(f"Upload-Concat: {value}").expect(400)
    t.post("Upload-Length: 5", "Upload-Concat:").expect(201)


@check("N-24", OURS, extension=ON)
def no_part(t: Target) -> None:
    """An upload that was not made as a part is none: 400."""
    upload = t.make(5, stored=5)
    with t.nothing_made():
        final(t, (upload,)).expect(400)


@check("N-25", OURS, extension=ON)
def final_of_a_final(t: Target) -> None:
    """A final upload is no part: 400."""
    path = joined(t, pair(t), TEXT)
    with t.nothing_made():
        final(t, (path,)).expect(400)


@check("N-26", OURS, extension=ON, inside=True, house=House.SHARED)
def foreign_part(t: Target) -> None:
    """Somebody else's part is answered like one that never was."""
    alice, bob = "Authorization: Bearer alice", "Authorization: Bearer bob"
    upload = t.make(5, PARTIAL, alice, stored=5)
    gone = t.make(5, PARTIAL, bob)
    with t.preparation():
        t.delete(gone, bob).expect(204)
    foreign, never = (final(t, (each,), bob).expect(404) for each in (upload, gone))
    foreign.require(
        foreign.body.replace(b"1", b"") == never.body.replace(b"1", b""), "the same words", got=foreign.told
    )
    final(t, (upload,), alice).expect(201)


@check("N-27", OURS, extension=ON)
def part_elsewhere(t: Target) -> None:
    """Another host, dots and other ways out of the collection get 400 or 404."""
    hello = part(t, HELLO)
    name = hello.path.removeprefix(t.collection)
    with t.nothing_made():
        for value in (
            f"http://evil.example{hello.path}",
            f"{t.collection}../{name}",
            f"{t.collection}%2e%2e/%2e%2e/etc/passwd",
            f"//evil.example/{name}",
            "/etc/passwd",
            f"{t.collection}{name}/../../x",
        ):
            final(t, (value,)).expect(400, 404)


@check("N-28", MUST, extension=ON, inside=True, house=House.LIMITED)
def above_the_limit(t: Target) -> None:
    """Parts that are above the limit together get 413, and nothing is made."""
    parts = [part(t, SOURCE[:600]), part(t, SOURCE[:600])]
    with t.nothing_made():
        final(t, parts).expect(413)


@check("N-29", OURS, extension=ON)
def many_parts(t: Target) -> None:
    """A list of 500 parts, some 20 KB, works."""
    t.needs("creation-with-upload")
    paths = []
    with t.preparation(), Connection(t.base) as connection:
        for _ in range(MANY // 50):
            calls = [
                t.begin("POST", t.collection, "Upload-Length: 1", PARTIAL, OFFSET_TYPE, body=b"x", on=connection)
                for _ in range(50)
            ]
            paths += [t.located(call.answer(pipelined=True).expect(201)) for call in calls]
    joined(t, paths, b"x" * MANY)


@check("N-30", OURS, extension=ON)
def final_again(t: Target) -> None:
    """The same final upload again, as after a lost answer, is the one of before."""
    parts, name = pair(t), f"Upload-Metadata: filename {base64.b64encode(str(time.time_ns()).encode()).decode()}"
    first = t.located(final(t, parts, name).expect(201))
    again = final(t, parts, name).expect(200, 201)
    again.require(t.located(again) == first, f"Location: {first}", got=again.get("Location"))
    t.until(lambda: t.head(first).get("Upload-Offset") == "11", what="a final upload with offset 11")
    if t.own is not None:
        again.require(t.own.events(first, "upload_completed") == 1, "one event upload_completed in the log")


@check("N-31", SHOULD, extension=ON, inside=True)
def part_is_no_file(t: Target) -> None:
    """A finished part is no finished file: nothing is published, and nobody is told."""
    before = {name for name in t.inside.files() if name.startswith("uploads/")}
    upload = part(t, HELLO)
    new = {name for name in t.inside.files() if name.startswith("uploads/")} - before
    head = t.head(upload).expect(200).expect_no_field("Content-Location")
    head.require(not new, "nothing published", got=f"{sorted(new)}")
    head.require(not t.inside.events(upload.path, "upload_completed"), "no event upload_completed")
    t.get(upload).expect(404)


@check("N-32", OURS, extension=ON, inside=True)
def large_final(t: Target) -> None:
    """A large final upload is answered within a second, and until it is whole HEAD has no offset."""
    size = 32 * MIB
    data = (SOURCE * (size // len(SOURCE)))[:size]
    parts = [part(t, data), part(t, data)]
    began = time.monotonic()
    answer = final(t, parts).expect(201)
    answer.require(time.monotonic() - began < 1, "an answer within a second", got="a later one")
    path = t.located(answer)

    def whole() -> bool:
        told = t.head(path).expect(200, 423).get("Upload-Offset")
        if told not in {None, str(2 * size)}:
            raise Failed(f"HEAD of a final upload that is being made: expected no Upload-Offset, got {told}")
        return told is not None

    t.until(whole, what="a whole final upload")
    t.holds(path, data + data)


@check("N-33", OURS, extension=ON, inside=True, house=House.MORTAL)
def killed_meanwhile(t: Target) -> None:
    """After a kill -9 while it is made a final upload becomes whole nevertheless, and never looks so before."""
    size = 32 * MIB
    data = (SOURCE * (size // len(SOURCE)))[:size]
    parts = [part(t, data), part(t, data)]
    path = t.located(final(t, parts).expect(201))
    t.inside.kill()
    t.inside.start()

    def whole() -> bool:
        told = t.head(path).expect(200, 423).get("Upload-Offset")
        return told == str(2 * size)

    t.until(whole, what="a whole final upload after the kill")
    t.holds(path, data + data)


@check("N-34", OURS, extension=ON)
def part_that_moves(t: Target) -> None:
    """A final upload that is asked for while a part is patched or deleted is made whole, or not at all."""
    t.needs("termination")
    for _ in range(5):
        hello, world = part(t, HELLO), part(t, WORLD, stored=3)
        with (
            t.begin("PATCH", world.path, "Upload-Offset: 3", OFFSET_TYPE, body=WORLD[3:]) as patch,
            t.begin("POST", t.collection, f"Upload-Concat: final;{hello.path} {world.path}") as made,
            t.begin("DELETE", hello.path) as delete,
        ):
            answer = made.answer()
            patch.answer().expect(204, 423)
            delete.answer()
        if answer.status != 201:
            answer.expect_refusal()
            continue
        _whole_or_gone(t, t.located(answer))


@check("N-35", OURS, extension=ON)
def empty_part(t: Target) -> None:
    """A part may be empty."""
    joined(t, (part(t, HELLO), part(t, b""), part(t, WORLD)), TEXT)


@check("N-36", OURS, extension=ON)
def part_of_unknown_length(t: Target) -> None:
    """A part may tell its length later."""
    late = t.make(None, PARTIAL, stored=3, source=HELLO)
    t.patch(late, "Upload-Length: 5", at=3, body=HELLO[3:]).expect(204)
    joined(t, (late, part(t, WORLD)), TEXT)


def _whole_or_gone(t: Target, path: str) -> None:
    def settled() -> bool:
        answer = t.head(path).expect(200, 204, 404, 410, 423)
        return answer.status in {404, 410} or answer.get("Upload-Offset") == str(len(TEXT))

    t.until(settled, what="a final upload that is whole or gone")
    if t.head(path).status == 200:
        t.holds(path, TEXT)
