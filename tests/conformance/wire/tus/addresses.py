"""S-21 to S-40: what the protocol leaves open about methods, addresses, framing and what the server finds again."""

from tests.conformance.wire.calls import OFFSET_TYPE, SOURCE
from tests.conformance.wire.catalogue import House, check, elsewhere
from tests.conformance.wire.connection import chunked
from tests.conformance.wire.target import Target
from tests.conformance.wire.tus.creations import NAMED_FIELD
from tests.conformance.wire.verdict import OURS

ALICE, BOB = "Authorization: Bearer alice", "Authorization: Bearer bob"


@check("S-21", OURS)
def no_length_of_nothing(t: Target) -> None:
    """HEAD of an unfinished upload has no Content-Length: there is no content."""
    t.head(t.make(10, stored=3)).expect(200, 204).expect_no_field("Content-Length")


@check("S-22", OURS)
def other_methods(t: Target) -> None:
    """PUT and methods that nobody knows get 405 with Allow on an upload, and nothing changes."""
    upload = t.make(10, stored=3)
    for method in ("PUT", "PROPFIND", "TRACE"):
        answer = t.ask(method, upload.path, "Content-Length: 0").expect(405)
        answer.expect_word("Allow", "PATCH").expect_word("Allow", "HEAD")
    t.unchanged(upload)


@check("S-23", OURS)
def methods_of_the_collection(t: Target) -> None:
    """PATCH, HEAD and DELETE on the collection get 405 with Allow."""
    for method in ("PATCH", "HEAD", "DELETE"):
        t.ask(method, t.collection, OFFSET_TYPE, "Upload-Offset: 0").expect(405).expect_word("Allow", "POST")


@check("S-24", OURS)
def with_and_without_a_slash(t: Target) -> None:
    """The collection is there with a slash at its end and without, and nobody is redirected: bodies get lost so."""
    for path in (t.collection.rstrip("/"), t.collection.rstrip("/") + "/"):
        if path:
            t.ask("POST", path, "Upload-Length: 10", NAMED_FIELD).expect(201).expect_field("Location")


@check("S-25", OURS)
def decorated_addresses(t: Target) -> None:
    """A slash behind the name of an upload is 404, and a query does not matter: signed tokens live there."""
    upload = t.make(10, stored=3)
    t.head(upload.path + "/").expect(404)
    t.head(upload.path + "?token=x").expect(200, 204).expect_field("Upload-Offset", "3")


@check("S-26", OURS)
def encoded_names(t: Target) -> None:
    """A name with encoded slashes or dots is 404 and leads nowhere, also when it decodes to one that is there."""
    upload = t.make(10, stored=3)
    name = upload.path.removeprefix(t.collection)
    for other in (
        f"..%2f{name}",
        f"%2e%2e%2f{name}",
        f"x%2f..%2f{name}",
        f"{name}%00",
        f"%{ord(name[0]):02x}{name[1:]}",
    ):
        t.head(t.collection + other).expect(404)
        t.patch(t.collection + other, at=3, body=b"x").expect(404)
    t.unchanged(upload)


@check("S-27", OURS)
def coded_body(t: Target) -> None:
    """A compressed body gets 415, and is never inflated: offsets count bytes as they are sent."""
    upload = t.make()
    answer = t.patch(upload, "Content-Encoding: gzip", at=0, body=b"hello").expect(415)
    answer.expect_word("Accept-Encoding", "identity")
    t.unchanged(upload)


@check("S-28", OURS)
def two_framings(t: Target) -> None:
    """Content-Length and Transfer-Encoding together get 400 and the end of the connection, and nothing is stored."""
    upload = t.make()
    lines = ("Content-Length: 5", "Transfer-Encoding: chunked", "Upload-Offset: 0", OFFSET_TYPE)
    with t.begin("PATCH", upload.path, *lines, body=chunked(b"hello"), bare=True) as call:
        answer = call.answer().expect(400)
        answer.require(call.connection.ends(seconds=3), "the end of the connection", got="an open one")
    t.unchanged(upload)


@check("S-29", OURS)
def other_expectation(t: Target) -> None:
    """An Expect that nobody knows gets 417."""
    upload = t.make()
    t.patch(upload, "Expect: something", at=0, body=b"hello", bare=True).expect(417)
    t.unchanged(upload)


