"""1 to 10: fields are structured, and what cannot be read is as if it were not there."""

from tests.conformance.wire.calls import SOURCE
from tests.conformance.wire.catalogue import check
from tests.conformance.wire.ietf.dialect import append, create, head, limit_of, make, stands, unchanged, whole
from tests.conformance.wire.target import Target
from tests.conformance.wire.verdict import MUST

FIVE = SOURCE[:5]


@check("1", MUST)
def parameters(t: Target) -> None:
    """Parameters of Upload-Complete do not count: ?1;foo=bar completes."""
    answer = create(t, "Upload-Complete: ?1;foo=bar", complete=None, body=FIVE).expect_success()
    answer.expect_field("Upload-Complete", "?1")
    whole(t, t.located(answer), FIVE)


@check("2", MUST)
def word(t: Target) -> None:
    """Upload-Complete: true is no boolean: the request is a plain upload, without an interim answer."""
    _plain(t, "true")


@check("3", MUST)
def number(t: Target) -> None:
    """Upload-Complete: 1 is no boolean either."""
    _plain(t, "1")


@check("4", MUST)
def negative_offset(t: Target) -> None:
    """An offset of -1 is as if it were not there: 400, and nothing changes."""
    _ignored_offset(t, "-1")


@check("5", MUST)
def decimal_offset(t: Target) -> None:
    """An offset of 5.0 is no integer: 400, and nothing is appended."""
    _ignored_offset(t, "5.0")


@check("6", MUST)
def two_offsets(t: Target) -> None:
    """Two lines of Upload-Offset are no item: 400, and nothing is appended."""
    upload = make(t, stored=5)
    append(t, upload, "Upload-Offset: 5", at=5, body=b"x").expect(400)
    unchanged(t, upload)


@check("7", MUST)
def long_offset(t: Target) -> None:
    """An integer has 15 digits at most: 400 for one of 16."""
    _ignored_offset(t, "9999999999999999")


@check("8", MUST)
def length_that_is_none(t: Target) -> None:
    """A length of abc is unknown: 201, and HEAD tells no length."""
    path = t.located(create(t, "Upload-Length: abc").expect(201))
    head(t, path).expect_success().expect_no_field("Upload-Length")


@check("9", MUST)
def leading_zeros(t: Target) -> None:
    """0005 is 5: structured integers may have leading zeros."""
    upload = make(t, stored=5)
    append(t, upload, at="0005", body=SOURCE[5:10]).expect_success()
    stands(t, upload, offset=10)


@check("10", MUST)
def limits(t: Target) -> None:
    """Every Upload-Limit is a dictionary of integers, and not empty."""
    upload = make(t, length=10, stored=3)
    for answer in (t.ask("OPTIONS", t.collection, version=None), create(t), head(t, upload)):
        answer.require(limit_of(answer), "a limit at least")


def _plain(t: Target, value: str) -> None:
    answer = create(t, f"Upload-Complete: {value}", complete=None, body=FIVE)
    answer.require(104 not in answer.interim, "no interim answer").expect_success()
    answer.require(answer.get("Upload-Complete") != "?0", "a plain upload that is done with it")


def _ignored_offset(t: Target, value: str) -> None:
    upload = make(t, stored=5)
    append(t, upload, at=value, body=b"x").expect(400)
    unchanged(t, upload)
