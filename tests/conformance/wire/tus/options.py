"""O: what the server says about itself."""

import re

from tests.conformance.wire.answer import Answer
from tests.conformance.wire.catalogue import LIMIT, House, check
from tests.conformance.wire.target import Target
from tests.conformance.wire.verdict import MUST, OURS, SHOULD, NotApplicable

KNOWN = frozenset(
    {
        "creation",
        "creation-with-upload",
        "creation-defer-length",
        "expiration",
        "checksum",
        "checksum-trailer",
        "termination",
        "concatenation",
        "concatenation-unfinished",
    }
)
"""The extensions of tus 1.0.0."""


def options(t: Target) -> Answer:
    """Ask the collection."""
    return t.ask("OPTIONS", t.collection).expect(200, 204)


@check("O-01", MUST)
def status(t: Target) -> None:
    """OPTIONS on the collection gets 200 or 204."""
    options(t)


@check("O-02", MUST)
def versions(t: Target) -> None:
    """Tus-Version lists the versions, the best one first, 1.0.0 among them."""
    answer = options(t)
    listed = [word.strip() for word in (answer.get("Tus-Version") or "").split(",")]
    answer.require("1.0.0" in listed, "Tus-Version with 1.0.0", got=str(answer.get("Tus-Version")))
    ordered = sorted(listed, key=lambda text: [int(part) for part in re.findall("[0-9]+", text)], reverse=True)
    answer.require(listed == ordered, "the best version first", got=str(listed))


@check("O-03", MUST)
def extensions(t: Target) -> None:
    """Tus-Extension lists names of extensions in lower case, with commas, and those whose use is seen at once work."""
    answer = options(t)
    value = answer.get("Tus-Extension")
    if value is None:
        raise NotApplicable("no extension is announced")
    answer.require(re.fullmatch(r"[a-z-]+(, ?[a-z-]+)*", value), "names with commas", got=value)
    strange = frozenset(re.split(", ?", value)) - KNOWN
    answer.require(not strange or t.own is None, "extensions of the protocol", got=f"{sorted(strange)}")
    upload = t.make()
    if "termination" in t.announced:
        t.delete(upload).expect(204)
    if "creation-defer-length" in t.announced:
        t.post("Upload-Defer-Length: 1").expect(201)
    if "creation-with-upload" in t.announced:
        made = t.post("Upload-Length: 5", "Content-Type: application/offset+octet-stream", body=b"hello").expect(201)
        made.expect_field("Upload-Offset", "5")
    if "expiration" in t.announced:
        t.post("Upload-Length: 5").expect(201).expect_field("Upload-Expires")
    if "concatenation" in t.announced:
        t.post("Upload-Length: 5", "Upload-Concat: partial").expect(201)
    if "checksum" in t.announced:
        fields = ("Upload-Checksum: sha1 Kq5sNclPz7QV2+lfQIuc6R7oRu0=",)
        t.patch(t.make(11, source=b"hello world"), *fields, at=0, body=b"hello world").expect(204)


@check("O-04", MUST)
def no_empty_list(t: Target) -> None:
    """Tus-Extension is left out, not empty, when no extension is supported."""
    value = options(t).get("Tus-Extension")
    options(t).require(value is None or value.strip(), "no empty Tus-Extension", got="Tus-Extension:")


@check("O-05", SHOULD, house=House.LIMITED)
def limit_is_told(t: Target) -> None:
    """A server with a limit tells it in Tus-Max-Size, and it is the one that it keeps."""
    if t.max_size is None:
        if t.own is not None:
            options(t).expect_field("Tus-Max-Size", str(LIMIT))
        raise NotApplicable("no limit is told, and whether there is one is not known")
    options(t).expect_field("Tus-Max-Size", str(LIMIT if t.own is not None else t.max_size))
    t.post(f"Upload-Length: {t.max_size + 1}").expect(413)


@check("O-06", OURS)
def no_limit_is_not_zero(t: Target) -> None:
    """Without a limit there is no Tus-Max-Size; 0 would mean that nothing may be sent."""
    answer = options(t)
    answer.require(answer.get("Tus-Max-Size") != "0", "no Tus-Max-Size: 0", got="Tus-Max-Size: 0")


@check("O-07", MUST, extension="checksum")
def algorithms(t: Target) -> None:
    """Tus-Checksum-Algorithm lists names in lower case, sha1 among them."""
    answer = options(t).expect_word("Tus-Checksum-Algorithm", "sha1")
    value = answer.get("Tus-Checksum-Algorithm") or ""
    answer.require(re.fullmatch(r"[a-z0-9-]+(, ?[a-z0-9-]+)*", value), "names in lower case with commas", got=value)


@check("O-08", MUST)
def needs_no_version(t: Target) -> None:
    """OPTIONS without Tus-Resumable is answered."""
    t.ask("OPTIONS", t.collection, version=None).expect(200, 204).expect_word("Tus-Version", "1.0.0")


@check("O-09", OURS)
def any_upload(t: Target) -> None:
    """OPTIONS on an upload is answered alike whether it is there or not, as a preflight must be."""
    for path in (t.make().path, t.unknown):
        t.ask("OPTIONS", path).expect(200, 204)


@check("O-10", OURS, inside=True, house=House.SHARED)
def limit_without_credentials(t: Target) -> None:
    """Nobody in particular gets the limit of the server, and a user gets no larger one."""
    general = options(t).number("Tus-Max-Size")
    mine = t.ask("OPTIONS", t.collection, "Authorization: Bearer alice").expect(200, 204).number("Tus-Max-Size")
    options(t).require(mine <= general, f"at most {general}", got=str(mine))


@check("O-11", MUST)
def creation_comes_first(t: Target) -> None:
    """The extensions of the creation are announced together with creation only."""
    dependent = t.announced & {"creation-with-upload", "creation-defer-length"}
    options(t).require(not dependent or "creation" in t.announced, "creation too", got=f"{sorted(dependent)} alone")
