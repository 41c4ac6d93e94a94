"""What each protocol sends, what it reads, what a server offers, and which limits are kept."""

import json

import pytest

from tusvideo_client import FileTooLargeError, ProtocolError, RejectedError
from tusvideo_client.dialect import (
    IETF,
    TUS,
    Offer,
    Standing,
    collections_of,
    judge_length,
    judge_requests,
    read_checksums,
    read_offer,
    request_size,
)
from tusvideo_client.draft import COMPLETED_UPLOAD, MISMATCHING_DIGEST, MISMATCHING_OFFSET, Limits

URL = "http://h/files/"


def test_tus_has_the_form_of_its_specification() -> None:
    """Spec: Upload-Length and Upload-Metadata on a creation, offset and media type on a PATCH, the version on all."""
    assert TUS.always == {"Tus-Resumable": "1.0.0"}
    assert TUS.create(5, {"filename": "a.mp4"}) == {"Upload-Length": "5", "Upload-Metadata": "filename YS5tcDQ="}
    assert TUS.create(None, {}) == {"Upload-Defer-Length": "1", "Upload-Metadata": ""}
    assert TUS.checksum("sha1", b"abc") == {"Upload-Checksum": "sha1 YWJj"}
    assert TUS.append(3, True) == {"Upload-Offset": "3", "Content-Type": "application/offset+octet-stream"}


def test_the_draft_has_the_form_of_its_text() -> None:
    """Spec: a creation that is not the end, then parts of which the last says so."""
    assert IETF.always == {"Upload-Draft-Interop-Version": "9"}
    assert IETF.create(5, {"filename": "a.mp4"}) == {
        "Upload-Complete": "?0",
        "Upload-Length": "5",
        "Content-Disposition": "inline; filename*=UTF-8''a.mp4",
        "Want-Repr-Digest": "sha-256=10",
        "Upload-Metadata": "filename YS5tcDQ=",
    }
    assert "Upload-Length" not in IETF.create(None, {})
    media = {"Content-Type": "application/partial-upload"}
    assert IETF.checksum("sha256", b"abc") == {"Content-Digest": "sha-256=:YWJj:"}
    assert IETF.append(3, False) == {"Upload-Offset": "3", "Upload-Complete": "?0", **media}
    assert IETF.append(3, True) == {"Upload-Offset": "3", "Upload-Complete": "?1", **media}


@pytest.mark.parametrize(
    ("headers", "told"),
    [
        ({"Upload-Offset": "3", "Upload-Length": "5"}, Standing(offset=3, length=5)),
        ({"Upload-Complete": "?1"}, Standing(offset=None, length=None)),
    ],
)
def test_tus_answers(headers: dict[str, str], told: Standing) -> None:
    """Offset and length are all that tus tells."""
    assert TUS.read(204, headers, b"") == told


def test_a_checksum_that_does_not_match_is_460() -> None:
    """Spec: tus 1.0.0 § Checksum: 460 Checksum Mismatch."""
    assert TUS.read(460, {}, b"") == Standing(offset=None, length=None, is_damaged=True)


@pytest.mark.parametrize(
    ("status", "headers", "problem", "told"),
    [
        (204, {"Upload-Offset": "3", "Upload-Complete": "?0"}, {}, Standing(offset=3, length=None, is_complete=False)),
        (
            201,
            {"Upload-Complete": "?1", "Upload-Limit": "max-size=9", "Upload-Length": "5"},
            {},
            Standing(offset=None, length=5, is_complete=True, limits=Limits(max_size=9)),
        ),
        (
            409,
            {},
            {"type": MISMATCHING_OFFSET, "expected-offset": 4},
            Standing(offset=4, length=None, is_disputed=True),
        ),
        (409, {"Upload-Offset": "2"}, {"expected-offset": 4}, Standing(offset=2, length=None)),
        (
            400,
            {},
            {"type": COMPLETED_UPLOAD, "expected-offset": 4},
            Standing(offset=None, length=None, is_disputed=True),
        ),
        (400, {}, {"type": MISMATCHING_DIGEST}, Standing(offset=None, length=None, is_damaged=True)),
    ],
)
def test_answers_of_the_draft(status: int, headers: dict[str, str], problem: dict[str, object], told: Standing) -> None:
    """Fields carry the protocol; the problem's offset counts where a 409 has no field for it."""
    assert IETF.read(status, headers, json.dumps(problem).encode()) == told


@pytest.mark.parametrize(
    ("address", "places"),
    [
        ("http://h", ("http://h/files/", "http://h/")),
        ("http://h/", ("http://h/files/", "http://h/")),
        ("http://h/a/", ("http://h/a/", "http://h/a/files/")),
        ("http://h/a", ("http://h/a", "http://h/a/", "http://h/a/files/")),
    ],
)
def test_an_address_may_mean_several_places(address: str, places: tuple[str, ...]) -> None:
    """The root of a server, or the very place where it makes uploads."""
    assert collections_of(address) == places


