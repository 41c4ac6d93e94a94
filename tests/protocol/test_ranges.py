"""Downloads: conditions, ranges, and names that break nothing."""

from datetime import UTC, datetime
from email.message import Message

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.protocol.heads import headers
from tusvideo.protocol import ranges

ETAG = '"abc-10"'
CHANGED = datetime(1994, 11, 6, 8, 49, 37, 500, tzinfo=UTC)
CHANGED_TEXT = "Sun, 06 Nov 1994 08:49:37 GMT"
BEFORE = "Sun, 06 Nov 1994 08:49:36 GMT"
AFTER = "Sun, 06 Nov 1994 08:49:38 GMT"
NAMES = ["If-Match", "If-None-Match", "If-Modified-Since", "If-Unmodified-Since", "If-Range", "Range"]


def plan(
    *fields: tuple[str, str],
    method: str = "GET",
    size: int = 10,
    content_type: str | None = "video/mp4",
    filename: str = "a.mp4",
    public: bool = False,
) -> ranges.Plan:
    """Decide about a file of 10 bytes."""
    return ranges.plan(
        method,
        headers=headers(*fields),
        size=size,
        etag=ETAG,
        modified_at=CHANGED,
        content_type=content_type,
        filename=filename,
        public=public,
    )


def slice_of(found: ranges.Plan) -> tuple[int, int, int]:
    """Status and bytes of a plan."""
    return found.status, found.start, found.stop


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_the_whole(method: str) -> None:
    """S-20: without conditions the whole file, with everything that keeps a browser from guessing or running it."""
    found = plan(method=method)
    assert slice_of(found) == (200, 0, 10)
    assert dict(found.headers) == {
        "ETag": ETAG,
        "Last-Modified": CHANGED_TEXT,
        "Cache-Control": "private, no-cache",
        "Accept-Ranges": "bytes",
        "Content-Type": "video/mp4",
        "Content-Disposition": 'inline; filename="a.mp4"',
        "X-Content-Type-Options": "nosniff",
        "Content-Security-Policy": "sandbox; default-src 'none'",
        "Content-Length": "10",
    }


def test_public_files_may_be_shared() -> None:
    """Files of a public profile may be kept by shared caches, as long as they ask whether they are still good."""
    assert dict(plan(public=True).headers)["Cache-Control"] == "public, no-cache"


def test_unknown_content_is_saved_not_shown() -> None:
    """Content that nobody judged is bytes, and bytes are saved."""
    found = dict(plan(content_type=None).headers)
    assert found["Content-Type"] == "application/octet-stream"
    assert found["Content-Disposition"].startswith("attachment;")


@pytest.mark.parametrize(
    ("value", "start", "stop"),
    [
        ("bytes=0-0", 0, 1),
        ("bytes=0-4", 0, 5),
        ("bytes=3-", 3, 10),
        ("bytes=9-", 9, 10),
        ("bytes=5-100", 5, 10),
        ("bytes=-3", 7, 10),
        ("bytes=-100", 0, 10),
        ("BYTES=0-0", 0, 1),
        ("bytes = 0-4", 0, 5),
        ("bytes=00000000000000000000000003-", 3, 10),
        ("bytes=0-" + "9" * 5_000, 0, 10),
        ("bytes=-" + "9" * 5_000, 0, 10),
    ],
)
def test_a_part(value: str, start: int, stop: int) -> None:
    """RFC 9110 §14.1.2: first to last, from first on, or the last so many; huge numbers are just far away."""
    found = plan(("Range", value))
    assert slice_of(found) == (206, start, stop)
    assert dict(found.headers)["Content-Range"] == f"bytes {start}-{stop - 1}/10"
    assert dict(found.headers)["Content-Length"] == str(stop - start)
    assert dict(found.headers)["Content-Type"] == "video/mp4"


@pytest.mark.parametrize(
    ("value", "size"),
    [("bytes=10-", 10), ("bytes=10-20", 10), ("bytes=-0", 10), ("bytes=" + "9" * 5_000 + "-", 10), ("bytes=0-", 0)],
)
def test_no_such_part(value: str, size: int) -> None:
    """RFC 9110 §15.5.17: a range beyond the end is 416 with the true size."""
    found = plan(("Range", value), size=size)
    assert slice_of(found) == (416, 0, 0)
    assert dict(found.headers)["Content-Range"] == f"bytes */{size}"
    assert "Content-Type" not in dict(found.headers)


