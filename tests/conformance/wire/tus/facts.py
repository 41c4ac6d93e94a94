"""D: Upload-Metadata."""

import base64
from typing import Final

from tests.conformance.wire.answer import Answer
from tests.conformance.wire.calls import NAMED, metadata, short
from tests.conformance.wire.catalogue import check
from tests.conformance.wire.target import Target
from tests.conformance.wire.verdict import MUST, OURS, SHOULD, Failed

_NAMES: Final = ("../../etc/passwd", "/abs/olute", "..\\x", "nul\x00byte", "n" * 5000, ".", "..", "con", "-rf")


def told(t: Target, value: str, *, bare: bool = False) -> Answer:
    """Make an upload with this metadata."""
    return t.post("Upload-Length: 10", f"Upload-Metadata: {value}", bare=bare)


def echoed(t: Target, value: str) -> None:
    """Fail unless metadata is taken and comes back, in whatever order."""
    answer = told(t, f"{value},{NAMED}").expect(201)
    same(t.head(t.located(answer)).expect(200, 204), f"{value},{NAMED}")


def same(head: Answer, value: str) -> None:
    """Fail unless the pairs are those of a value; their order and spelling are asked about elsewhere."""
    found = head.get("Upload-Metadata") or ""
    head.require(pairs(found) == pairs(value), f"the pairs of {value}", got=found)


def pairs(value: str) -> frozenset[str]:
    """Split into pairs."""
    return frozenset(pair.strip() for pair in value.split(","))


def refused(t: Target, *values: str) -> None:
    """Fail unless each of these is refused, and nothing is made."""
    with t.nothing_made():
        for value in values:
            told(t, value).expect(400).expect_no_field("Location")


@check("D-01", MUST)
def one_pair(t: Target) -> None:
    """A pair of a key and a base64 value is taken, and HEAD gives it back."""
    echoed(t, "caption YS5iaW4=")


@check("D-02", MUST)
def order(t: Target) -> None:
    """Pairs come back in their order."""
    for _ in range(5):
        value = f"zebra YQ==,b Yg==,a YQ==,d ZA==,{NAMED}"
        t.head(t.located(told(t, value).expect(201))).expect(200, 204).expect_field("Upload-Metadata", value)


@check("D-03", MUST)
def key_alone(t: Target) -> None:
    """A key may stand alone."""
    echoed(t, "is_confidential")


@check("D-04", MUST)
def key_and_space(t: Target) -> None:
    """A key with a space and an empty value is taken."""
    answer = told(t, f"is_confidential ,{NAMED}").expect(201)
    head = t.head(t.located(answer)).expect(200, 204)
    value = head.get("Upload-Metadata") or ""
    head.require("is_confidential" in value and "filename Y29u" in value, "both keys", got=value)
    told(t, "is_confidential ").expect(201)


@check("D-05", MUST)
def keys_with_and_without_values(t: Target) -> None:
    """Keys with and without a value may be mixed."""
    value = f"a,b YQ==,c,{NAMED}"
    same(t.head(t.located(told(t, value).expect(201))).expect(200, 204), value)


@check("D-06", OURS)
def repeated_key(t: Target) -> None:
    """A key twice gets 400, as the protocol forbids to send it."""
    refused(t, "a YQ==,a Yg==")


@check("D-07", OURS)
def bad_base64(t: Target) -> None:
    """A value that is no padded base64 of the usual alphabet gets 400."""
    refused(t, "a !!!", "a YQ", "a _-__")


@check("D-08", OURS)
def empty_key(t: Target) -> None:
    """An empty key gets 400."""
    refused(t, " YQ==", ",a YQ==", "a YQ==,")


@check("D-09", OURS)
def space_after_the_comma(t: Target) -> None:
    """A space after the comma, which some clients send, does not count."""
    told(t, "a YQ==, b Yg==").expect(201)


@check("D-10", OURS)
def two_values(t: Target) -> None:
    """A key with two values is refused, as the protocol has no such form."""
    told(t, "a YQ== YQ==").expect_refusal().expect_no_field("Location")


