"""25 to 46: creation."""

import json

from tests.conformance.wire.calls import SOURCE, Upload, short
from tests.conformance.wire.catalogue import House, check, elsewhere
from tests.conformance.wire.connection import chunked
from tests.conformance.wire.ietf.dialect import (
    PROBLEMS,
    append,
    begin_create,
    create,
    head,
    limit_of,
    make,
    spoken,
    stands,
    told_of,
    whole,
)
from tests.conformance.wire.target import Target
from tests.conformance.wire.verdict import MUST, OURS, SHOULD, Failed

MIB = 1 << 20


@check("25", SHOULD)
def optimistic(t: Target) -> None:
    """A whole file in one request: 104 with Location, limits and version comes while the body is on its way."""
    size = 4 * MIB
    data = SOURCE * (size // len(SOURCE))
    with begin_create(t, length=size) as call:
        call.send(data[: size // 2])
        found = told_of(call)
        if "Upload-Limit" not in found.headers or found.headers.get("Upload-Draft-Interop-Version") != "9":
            raise Failed(f"{call.sent}: expected Upload-Limit and version 9 in the 104, got {dict(found.headers)}")
        answer = call.send(data[size // 2 :]).answer().expect_success().expect_field("Upload-Complete", "?1")
        whole(t, t.located(answer), data)


@check("26", MUST)
def without_a_version(t: Target) -> None:
    """A client that announces no version gets no 104, and the right answer in the end."""
    _no_interim(t, None)


@check("27", MUST)
def of_an_unknown_version(t: Target) -> None:
    """A client of an unknown version gets no 104."""
    _no_interim(t, 7777)


@check("28", MUST)
def same_version(t: Target) -> None:
    """Every 104 names the version of the request."""
    with begin_create(t, length=5) as call:
        found = told_of(call)
        if found.headers.get("Upload-Draft-Interop-Version") != "9":
            raise Failed(f"{call.sent}: expected version 9 in the 104, got {dict(found.headers)}")
        answer = call.send(SOURCE[:5]).answer().expect_success()
        for each in answer.message.interim:
            wrong = each.status == 104 and each.headers.get("Upload-Draft-Interop-Version") != "9"
            answer.require(not wrong, "version 9 in every 104", got=str(dict(each.headers)))


@check("29", MUST)
def old_http(t: Target) -> None:
    """HTTP/1.0 knows no interim answers."""
    answer = create(t, body=SOURCE[:5], complete=True, protocol="HTTP/1.0").expect_success()
    answer.require(not answer.interim, "no interim answer")


@check("30", MUST)
def careful(t: Target) -> None:
    """An empty creation that is not complete gets 201 with Location, limits, offset 0 and Upload-Complete: ?0."""
    answer = create(t).expect(201).expect_field("Upload-Complete", "?0").expect_field("Upload-Offset", "0")
    limit_of(answer)
    stands(t, Upload(path=t.located(answer), length=None, source=SOURCE), offset=0)


@check("31", MUST)
def first_part(t: Target) -> None:
    """A creation with some bytes and the length gets 201, and HEAD tells both."""
    answer = create(t, "Upload-Length: 100", body=SOURCE[:25]).expect(201)
    upload = Upload(path=t.located(answer), length=100, source=SOURCE)
    stands(t, upload, offset=25).expect_field("Upload-Length", "100")


@check("32", MUST)
def same_location(t: Target) -> None:
    """The Location of the 104 is that of the final answer."""
    with begin_create(t, length=5, complete=False) as call:
        early = told_of(call).headers["Location"]
        call.send(SOURCE[:5]).answer().expect(201).expect_field("Location", early)


@check("33", SHOULD)
def empty_file(t: Target) -> None:
    """A complete creation without content is a file of 0 bytes."""
    answer = create(t, complete=True).expect_success().expect_field("Upload-Complete", "?1")
    whole(t, t.located(answer), b"")


@check("34", MUST)
def lengths_that_differ(t: Target) -> None:
    """A complete creation of 5 bytes with Upload-Length: 100 gets 400 and ?0, and no file."""
    with t.nothing_made():
        answer = create(t, "Upload-Length: 100", body=SOURCE[:5], complete=True).expect(400)
    answer.expect_field("Upload-Complete", "?0")
    _problem(answer.body, "inconsistent-upload-length")


@check("35", MUST)
def more_than_the_length(t: Target) -> None:
    """Chunks beyond the length are refused, and nothing is completed."""
    lines = ("Upload-Length: 10", "Transfer-Encoding: chunked")
    answer = create(t, *lines, body=chunked(SOURCE[:6], SOURCE[6:12]), complete=True).expect_refusal()
    where = next((each.headers["Location"] for each in answer.message.interim if "Location" in each.headers), None)
    if where is not None:
        left = head(t, where).expect(404, 410, 204, 200)
        left.require(left.get("Upload-Complete") != "?1", "no complete upload")


@check("36", MUST)
def cut(t: Target) -> None:
    """What came until a creation was cut is kept under the address of the 104."""
    stands(t, _cut(t), offset=40)


@check("37", MUST)
def cut_is_not_complete(t: Target) -> None:
    """A creation that was cut completes nothing: no file appears."""
    before = t.own.files() if t.own is not None else frozenset()
    upload = _cut(t)
    answer = head(t, upload).expect_success().expect_field("Upload-Complete", "?0")
    if t.own is not None:
        new = {name for name in t.own.files() - before if name.startswith("uploads/")}
        answer.require(not new, "no published file", got=f"{sorted(new)}")


@check("38", MUST)
def cut_has_its_length(t: Target) -> None:
    """The length of a complete creation is known, also when it was cut."""
    head(t, _cut(t)).expect_success().expect_field("Upload-Length", "100")


@check("39", MUST)
def by_put(t: Target) -> None:
    """PUT creates as POST does."""
    answer = create(t, method="PUT", path=f"{t.collection}name.bin").expect(201)
    append(t, t.located(answer), at=0, body=SOURCE[:5], complete=True).expect_success()


@check("40", MUST)
def by_patch(t: Target) -> None:
    """PATCH on the collection is a creation, or 405."""
    answer = create(t, method="PATCH").expect(201, 405)
    if answer.status == 201:
        head(t, t.located(answer)).expect_success().expect_field("Upload-Offset", "0")


@check("41", SHOULD)
def facts_of_the_creation(t: Target) -> None:
    """Name and type that came with the creation are those of the file, also when a PATCH completes it."""
    told = ("Content-Type: text/plain", "Content-Disposition: inline; filename*=UTF-8''n%C3%A4me.txt")
    upload = make(t, *told)
    answer = append(t, upload, at=0, body=SOURCE[:5], complete=True).expect_success()
    got = t.ask("GET", answer.get("Content-Location") or upload.path, version=None).expect(200)
    value = got.get("Content-Disposition") or "none"
    got.require("%C3%A4me" in value or "näme" in value, "the name in the download", got=value)
    kind = (got.get("Content-Type") or "none").partition(";")[0]
    got.require(kind == "text/plain", "Content-Type: text/plain in the download", got=kind)


@check("42", MUST)
def hostile_names(t: Target) -> None:
    """A name with paths, NUL or line breaks reaches neither the disk nor a header."""
    before = t.own.files() if t.own is not None else frozenset()
    for name in ("../../etc/passwd", "%2e%2e%2fx", "a%00b", "a%0d%0aSet-Cookie:%20a=b"):
        field = f"Content-Disposition: inline; filename*=UTF-8''{name.replace('/', '%2F')}"
        answer = create(t, field, body=SOURCE[:5], complete=True).expect_success()
        got = t.ask("GET", answer.get("Content-Location") or t.located(answer), version=None)
        got.expect_no_field("Set-Cookie")
    if t.own is not None:
        for place in t.own.files() - before:
            folder, _, name = place.rpartition("/")
            if folder != "uploads/files/local" or not name.isprintable():
                raise Failed(f"POST C with a hostile name: expected a file in its folder, got {short(place)}")


@check("43", SHOULD, inside=True, house=House.SHARED)
def refused_to_strangers(t: Target) -> None:
    """A creation that is refused for its credentials gets neither 104 nor 100, and makes nothing."""
    with t.nothing_made():
        lines = (*spoken(True, 9), "Content-Length: 5", "Expect: 100-continue")
        with t.begin("POST", t.collection, *lines, version=None) as call:
            answer = call.answer().expect(401, 403)
            answer.require(not answer.interim, "no interim answer")


@check("44", MUST)
def both_interim_answers(t: Target) -> None:
    """A client that waits for 100 Continue gets the 104 and the 100 before the final answer."""
    with begin_create(t, "Expect: 100-continue", length=5) as call:
        found = [call.connection.interim(seconds=3).status, call.connection.interim(seconds=3).status]
        answer = call.send(SOURCE[:5]).answer().expect_success()
        answer.require(sorted(found) == [100, 104], "104 and 100 before it", got=str(found))


@check("45", SHOULD)
def no_redirect(t: Target) -> None:
    """No answer to a creation is a redirect."""
    for path in (t.collection, t.collection.rstrip("/") or "/"):
        create(t, path=path).expect_success()


elsewhere(
    "46",
    OURS,
    "a creation that fails after the upload was made tells where that is, and it can be resumed",
    "tests/web/ietf/test_failures.py::test_a_creation_that_fails_later_tells_where_it_is",
)


def _no_interim(t: Target, iv: int | None) -> None:
    answer = create(t, body=SOURCE[:5], complete=True, iv=iv).expect_success()
    answer.require(not answer.interim, "no interim answer")
    whole(t, t.located(answer), SOURCE[:5])


def _cut(t: Target) -> Upload:
    with begin_create(t, length=100) as call:
        upload = Upload(path=told_of(call).headers["Location"], length=100, source=SOURCE)
        call.send(SOURCE[:40])
        call.connection.quiet(seconds=0.1)
        call.connection.half_close()
        call.connection.ends(seconds=1)
    return upload


def _problem(body: bytes, name: str) -> None:
    kind = json.loads(body or b"{}").get("type")
    if kind != PROBLEMS + name:
        raise Failed(f"a refusal: expected the problem type {name}, got {kind}")