@pytest.mark.parametrize(
    ("headers", "protocol", "limits"),
    [
        ({"Tus-Resumable": "1.0.0"}, "tus", Limits()),
        ({"Tus-Version": "2.0.0, 1.0.0", "Tus-Extension": "creation", "Tus-Max-Size": "7"}, "tus", Limits(max_size=7)),
        ({"Tus-Version": "1.0.0", "Tus-Max-Size": "0", "Upload-Limit": "max-size=5"}, "tus", Limits()),
        ({"Upload-Limit": "max-size=5"}, "ietf", Limits(max_size=5)),
        ({"Tus-Version": "0.2.2", "Upload-Limit": "min-size=0"}, "ietf", Limits(min_size=0)),
    ],
)
def test_offers(headers: dict[str, str], protocol: str, limits: Limits) -> None:
    """tus comes before the draft; a Tus-Max-Size of 0 is how some say that there is none."""
    offer = read_offer(URL, status=204, headers=headers)
    assert isinstance(offer, Offer)
    assert (offer.protocol, offer.collection, offer.limits) == (protocol, URL, limits)


@pytest.mark.parametrize(
    ("headers", "checksums"),
    [
        ({"Tus-Extension": "creation,checksum", "Tus-Checksum-Algorithm": "sha1, crc32"}, ("sha1", "crc32")),
        ({"Tus-Extension": "creation", "Tus-Checksum-Algorithm": "sha1"}, ()),
        ({"Tus-Extension": "creation,checksum"}, ()),
        ({}, ()),
    ],
)
def test_checksums_that_are_announced(headers: dict[str, str], checksums: tuple[str, ...]) -> None:
    """Spec: tus 1.0.0 § Checksum: the extension and its algorithms; both belong to an offer."""
    offer = read_offer(URL, status=204, headers={"Tus-Extension": "creation", "Tus-Resumable": "1.0.0", **headers})
    assert isinstance(offer, Offer)
    assert offer.checksums == read_checksums(headers) == checksums


@pytest.mark.parametrize(
    ("headers", "reason"),
    [
        ({}, "answered OPTIONS with 404 and neither"),
        ({"Tus-Version": "0.2.2"}, "speaks tus 0.2.2, not 1.0.0"),
        (
            {"Tus-Resumable": "1.0.0", "Tus-Extension": "expiration"},
            "without the extension creation (it has expiration)",
        ),
        ({"Tus-Resumable": "1.0.0", "Tus-Extension": ""}, "it has none"),
        ({"Upload-Limit": "max-size=x"}, "neither"),
    ],
)
def test_no_offer_says_what_was_found(headers: dict[str, str], reason: str) -> None:
    """What the server said instead is what a person needs to know."""
    found = read_offer(URL, status=404, headers=headers)
    assert isinstance(found, str)
    assert reason in found
    assert URL in found


@pytest.mark.parametrize(
    ("length", "limits"),
    [(5, Limits()), (5, Limits(max_size=5, min_size=5)), (0, Limits()), (None, Limits(max_size=5))],
)
def test_a_length_that_the_server_takes(length: int | None, limits: Limits) -> None:
    """Both bounds are inclusive; a length that nobody knows yet is not judged."""
    judge_length(length, limits=limits)


def test_a_length_that_the_server_does_not_take() -> None:
    """Spec: max-size and min-size are limits of the whole."""
    with pytest.raises(FileTooLargeError, match="at most 5"):
        judge_length(6, limits=Limits(max_size=5))
    with pytest.raises(RejectedError, match="from 5 bytes on"):
        judge_length(4, limits=Limits(min_size=5))


def test_limits_that_no_request_can_keep() -> None:
    """A server that wants at least more than at most makes no sense; equal bounds do."""
    judge_requests(Limits(min_append=5, max_append=5))
    judge_requests(Limits(min_append=5))
    with pytest.raises(ProtocolError, match="6 bytes at least and 5 at most"):
        judge_requests(Limits(min_append=6, max_append=5))


@pytest.mark.parametrize(
    ("wished", "left", "limits", "size"),
    [
        (5, 9, Limits(), 5),
        (5, 3, Limits(), 3),
        (5, 9, Limits(max_append=4), 4),
        (5, 9, Limits(min_append=7), 7),
        (5, 6, Limits(min_append=7), 6),
        (5, 0, Limits(min_append=7, max_append=8), 0),
    ],
)
def test_requests_keep_the_limits(wished: int, left: int, limits: Limits, size: int) -> None:
    """Spec: min-append-size and max-append-size bound a request; the last one may be smaller."""
    assert request_size(wished, left=left, limits=limits) == size