@check("S-30", OURS)
def old_http(t: Target) -> None:
    """HTTP/1.0 works, without chunks, which it does not know."""
    upload = t.make()
    t.patch(upload, at=0, body=SOURCE[:5], protocol="HTTP/1.0").expect(204).expect_field("Upload-Offset", "5")
    upload.offset = 5
    lines = ("Transfer-Encoding: chunked",)
    t.patch(upload, *lines, at=5, body=chunked(SOURCE[5:10]), protocol="HTTP/1.0", bare=True).expect(400)
    t.unchanged(upload)


@check("S-31", OURS)
def large_heads(t: Target) -> None:
    """A head of 40 KB is read."""
    t.post("Upload-Length: 10", NAMED_FIELD, f"X-Padding: {'x' * 40_000}", bare=True).expect(201)


@check("S-32", OURS)
def no_offset_without_bytes(t: Target) -> None:
    """The answer to a creation without bytes has no Upload-Offset."""
    t.post("Upload-Length: 10", NAMED_FIELD).expect(201).expect_no_field("Upload-Offset")


@check("S-33", OURS)
def unknown_fields(t: Target) -> None:
    """Fields of the kind Upload-… that nobody knows do not matter."""
    answer = t.post("Upload-Length: 10", NAMED_FIELD, "Upload-Colour: red", "Upload-Tag: x").expect(201)
    t.patch(t.located(answer), "Upload-Colour: blue", at=0, body=b"hello").expect(204)


@check("S-34", OURS)
def tus_wins(t: Target) -> None:
    """A request with Tus-Resumable is tus, whatever fields of the IETF draft it has besides."""
    draft = ("Upload-Complete: ?1", "Upload-Draft-Interop-Version: 6")
    answer = t.post("Upload-Length: 10", NAMED_FIELD, *draft).expect(201).expect_field("Tus-Resumable", "1.0.0")
    answer.require(not answer.interim, "no interim answer")
    t.patch(t.located(answer), *draft, at=0, body=b"hello").expect(204).expect_field("Upload-Offset", "5")


@check("S-35", OURS, extension="concatenation")
def part_as_a_download(t: Target) -> None:
    """A part is no file: GET gets 404, finished or not."""
    for stored in (3, 10):
        t.get(t.make(10, "Upload-Concat: partial", stored=stored)).expect(404)


elsewhere(
    "S-36",
    OURS,
    "a finished upload that turns out to be no video stays finished, and its record says why",
    "tests/e2e/test_media.py::test_a_damaged_video_fails_and_stays",
)


@check("S-37", OURS, inside=True, house=House.MORTAL)
def vanished_file(t: Target) -> None:
    """An upload whose file is gone is damaged: HEAD gets 404, and the log says so loudly."""
    _damage(t, keep=0)


@check("S-38", OURS, inside=True, house=House.MORTAL)
def short_file(t: Target) -> None:
    """An upload whose file is shorter than its offset is damaged: HEAD gets 404, and the bytes are kept."""
    _damage(t, keep=3)


def _damage(t: Target, *, keep: int) -> None:
    own = t.inside
    upload = t.make(10, stored=7)
    other = t.make(10, stored=7)
    own.stop()
    staged = own.data / "staging" / upload.path.rpartition("/")[2]
    if keep:
        staged.write_bytes(staged.read_bytes()[:keep])
    else:
        staged.unlink()
    own.start()
    head = t.head(upload).expect(404).expect_no_field("Upload-Offset")
    head.require(own.events(upload.path, "upload_damaged"), "upload_damaged in the log", got="nothing")
    if keep:
        places = [own.data / "lost+found" / staged.name, staged]
        kept = [place.read_bytes() for place in places if place.exists()]
        head.require(kept == [SOURCE[:keep]], "the bytes in staging or in lost+found", got=str(kept))
    t.unchanged(other)


@check("S-39", OURS, inside=True, house=House.MORTAL)
def limit_that_was_lowered(t: Target) -> None:
    """An upload that was begun under a larger limit goes on under it."""
    upload = t.make(2000, stored=500)
    with t.inside.set_otherwise("[profiles.files]\nmax_length = 1000\n"):
        t.post("Upload-Length: 2000").expect(413)
        t.completes(upload)


@check("S-40", OURS)
def location_is_a_path(t: Target) -> None:
    """Location is a path without a host, so that no proxy in between makes it wrong."""
    answer = t.post("Upload-Length: 10", NAMED_FIELD).expect(201)
    found = answer.headers.get("Location", "")
    answer.require(found.startswith("/") and not found.startswith("//"), "a path as Location", got=found)
