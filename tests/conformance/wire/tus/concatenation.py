"""N: one upload made of others."""

import base64
import time
from collections.abc import Sequence
from typing import Final
from urllib.parse import urljoin

from tests.conformance.wire.answer import Answer
from tests.conformance.wire.catalogue import House, check
from tests.conformance.wire.connection import Connection
from tests.conformance.wire.target import NAMED, OFFSET_TYPE, SOURCE, Target, Upload
from tests.conformance.wire.verdict import MAY, MUST, OURS, SHOULD, Failed, NotApplicable

ON: Final = "concatenation"
EARLY: Final = "concatenation-unfinished"
PARTIAL: Final = "Upload-Concat: partial"
HELLO, WORLD = b"hello", b" world"
TEXT: Final = HELLO + WORLD
MIB: Final = 1 << 20
MANY: Final = 500


def part(t: Target, data: bytes, *fields: str, stored: int | None = None, metadata: str | None = NAMED) -> Upload:
    """Make a partial upload, with all its bytes unless told otherwise."""
    count = len(data) if stored is None else stored
    return t.make(len(data), PARTIAL, *fields, stored=count, source=data, metadata=metadata)


def final(t: Target, parts: Sequence[Upload | str], *fields: str, body: bytes = b"") -> Answer:
    """Ask for the upload that consists of these."""
    paths = " ".join(each if isinstance(each, str) else each.path for each in parts)
    return t.post(f"Upload-Concat: final;{paths}", *fields, body=body)


def joined(t: Target, parts: Sequence[Upload | str], content: bytes, *fields: str) -> str:
    """Make a final upload, wait until it is whole, and fail unless it has this content; give its path."""
    named = fields or (f"Upload-Metadata: {NAMED}",)
    path = t.located(final(t, parts, *named).expect(201))
    whole = str(len(content))
    t.until(lambda: t.head(path).get("Upload-Offset") == whole, what=f"a final upload with offset {whole}")
    t.head(path).expect(200, 204).expect_field("Upload-Length", whole)
    t.holds(path, content)
    return path


def pair(t: Target) -> tuple[Upload, Upload]:
    """Make two finished parts."""
    return part(t, HELLO), part(t, WORLD)


@check("N-01", MUST, extension=ON)
def announced(t: Target) -> None:
    """OPTIONS announces concatenation."""
    t.ask("OPTIONS", t.collection).expect_word("Tus-Extension", ON)


@check("N-02", MUST, extension=ON)
def partial(t: Target) -> None:
    """Upload-Concat: partial makes an upload."""
    t.post("Upload-Length: 5", PARTIAL).expect(201).expect_field("Location")


@check("N-03", MUST, extension=ON)
def partial_is_told(t: Target) -> None:
    """HEAD of a part tells its offset, its length and that it is one."""
    head = t.head(part(t, HELLO, stored=2)).expect(200, 204).expect_field("Upload-Concat", "partial")
    head.expect_field("Upload-Offset", "2").expect_field("Upload-Length", "5")


@check("N-04", MUST, extension=ON)
def partial_takes_bytes(t: Target) -> None:
    """A part takes bytes like any upload."""
    upload = part(t, HELLO, stored=0)
    t.patch(upload, at=0, body=HELLO[:2]).expect(204).expect_field("Upload-Offset", "2")
    t.patch(upload, at=0, body=HELLO).expect(409)
    t.patch(upload, at=2, body=HELLO[2:]).expect(204).expect_field("Upload-Offset", "5")


@check("N-05", MUST, extension=ON)
def final_is_made(t: Target) -> None:
    """A final upload of two finished parts needs no length: 201 with Location."""
    final(t, pair(t)).expect(201).expect_field("Location")


@check("N-06", MUST, extension=ON)
def final_is_told(t: Target) -> None:
    """HEAD of a finished final upload tells the sum as length and as offset."""
    path = joined(t, pair(t), TEXT)
    t.head(path).expect(200, 204).expect_field("Upload-Length", "11").expect_field("Upload-Offset", "11")


@check("N-07", MUST, extension=ON)
def in_this_order(t: Target) -> None:
    """The content is that of the parts in the order of the list."""
    joined(t, pair(t), TEXT)
    hello, world = pair(t)
    joined(t, (world, hello), WORLD + HELLO)


@check("N-08", MUST, extension=ON)
def list_as_sent(t: Target) -> None:
    """HEAD gives Upload-Concat back as it was sent, paths as paths."""
    hello, world = pair(t)
    value = f"final;{hello.path} {world.path}"
    path = t.located(t.post(f"Upload-Concat: {value}", f"Upload-Metadata: {NAMED}").expect(201))
    t.head(path).expect(200, 204).expect_field("Upload-Concat", value)


