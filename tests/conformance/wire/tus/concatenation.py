"""N-01 to N-20: one upload made of others."""

from collections.abc import Sequence
from typing import Final
from urllib.parse import urljoin

from tests.conformance.wire.answer import Answer
from tests.conformance.wire.calls import NAMED, Upload
from tests.conformance.wire.catalogue import check
from tests.conformance.wire.target import Target
from tests.conformance.wire.tus.facts import same
from tests.conformance.wire.verdict import MAY, MUST, OURS, SHOULD, NotApplicable

ON: Final = "concatenation"
EARLY: Final = "concatenation-unfinished"
PARTIAL: Final = "Upload-Concat: partial"
HELLO, WORLD = b"hello", b" world"
TEXT: Final = HELLO + WORLD


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
    same(t.head(path).expect(200, 204), NAMED)


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
