"""11 to 24: OPTIONS, and what is too much."""

import time

from tests.conformance.wire.calls import SOURCE
from tests.conformance.wire.catalogue import LIMIT, House, check, elsewhere
from tests.conformance.wire.connection import chunked
from tests.conformance.wire.early import refused_early
from tests.conformance.wire.ietf.dialect import (
    append,
    append_lines,
    create,
    gone,
    head,
    limit_of,
    make,
    unchanged,
    whole,
)
from tests.conformance.wire.target import Target
from tests.conformance.wire.tus.creations import limit
from tests.conformance.wire.verdict import MUST, OURS, SHOULD, NotApplicable


@check("11", MUST)
def told_by_options(t: Target) -> None:
    """OPTIONS on the collection tells Upload-Limit."""
    limit_of(t.ask("OPTIONS", t.collection, version=None).expect_success())


elsewhere(
    "12",
    MUST,
    "no limit at all is told as min-size=0; no configuration of ours has none",
    "tests/protocol/test_ietf_answers.py::test_no_limit_is_a_least_size_of_nothing",
)


@check("13", SHOULD, house=House.LIMITED)
def told_of_the_server(t: Target) -> None:
    """OPTIONS of * tells it too, where all resources have the same limits."""
    answer = t.ask("OPTIONS", "*", version=None)
    if answer.status >= 400 and t.own is None:
        raise NotApplicable("the server does not answer OPTIONS *")
    if answer.get("Upload-Limit") is None and t.own is None:
        raise NotApplicable("whether all resources have the same limits is not known")
    limit_of(answer.expect_success())


@check("14", MUST)
def both_protocols(t: Target) -> None:
    """The same OPTIONS tells of tus."""
    answer = t.ask("OPTIONS", t.collection, version=None).expect_success().expect_field("Upload-Limit")
    if t.announced:
        answer.expect_field("Tus-Version").expect_field("Tus-Extension")


@check("15", SHOULD)
def not_looser(t: Target) -> None:
    """The limits of OPTIONS are not looser than those of a creation."""
    general = limit_of(t.ask("OPTIONS", t.collection, version=None))
    answer = create(t).expect(201)
    mine = limit_of(answer)
    for key in ("max-size", "max-append-size"):
        if key in mine and t.own is None:
            answer.require(
                key in general and general[key] <= mine[key], f"{key} of OPTIONS within it", got=str(general)
            )
    if t.own is not None:
        answer.require(mine["max-size"] <= general["max-size"], "the largest limit of a profile in OPTIONS")


@check("16", SHOULD, house=House.LIMITED)
def too_large(t: Target) -> None:
    """A length above max-size gets 413 with Upload-Limit and Upload-Complete: ?0, and nothing is made."""
    with t.nothing_made():
        answer = create(t, f"Upload-Length: {_max_size(t) + 1}").expect(413)
    limit_of(answer)
    answer.expect_field("Upload-Complete", "?0").expect_no_field("Location")


@check("17", SHOULD, house=House.NARROW)
def append_too_large(t: Target) -> None:
    """An append above max-append-size gets 413 with Upload-Limit before its body is read."""
    most = _max_append(t)
    upload = make(t)
    lines = append_lines(at=0)
    limit_of(refused_early(t, "PATCH", upload.path, *lines, length=most + 1, version=None).expect(413))
    unchanged(t, upload)
    with t.nothing_made():
        create(t, body=bytes(most + 1)).expect(413)


@check("18", SHOULD, house=House.NARROW)
def chunks_too_large(t: Target) -> None:
    """Chunks that pass max-append-size get 413 with Upload-Complete: ?0 and what was kept as Upload-Offset."""
    most = _max_append(t)
    upload = make(t, length=3 * most)
    sent = bytes(most + 1)
    answer = append(t, upload, "Transfer-Encoding: chunked", at=0, body=chunked(sent)).expect(413)
    kept = answer.expect_field("Upload-Complete", "?0").number("Upload-Offset")
    answer.require(kept <= most, f"an offset of at most {most}", got=str(kept))
    limit_of(answer)
    head(t, upload).expect_success().expect_field("Upload-Offset", str(kept)).expect_field("Upload-Complete", "?0")
    append(t, upload, at=kept, body=bytes(100)).expect_success()


@check("19", MUST, inside=True, house=House.LIMITED)
def grows_too_large(t: Target) -> None:
    """An upload of unknown length never passes max-size."""
    upload = make(t, stored=LIMIT - 10)
    append(t, upload, at=LIMIT - 10, body=bytes(20)).expect(413, 400)
    append(t, upload, "Transfer-Encoding: chunked", at=LIMIT - 10, body=chunked(bytes(20))).expect_refusal()
    answer = head(t, upload).expect(200, 204, 404, 410)
    if answer.status < 300:
        answer.require(answer.number("Upload-Offset") <= LIMIT, f"an offset of at most {LIMIT}")


@check("20", OURS, house=House.NARROW)
def append_too_small(t: Target) -> None:
    """An append below min-append-size that is not the last one gets 400 with Upload-Limit."""
    least = _min_append(t)
    upload = make(t)
    limit_of(append(t, upload, at=0, body=SOURCE[: least - 1]).expect(400))
    unchanged(t, upload)


@check("21", MUST, house=House.NARROW)
def last_append_may_be_small(t: Target) -> None:
    """The last append may be as small as it likes."""
    upload = make(t, stored=100)
    append(t, upload, at=100, body=SOURCE[100:101], complete=True).expect_success()
    whole(t, upload.path, SOURCE[:101])


@check("22", MUST, house=House.NARROW)
def empty_creation(t: Target) -> None:
    """A creation without content is taken."""
    create(t).expect(201)


@check("23", SHOULD)
def age(t: Target) -> None:
    """The moment at which an upload expires does not come nearer: max-age sinks no faster than time goes."""
    upload = make(t)
    began = time.monotonic()
    first = limit_of(head(t, upload)).get("max-age")
    if first is None:
        raise NotApplicable("no max-age is told")
    time.sleep(1.1)
    later = head(t, upload)
    left, passed = limit_of(later).get("max-age", 0), time.monotonic() - began
    later.require(left >= first - passed - 1, f"max-age of {first - passed:.0f} or more", got=str(left))


@check("24", OURS, inside=True, house=House.HASTY)
def expired(t: Target) -> None:
    """Past its max-age an upload gets 404 or 410."""
    upload = make(t, stored=3)
    with t.preparation():
        t.until(lambda: head(t, upload).status in {404, 410}, what="404 or 410 after the upload's time", seconds=4)
    gone(t, upload)
    append(t, upload, at=3, body=b"x").expect(404, 410)


def _max_size(t: Target) -> int:
    if t.own is not None:
        return limit(t)
    most = limit_of(t.ask("OPTIONS", t.collection, version=None)).get("max-size")
    if most is None:
        raise NotApplicable("no max-size is told")
    return most


def _min_append(t: Target) -> int:
    least = limit_of(t.ask("OPTIONS", t.collection, version=None)).get("min-append-size")
    if not least:
        raise NotApplicable("there is no min-append-size")
    return least


def _max_append(t: Target) -> int:
    most = limit_of(t.ask("OPTIONS", t.collection, version=None)).get("max-append-size")
    if most is None:
        raise NotApplicable("there is no max-append-size")
    return most