@check("N-09", MUST, extension=ON)
def absolute_addresses(t: Target) -> None:
    """The list may hold whole URLs."""
    joined(t, [urljoin(t.url, each.path) for each in pair(t)], TEXT)


@check("N-10", MAY, extension=ON)
def the_same_part_twice(t: Target) -> None:
    """A part that is named twice is there twice."""
    hello = part(t, HELLO)
    joined(t, (hello, hello), HELLO + HELLO)


@check("N-11", MAY, extension=ON)
def part_of_two(t: Target) -> None:
    """A part serves a second final upload, or is gone (404 or 410) after the first."""
    parts = pair(t)
    joined(t, parts, TEXT)
    if final(t, parts).expect(201, 400, 404, 410).status != 201:
        t.head(parts[0]).expect(404, 410)


@check("N-12", MUST, extension=ON)
def no_metadata_of_parts(t: Target) -> None:
    """The metadata of parts does not become that of the final upload."""
    path = t.located(final(t, (part(t, HELLO, metadata="a YQ=="), part(t, WORLD, metadata="b Yg=="))).expect(201))
    t.until(lambda: t.head(path).get("Upload-Offset") == "11", what="a final upload with offset 11")
    t.head(path).expect(200, 204).expect_no_field("Upload-Metadata")


@check("N-13", SHOULD, extension=ON)
def metadata_of_its_own(t: Target) -> None:
    """A final upload has metadata of its own."""
    path = joined(t, pair(t), TEXT, f"Upload-Metadata: {NAMED}")
    t.head(path).expect(200, 204).expect_field("Upload-Metadata", NAMED)


@check("N-14", MUST, extension=ON)
def final_takes_no_bytes(t: Target) -> None:
    """A PATCH to a final upload gets 403, and nothing changes."""
    path = joined(t, pair(t), TEXT)
    t.patch(path, at=11, body=b"!").expect(403)
    t.holds(path, TEXT)


@check("N-15", MUST, extension=ON)
def final_takes_not_even_none(t: Target) -> None:
    """An empty PATCH to a final upload gets 403, too."""
    t.patch(joined(t, pair(t), TEXT), at=11).expect(403)


@check("N-16", OURS, extension=ON)
def too_early(t: Target) -> None:
    """A server without concatenation-unfinished refuses a final upload of parts that are not whole."""
    if EARLY in t.announced:
        raise NotApplicable(f"{EARLY} is announced")
    parts = (part(t, HELLO), part(t, WORLD, stored=3))
    with t.nothing_made():
        final(t, parts).expect_refusal().expect_no_field("Location")


@check("N-17", MUST, extension=EARLY)
def early(t: Target) -> None:
    """A final upload may come before its parts are whole: 201, with the sum as length and without an offset."""
    path = t.located(final(t, (part(t, HELLO), part(t, WORLD, stored=3))).expect(201))
    t.head(path).expect(200, 204).expect_field("Upload-Length", "11").expect_no_field("Upload-Offset")


@check("N-18", MUST, extension=EARLY)
def early_and_then_whole(t: Target) -> None:
    """Once its parts are whole, so is the final upload."""
    late = part(t, WORLD, stored=3)
    path = t.located(final(t, (part(t, HELLO), late)).expect(201))
    t.patch(late, at=3, body=WORLD[3:]).expect(204)
    t.until(lambda: t.head(path).get("Upload-Offset") == "11", what="a final upload with offset 11")
    t.holds(path, TEXT)


@check("N-19", MUST, extension=EARLY)
def early_of_unknown_length(t: Target) -> None:
    """While the length of a part is unknown, so is that of the final upload."""
    late = t.make(None, PARTIAL, source=WORLD)
    path = t.located(final(t, (part(t, HELLO), late)).expect(201))
    t.head(path).expect(200, 204).expect_no_field("Upload-Length", "Upload-Offset")
    t.patch(late, f"Upload-Length: {len(WORLD)}", at=0, body=WORLD).expect(204)
    t.until(lambda: t.head(path).get("Upload-Offset") == "11", what="a final upload with offset 11")
    t.holds(path, TEXT)


@check("N-20", OURS, extension=EARLY)
def early_and_part_deleted(t: Target) -> None:
    """A final upload whose part goes before it was whole never looks finished."""
    t.needs("termination")
    late = part(t, WORLD, stored=3)
    path = t.located(final(t, (part(t, HELLO), late)).expect(201))
    t.delete(late).expect(204)
    answer = t.head(path).expect(200, 204, 404, 410, 423)
    answer.require(answer.get("Upload-Offset") is None, "no Upload-Offset")


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