@pytest.mark.parametrize(
    "fields",
    [
        pytest.param([("Range", "bytes=0-1,3-4")], id="several ranges"),
        pytest.param([("Range", "bytes=0-1"), ("Range", "bytes=3-4")], id="several fields"),
        pytest.param([("Range", "bytes=4-3")], id="backwards"),
        pytest.param([("Range", "bytes=-")], id="neither end"),
        pytest.param([("Range", "bytes=")], id="nothing"),
        pytest.param([("Range", "0-4")], id="no unit"),
        pytest.param([("Range", "seconds=0-4")], id="another unit"),
        pytest.param([("Range", "bytes=a-b")], id="no numbers"),
        pytest.param([("Range", "bytes=+1-4")], id="a sign"),
        pytest.param([("Range", "bytes=٠-٤")], id="Arabic digits"),
        pytest.param([("Range", "bytes=²-")], id="superscript"),
        pytest.param([("Range", "")], id="empty"),
    ],
)
def test_what_is_no_single_range_is_ignored(fields: list[tuple[str, str]]) -> None:
    """RFC 9110 §14.2: several ranges and malformed ones are answered with the whole."""
    assert slice_of(plan(*fields)) == (200, 0, 10)


def test_ranges_are_for_get() -> None:
    """RFC 9110 §14.2: HEAD knows no ranges."""
    assert plan(("Range", "bytes=0-4"), method="HEAD").status == 200


def test_the_end_of_nothing_is_the_whole() -> None:
    """A suffix of an empty file is satisfiable, but no Content-Range could say so: the empty whole."""
    assert slice_of(plan(("Range", "bytes=-5"), size=0)) == (200, 0, 0)


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        pytest.param([("If-Range", ETAG)], 206, id="the same tag"),
        pytest.param([("If-Range", CHANGED_TEXT)], 200, id="the same date, which another version may have, too"),
        pytest.param([("If-Range", '"other"')], 200, id="another tag"),
        pytest.param([("If-Range", f"W/{ETAG}")], 200, id="a weak tag"),
        pytest.param([("If-Range", AFTER)], 200, id="a later date"),
        pytest.param([("If-Range", BEFORE)], 200, id="an earlier date"),
        pytest.param([("If-Range", "")], 200, id="empty"),
        pytest.param([("If-Range", ETAG), ("If-Range", ETAG)], 200, id="twice"),
    ],
)
def test_a_part_of_the_same_file_only(fields: list[tuple[str, str]], status: int) -> None:
    """RFC 9110 §13.1.5: a part of another version is never glued to the old one: then the whole is sent."""
    assert plan(("Range", "bytes=3-"), *fields).status == status


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        pytest.param([("If-None-Match", ETAG)], 304, id="the same tag"),
        pytest.param([("If-None-Match", f"W/{ETAG}")], 304, id="the same tag, weakly"),
        pytest.param([("If-None-Match", f'"x", {ETAG}')], 304, id="one of several"),
        pytest.param([("If-None-Match", '"x"'), ("If-None-Match", ETAG)], 304, id="in the second field"),
        pytest.param([("If-None-Match", "*")], 304, id="any"),
        pytest.param([("If-None-Match", '"x"')], 200, id="another tag"),
        pytest.param([("If-None-Match", "abc-10")], 200, id="without quotes"),
        pytest.param([("If-None-Match", "")], 200, id="empty"),
        pytest.param([("If-None-Match", '"x"'), ("If-Modified-Since", AFTER)], 200, id="the tag wins over the date"),
        pytest.param([("If-Modified-Since", CHANGED_TEXT)], 304, id="the same second"),
        pytest.param([("If-Modified-Since", AFTER)], 304, id="not since"),
        pytest.param([("If-Modified-Since", BEFORE)], 200, id="since"),
        pytest.param([("If-Modified-Since", "yesterday")], 200, id="no date"),
        pytest.param([("If-Modified-Since", AFTER), ("If-Modified-Since", AFTER)], 200, id="two dates"),
        pytest.param([("If-Match", ETAG)], 200, id="still the same"),
        pytest.param([("If-Match", "*")], 200, id="still there"),
        pytest.param([("If-Match", f'"x", {ETAG}')], 200, id="still one of these"),
        pytest.param([("If-Match", '"x"')], 412, id="no longer the same"),
        pytest.param([("If-Match", f"W/{ETAG}")], 412, id="weakly is not enough"),
        pytest.param([("If-Match", "abc")], 412, id="malformed fails"),
        pytest.param([("If-Match", ETAG), ("If-Unmodified-Since", BEFORE)], 200, id="the tag wins"),
        pytest.param([("If-Unmodified-Since", BEFORE)], 412, id="changed since"),
        pytest.param([("If-Unmodified-Since", CHANGED_TEXT)], 200, id="unchanged since"),
        pytest.param([("If-Unmodified-Since", "tomorrow")], 200, id="no date to compare"),
        pytest.param([("If-Match", '"x"'), ("If-None-Match", ETAG)], 412, id="If-Match comes first"),
        pytest.param([("If-Match", ETAG), ("If-None-Match", ETAG)], 304, id="then If-None-Match"),
    ],
)
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_conditions(method: str, fields: list[tuple[str, str]], status: int) -> None:
    """RFC 9110 §13.2.2: conditions are judged in order, tags before dates."""
    found = plan(*fields, method=method)
    assert found.status == status
    assert dict(found.headers)["ETag"] == ETAG
    assert found.stop == (10 if status == 200 else 0)