@check("D-11", OURS)
def empty_field(t: Target) -> None:
    """An empty Upload-Metadata, which tuspy always sends, counts as none."""
    answer = told(t, "").expect(201)
    t.head(t.located(answer)).expect(200, 204).expect_no_field("Upload-Metadata")


@check("D-12", SHOULD)
def key_in_utf_8(t: Target) -> None:
    """A key with bytes beyond ASCII gets 400, or is taken and comes back as it was."""
    value = f"schlüssel YQ==,{NAMED}".encode().decode("latin-1")
    answer = told(t, value).expect(201, 400)
    if answer.status == 201:
        same(t.head(t.located(answer)).expect(200, 204), value)


@check("D-13", OURS)
def binary_value(t: Target) -> None:
    """A value is bytes: one that is no UTF-8 is taken and comes back."""
    echoed(t, metadata(a=b"\xff\xfe\x00\x80"))


@check("D-14", SHOULD)
def line_break_in_a_value(t: Target) -> None:
    """A line break within a value gets into no header of a response."""
    value = metadata(filename="x\r\nSet-Cookie: a=b")
    path = t.located(t.post("Upload-Length: 5", f"Upload-Metadata: {value}").expect(201))
    t.patch(path, at=0, body=b"hello").expect(204)
    for answer in (t.head(path), t.get(path)):
        answer.expect_no_field("Set-Cookie")


@check("D-15", SHOULD)
def hostile_names(t: Target) -> None:
    """A name is data: it leads to no other place on the disk, and the name of a download is clean."""
    before = t.own.files() if t.own is not None else frozenset()
    for name in _NAMES:
        path = t.located(t.post("Upload-Length: 5", f"Upload-Metadata: {metadata(filename=name)}").expect(201))
        t.patch(path, at=0, body=b"hello").expect(204)
        got = t.get(path)
        value = got.get("Content-Disposition") or ""
        got.require(
            t.own is None or ("/" not in value and ".." not in value.replace("...", "")),
            "a clean name in the download",
            got=value,
        )
        got.expect_no_field("Set-Cookie")
    if t.own is None:
        return
    for place in t.own.files() - before:
        folder, _, name = place.rpartition("/")
        if folder != "uploads/files/local" or len(name.encode()) > 255 or not name.isprintable() or "\\" in name:
            raise Failed(f"PATCH U of an upload with a hostile name: expected a file in its folder, got {short(place)}")


@check("D-16", OURS)
def seven_kib(t: Target) -> None:
    """7 KB of metadata are taken and come back."""
    echoed(t, "a " + base64.b64encode(b"x" * 5250).decode())


@check("D-17", OURS)
def sixty_four_kib(t: Target) -> None:
    """64 KB of metadata are taken, or refused with 400, 413 or 431 in the words of the protocol, not of a parser."""
    answer = told(t, "a " + base64.b64encode(b"x" * 48_100).decode(), bare=True)
    answer.expect(201, 400, 413, 431).expect_field("Tus-Resumable", "1.0.0")


@check("D-18", OURS)
def two_lines(t: Target) -> None:
    """Two lines of Upload-Metadata are one list, as everywhere in HTTP."""
    answer = t.post("Upload-Length: 10", "Upload-Metadata: a YQ==", f"Upload-Metadata: b Yg==,{NAMED}").expect(201)
    head = t.head(t.located(answer)).expect(200, 204)
    value = (head.get("Upload-Metadata") or "").replace(", ", ",")
    head.require(value == f"a YQ==,b Yg==,{NAMED}", "both lines in Upload-Metadata", got=value)


@check("D-19", MUST)
def value_of_the_client(t: Target) -> None:
    """What the server makes of metadata, a cleaned name for one, does not change what HEAD gives back."""
    value = metadata(filename="../weird name?.bin", name="null", filetype="x/y")
    upload = t.make(10, stored=10, metadata=value)
    same(t.head(upload).expect(200, 204), value)
