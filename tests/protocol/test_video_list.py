"""GET /api/videos: which records, in which order, and where a page ends."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.protocol.heads import head
from tusvideo.commands import ListVideos, Place
from tusvideo.errors import InvalidField, TusvideoError
from tusvideo.protocol import video_list
from tusvideo.video import VideoSort, VideoState

ID = "a" * 32
PLACES = st.one_of(
    st.builds(
        Place,
        sort=st.sampled_from([VideoSort.NEWEST, VideoSort.OLDEST]),
        key=st.integers(0, 253_402_300_799_999),
        video_id=st.just(ID),
    ),
    st.builds(Place, sort=st.just(VideoSort.LARGEST), key=st.integers(0, 2**63 - 1), video_id=st.just(ID)),
    st.builds(Place, sort=st.just(VideoSort.TITLE), key=st.text(max_size=100), video_id=st.just(ID)),
    st.builds(
        Place,
        sort=st.just(VideoSort.LONGEST),
        key=st.one_of(st.just(-1.0), st.floats(min_value=0.0, allow_infinity=False)),
        video_id=st.just(ID),
    ),
)


def parse(*query: tuple[str, str]) -> ListVideos:
    """Read a query on a server with two profiles."""
    return video_list.parse_list(head("GET", query=query), profiles=("files", "poster"))


def cursor(text: str) -> str:
    """Encode a place as cursors are."""
    return base64.urlsafe_b64encode(text.encode()).rstrip(b"=").decode()


@pytest.mark.parametrize(("query", "limit"), [((), 20), ((("limit", "1"),), 1), ((("limit", "100"),), 100)])
def test_a_list_has_a_limit(query: tuple[tuple[str, str], ...], limit: int) -> None:
    """1 to 100 records, 20 when nothing is said, from the newest on."""
    assert parse(*query) == ListVideos(limit=limit)


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("limit", ["0"]),
        ("limit", ["101"]),
        ("limit", ["-1"]),
        ("limit", ["x"]),
        ("limit", [""]),
        ("limit", ["9" * 500]),
        ("limit", ["1", "2"]),
        ("q", [""]),
        ("q", ["x" * 201]),
        ("q", ["a\x00"]),
        ("q", ["a\nb"]),
        ("q", ["a\ud800"]),
        ("q", ["a", "b"]),
        ("sort", [""]),
        ("sort", ["Newest"]),
        ("sort", ["size"]),
        ("sort", ["newest", "newest"]),
        ("profile", [""]),
        ("profile", ["video"]),
        ("state", ["uploading"]),
        ("state", [""]),
    ],
)
def test_other_values_are_refused(name: str, values: list[str]) -> None:
    """A value out of range, malformed, unknown or repeated is refused under its name."""
    with pytest.raises(InvalidField) as caught:
        parse(*((name, value) for value in values))
    assert caught.value.field == name


@pytest.mark.parametrize("sort", VideoSort)
def test_every_order_has_its_name(sort: VideoSort) -> None:
    """As the documentation spells it."""
    assert parse(("sort", sort.value)) == ListVideos(limit=20, sort=sort)


def test_a_filter_is_read() -> None:
    """Words as they were typed, a profile of this server, a state."""
    wanted = parse(("q", " \u00c9t\u00e9 sea"), ("profile", "files"), ("state", "checking"))
    expected = ListVideos(limit=20, query=" \u00c9t\u00e9 sea", profile="files", state=VideoState.CHECKING)
    assert wanted == expected
    assert parse(("q", "x" * 200)).query == "x" * 200


@given(PLACES)
def test_a_cursor_survives_the_round_trip(place: Place) -> None:
    """The cursor of an answer leads to the same place, in the order that it belongs to and in no other."""
    text = video_list.build_cursor(place)
    assert parse(("sort", place.sort.value), ("cursor", text)).after == place
    for other in set(VideoSort) - {place.sort}:
        with pytest.raises(InvalidField, match=f"expected a cursor of the order {other}"):
            parse(("sort", other.value), ("cursor", text))


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("", id="realistic: empty"),
        pytest.param("0", id="realistic: a page number"),
        pytest.param(cursor(f"5.{ID}"), id="realistic: of an earlier release"),
        pytest.param(cursor(f"newest.{'a' * 31}.5"), id="synthetic: short id"),
        pytest.param(cursor(f"newest.{'A' * 32}.5"), id="synthetic: upper case"),
        pytest.param(cursor(f"newest.{ID}.05"), id="synthetic: leading zero"),
        pytest.param(cursor(f"newest.{ID}.-5"), id="synthetic: before 1970"),
        pytest.param(cursor(f"newest.{ID}.5") + "=", id="synthetic: padded"),
        pytest.param(cursor(f"newest.{ID}.5")[:-1], id="synthetic: cut"),
        pytest.param(cursor(f"size.{ID}.5"), id="synthetic: no such order"),
        pytest.param(cursor(f"largest.{ID}.{2**63}"), id="pathological: more bytes than a table counts"),
        pytest.param(cursor(f"newest.{ID}.253402300800000"), id="pathological: the year 10000"),
        pytest.param(cursor(f"newest.{ID}.{'9' * 60}"), id="pathological: 60 digits"),
        pytest.param(cursor(f"longest.{ID}.nan"), id="pathological: no number"),
        pytest.param(cursor(f"longest.{ID}.inf"), id="pathological: without end"),
        pytest.param(cursor(f"longest.{ID}.-2.0"), id="pathological: less than nothing"),
        pytest.param(cursor(f"longest.{ID}.2"), id="synthetic: seconds as we do not write them"),
        pytest.param(cursor(f"longest.{ID}.x"), id="synthetic: seconds in letters"),
        pytest.param(cursor(f"title.{ID}.{'x' * 401}"), id="pathological: a long title"),
        pytest.param("_w", id="pathological: no UTF-8"),
        pytest.param("\u00e4", id="pathological: not ASCII"),
        pytest.param("!" * 50, id="pathological: no base64"),
        pytest.param("A" * 50_001, id="pathological: long"),
    ],
)
def test_other_cursors_are_refused(text: str) -> None:
    """A cursor that no answer of ours had is refused, not searched for."""
    with pytest.raises(InvalidField, match="the cursor of an earlier answer"):
        video_list.parse_cursor(text)


@given(st.one_of(st.text(), st.text().map(cursor)))
def test_any_text_is_a_cursor_or_refused(text: str) -> None:
    """G-07: random text is refused as InvalidField, or it is the spelling that we would use."""
    try:
        place = video_list.parse_cursor(text)
    except TusvideoError:
        return
    assert video_list.build_cursor(place) == text


def test_every_truncation_of_a_cursor_is_refused() -> None:
    """A cursor of a time that was cut anywhere leads nowhere, or to a time: never to an error of ours."""
    text = video_list.build_cursor(Place(sort=VideoSort.NEWEST, key=1_234_567, video_id=ID))
    for length in range(len(text)):
        try:
            place = video_list.parse_cursor(text[:length])
        except InvalidField:
            continue
        assert place.video_id == ID