def test_conditions_come_before_ranges() -> None:
    """RFC 9110 §13.2.2: a copy that is good is 304, whatever part was asked for, even one that is not there."""
    assert plan(("If-None-Match", ETAG), ("Range", "bytes=50-")).status == 304


@given(st.lists(st.tuples(st.sampled_from(NAMES), st.text() | st.text('bytes=0123456789-, W/"abc*')), max_size=3))
def test_any_fields_give_a_plan(fields: list[tuple[str, str]]) -> None:
    """G-07: random conditions and ranges never fail, and never lead outside of the file."""
    found = plan(*fields)
    assert found.status in {200, 206, 304, 412, 416}
    assert 0 <= found.start <= found.stop <= 10


@pytest.mark.parametrize(
    ("filename", "value"),
    [
        pytest.param("holiday.mp4", 'inline; filename="holiday.mp4"', id="realistic: plain"),
        pytest.param("a (2).mp4", 'inline; filename="a (2).mp4"', id="realistic: a counter"),
        pytest.param("é.mp4", "inline; filename=\"_.mp4\"; filename*=UTF-8''%C3%A9.mp4", id="realistic: accent"),
        pytest.param('a".mp4', "inline; filename=\"a_.mp4\"; filename*=UTF-8''a%22.mp4", id="synthetic: quote"),
        pytest.param("a%22.mp4", "inline; filename=\"a_22.mp4\"; filename*=UTF-8''a%2522.mp4", id="synthetic: percent"),
        pytest.param(
            "a;b='c.mp4", "inline; filename=\"a_b__c.mp4\"; filename*=UTF-8''a%3Bb%3D%27c.mp4", id="synthetic: ;"
        ),
        pytest.param("../../etc/passwd", 'inline; filename="passwd"', id="D-15 pathological: a path"),
        pytest.param("..\\x.mp4", 'inline; filename="x.mp4"', id="D-15 pathological: a Windows path"),
        pytest.param("x\r\nSet-Cookie: a=b", "", id="D-14 pathological: a line break"),
        pytest.param("a\x00.mp4", 'inline; filename="a.mp4"', id="D-15 pathological: NUL"),
        pytest.param("\u202e4pm.exe", 'inline; filename="4pm.exe"', id="pathological: right to left"),
        pytest.param("\ud800.mp4", 'inline; filename="mp4"', id="pathological: half a surrogate pair"),
        pytest.param("..", 'inline; filename="download"', id="pathological: dots"),
        pytest.param("", 'inline; filename="download"', id="pathological: empty"),
        pytest.param(
            "x" * 5_000 + ".mp4", f'inline; filename="{"x" * 146}.mp4"', id="D-15 pathological: 5,000 characters"
        ),
    ],
)
def test_names_break_nothing(filename: str, value: str) -> None:
    """D-14, D-15: whatever a client called its file, the field stays one field and the name stays a name."""
    found = ranges.disposition("video/mp4", filename=filename)
    assert found == value or not value
    assert found.isascii()
    assert found.isprintable()


@given(st.text())
def test_any_name_is_read_back_by_others(filename: str) -> None:
    """RFC 8187: an independent parser reads the name that was meant, without a path."""
    message = Message()
    message["Content-Disposition"] = ranges.disposition("text/plain", filename=filename)
    assert message.get_content_disposition() == "attachment"
    found = message.get_filename()
    assert found
    assert found.isprintable() or " " in found or not found.isascii()
    assert not {"/", "\\", "\r", "\n", "\x00"} & set(found)
