"""Which dialect reads a request on ``/files/``: the table of decisions/0015."""

import pytest

from tests.protocol.heads import OFFSET_TYPE, TUS, head
from tusvideo.protocol.dispatch import Dialect, dialect_of

COMPLETE = ("Upload-Complete", "?1")
V9 = ("Upload-Draft-Interop-Version", "9")
V3 = ("Upload-Draft-Interop-Version", "3")
V7777 = ("Upload-Draft-Interop-Version", "7777")
LENGTH = ("Upload-Length", "5")

CREATIONS = [
    ("tus", [TUS, LENGTH]),
    ("tus", [TUS, COMPLETE, V9]),
    ("tus", [("Tus-Resumable", "0.2.2"), COMPLETE]),
    ("ietf", [V9, COMPLETE]),
    ("ietf", [V9, ("Upload-Complete", "?0"), LENGTH, ("Upload-Metadata", "a")]),
    ("ietf", [V7777, COMPLETE]),
    ("ietf", [COMPLETE]),
    ("ietf", [V3, ("Upload-Incomplete", "?1")]),
    ("ietf", [COMPLETE, OFFSET_TYPE]),
    ("plain", []),
    ("plain", [V9]),
    ("plain", [V9, LENGTH]),
    ("plain", [V9, ("Upload-Complete", "true")]),
    ("plain", [("Upload-Complete", "1"), LENGTH]),
    ("plain", [V3, COMPLETE]),
    ("plain", [("Upload-Incomplete", "?1")]),
    ("plain", [("Content-Type", "text/plain")]),
    ("tus", [LENGTH]),
    ("tus", [("Upload-Metadata", "a")]),
    ("tus", [("Upload-Defer-Length", "1")]),
    ("tus", [("Upload-Concat", "partial")]),
    ("tus", [("Upload-Checksum", "md5 x")]),
    ("tus", [OFFSET_TYPE]),
]


@pytest.mark.parametrize(("dialect", "fields"), CREATIONS)
def test_creations(dialect: str, fields: list[tuple[str, str]]) -> None:
    """IETF 2, 3, 26, 27, 98, 106, 109: the version of tus first, then whether the draft's field can be read."""
    for method in ("POST", "PUT", "PATCH"):
        assert dialect_of(head(method, *fields), creates=True) is Dialect(dialect)


@pytest.mark.parametrize(
    ("dialect", "fields"),
    [
        ("tus", [TUS]),
        ("tus", [TUS, V9, COMPLETE]),
        ("tus", [("Tus-Resumable", "")]),
        ("ietf", []),
        ("ietf", [V9]),
        ("ietf", [("Content-Type", "application/partial-upload")]),
        ("ietf", [("Content-Type", "text/plain")]),
        ("ietf", [V9, OFFSET_TYPE]),
        ("tus", [OFFSET_TYPE]),
        ("tus", [V7777, OFFSET_TYPE]),
    ],
)
def test_requests_on_an_upload(dialect: str, fields: list[tuple[str, str]]) -> None:
    """IETF 106 to 108: what has no version of tus is the draft's, save an append that is clearly one of tus."""
    for method in ("PATCH", "HEAD", "DELETE", "GET"):
        assert dialect_of(head(method, *fields), creates=False) is Dialect(dialect)
