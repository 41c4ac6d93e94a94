"""/api/videos: records in, records out."""

import base64
import json
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.protocol.heads import head, told, video
from tusvideo.commands import ChangeVideo, DescribeVideo, VideoDescribed, VideosListed
from tusvideo.errors import InvalidField, MissingField, NotFound, TusvideoError
from tusvideo.message import ResponseHead
from tusvideo.protocol import videos_api

URL = "/uploads/posters/ann/video_1.mp4"
RECORD = {
    "id": "f" * 32,
    "profile": "poster",
    "filename": "video_1.mp4",
    "title": "Holiday",
    "description": "",
    "url": URL,
    "size": 10,
    "contentType": "video/mp4",
    "createdAt": "2026-11-23T12:00:00.000Z",
    "updatedAt": "2026-11-30T12:00:00.000Z",
    "state": "ready",
    "reason": None,
    "duration": None,
    "width": None,
    "height": None,
    "rotation": None,
    "videoCodec": None,
    "audioCodec": None,
    "faststart": None,
    "thumbnail": None,
}
SAID = {"filename": "video_1.mp4", "title": "Holiday", "description": "By the sea"}


def describe(document: dict[str, object]) -> DescribeVideo:
    """Read a description on a server with two profiles."""
    return videos_api.parse_describe(document, default_profile="poster", profiles=("files", "poster"))


def cursor(text: str) -> str:
    """Encode a place as cursors are."""
    return base64.urlsafe_b64encode(text.encode()).rstrip(b"=").decode()


def test_a_description() -> None:
    """POST /api/videos/metadata: filename, title and description; the profile is optional."""
    expected = DescribeVideo(profile="poster", filename="video_1.mp4", title="Holiday", description="By the sea")
    assert describe({**SAID, "unknown": []}) == expected
    assert describe({**SAID, "profile": "files"}).profile == "files"


@pytest.mark.parametrize("name", ["description", "profile"])
def test_optional_texts_may_be_null(name: str) -> None:
    """null is as if absent: no description is the empty one, no profile the default."""
    command = describe({**SAID, name: None})
    assert (command.profile, command.description) == ("poster", "" if name == "description" else "By the sea")


@pytest.mark.parametrize("name", ["filename", "title"])
def test_required_texts_are_named(name: str) -> None:
    """A missing text, or null for it, is MissingField."""
    documents: list[dict[str, object]] = [
        {**SAID, name: None},
        {key: text for key, text in SAID.items() if key != name},
    ]
    for document in documents:
        with pytest.raises(MissingField, match=f"{name} is missing"):
            describe(document)


@pytest.mark.parametrize("value", [5, 1.5, True, False, [], ["a"], {}, {"a": "b"}])
@pytest.mark.parametrize("name", ["filename", "title", "description", "profile"])
def test_texts_are_strings(name: str, value: object) -> None:
    """A value of another type is refused under its name."""
    with pytest.raises(InvalidField, match=f"{name} cannot be used: expected a string"):
        describe({**SAID, name: value})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("filename", ""),
        ("filename", "../x"),
        ("filename", "a\x00"),
        ("filename", "x" * 4_096),
        ("title", ""),
        ("title", " \n "),
        ("title", "x" * 201),
        ("title", "a\r\nb"),
        ("description", "x" * 5_001),
        ("description", "a\x00"),
        ("profile", ""),
        ("profile", "../x"),
        ("profile", "video"),
    ],
)
def test_texts_have_bounds(name: str, value: str) -> None:
    """A text that is empty, too long or hostile is refused under its name."""
    with pytest.raises(InvalidField) as caught:
        describe({**SAID, name: value})
    assert caught.value.field == name


@pytest.mark.parametrize(
    ("document", "title", "description"),
    [
        ({"title": " New "}, "New", None),
        ({"description": ""}, None, ""),
        ({"title": "New", "description": "x"}, "New", "x"),
        ({"title": "New", "description": None, "filename": 5}, "New", None),
    ],
)
def test_a_change(document: dict[str, object], title: str | None, description: str | None) -> None:
    """PATCH /api/videos/{id}: either text or both; what is absent or null stays."""
    command = videos_api.parse_change(document, video_id="f" * 32)
    assert command == ChangeVideo(video_id="f" * 32, title=title, description=description)


@pytest.mark.parametrize("document", [{}, {"titel": "typo"}, {"title": None, "description": None}])
def test_a_change_changes_something(document: dict[str, object]) -> None:
    """A change without a text is refused, which also finds misspelt names."""
    with pytest.raises(MissingField, match="title or description"):
        videos_api.parse_change(document, video_id="f" * 32)


@pytest.mark.parametrize("document", [{"title": ""}, {"title": 5}, {"title": "a", "description": []}])
def test_a_change_is_checked(document: dict[str, object]) -> None:
    """New texts obey the rules of the first ones."""
    with pytest.raises(InvalidField):
        videos_api.parse_change(document, video_id="f" * 32)


def test_ids_are_hex() -> None:
    """An id that no record can have is not found rather than malformed: the answers are the same."""
    assert videos_api.parse_video_id("0f" * 16) == "0f" * 16
    for text in ("", "x", "0F" * 16, "0f" * 17, "../" * 8, "0f" * 15 + "0\n"):
        with pytest.raises(NotFound, match="no such video"):
            videos_api.parse_video_id(text)


@pytest.mark.parametrize(("query", "limit"), [((), 20), ((("limit", "1"),), 1), ((("limit", "100"),), 100)])
def test_a_list_has_a_limit(query: tuple[tuple[str, str], ...], limit: int) -> None:
    """GET /api/videos: 1 to 100 records, 20 when nothing is said, from the newest on."""
    assert videos_api.parse_list(head("GET", query=query)) == videos_api.ListVideos(limit=limit, before=None)


@pytest.mark.parametrize("values", [["0"], ["101"], ["-1"], ["x"], [""], ["9" * 500], ["1", "2"]])
def test_other_limits_are_refused(values: list[str]) -> None:
    """A limit out of range, malformed or repeated is refused."""
    with pytest.raises(InvalidField, match="limit"):
        videos_api.parse_list(head("GET", query=[("limit", value) for value in values]))


@given(
    st.datetimes(datetime(1970, 1, 1), datetime(9999, 12, 31), timezones=st.just(UTC)),  # noqa: DTZ001 Hypothesis wants the bounds naive
    st.binary(min_size=16, max_size=16),
)
def test_a_cursor_survives_the_round_trip(created_at: datetime, raw: bytes) -> None:
    """The cursor of an answer leads to the same place, to the millisecond."""
    text = videos_api.build_cursor(video(created_at=created_at, id=raw.hex()))
    before = videos_api.parse_list(head("GET", query=[("cursor", text)])).before
    assert before is not None
    assert before[1] == raw.hex()
    assert timedelta() <= created_at - before[0] < timedelta(milliseconds=1)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("", id="realistic: empty"),
        pytest.param("0", id="realistic: a page number"),
        pytest.param(cursor("5." + "a" * 31), id="synthetic: short id"),
        pytest.param(cursor("05." + "a" * 32), id="synthetic: leading zero"),
        pytest.param(cursor("-5." + "a" * 32), id="synthetic: before 1970"),
        pytest.param(cursor("5." + "A" * 32), id="synthetic: upper case"),
        pytest.param(cursor("5." + "a" * 32) + "=", id="synthetic: padded"),
        pytest.param(cursor("5." + "a" * 32)[:-1], id="synthetic: cut"),
        pytest.param(cursor("253402300800000." + "a" * 32), id="pathological: the year 10000"),
        pytest.param(cursor("9" * 60 + "." + "a" * 32), id="pathological: 60 digits"),
        pytest.param("ä", id="pathological: not ASCII"),
        pytest.param("!" * 50, id="pathological: no base64"),
        pytest.param("A" * 50_001, id="pathological: long"),
    ],
)
def test_other_cursors_are_refused(text: str) -> None:
    """A cursor that no answer of ours had is refused, not searched for."""
    with pytest.raises(InvalidField, match="the cursor of an earlier answer"):
        videos_api.parse_list(head("GET", query=[("cursor", text)]))


@given(st.text())
def test_any_text_is_a_cursor_or_refused(text: str) -> None:
    """G-07: random text is refused as InvalidField, or it is the spelling that we would use."""
    try:
        created_at, name = videos_api.parse_cursor(text)
    except TusvideoError:
        return
    assert videos_api.build_cursor(video(created_at=created_at, id=name)) == text


def test_every_truncation_of_a_cursor_is_refused() -> None:
    """A cursor that was cut anywhere leads nowhere."""
    text = videos_api.build_cursor(video())
    for length in range(len(text)):
        with pytest.raises(InvalidField):
            videos_api.parse_cursor(text[:length])


def test_the_last_millisecond_is_a_place() -> None:
    """The bound of a cursor is the last instant that has a name."""
    created_at, _ = videos_api.parse_cursor(cursor("253402300799999." + "a" * 32))
    assert created_at == datetime(9999, 12, 31, 23, 59, 59, 999_000, tzinfo=UTC)


@pytest.mark.parametrize(("query", "wanted"), [([], False), ([("file", "0")], False), ([("file", "1")], True)])
def test_removing_the_file_too(query: list[tuple[str, str]], wanted: bool) -> None:
    """DELETE /api/videos/{id}: ?file=1 deletes the file as well."""
    assert videos_api.parse_remove(head("DELETE", query=query)) is wanted


@pytest.mark.parametrize("values", [[""], ["true"], ["2"], ["1", "1"]])
def test_removing_is_never_guessed(values: list[str]) -> None:
    """Anything but 0 and 1 is refused: a file that is gone is gone."""
    with pytest.raises(InvalidField, match="file"):
        videos_api.parse_remove(head("DELETE", query=[("file", value) for value in values]))


@pytest.mark.parametrize(("is_new", "status"), [(True, 201), (False, 200)])
def test_the_record_is_answered(is_new: bool, status: int) -> None:
    """POST /api/videos/metadata: 201 with Location for a new record, 200 for one that was there."""
    answer = videos_api.render_described(VideoDescribed(video=video(), is_new=is_new), url=URL)
    assert answer.status == status
    assert json.loads(answer.body) == {"success": True, **RECORD}
    assert told(answer).get("Location") == ("/api/videos/" + "f" * 32 if is_new else None)


def test_a_record_is_read() -> None:
    """GET and PATCH /api/videos/{id}: 200 with the record."""
    answer = videos_api.render_video(video(), url=URL)
    assert (answer.status, json.loads(answer.body)) == (200, {"success": True, **RECORD})


@pytest.mark.parametrize("more", [True, False])
def test_a_list_goes_on_or_ends(more: bool) -> None:
    """GET /api/videos: the records, and a cursor that leads behind the last of them, or null."""
    answer = videos_api.render_list(VideosListed(videos=(video(),), more=more), url_of=lambda _: URL)
    found = json.loads(answer.body)
    assert (found["success"], found["videos"]) == (True, [RECORD])
    assert found["cursor"] == (videos_api.build_cursor(video()) if more else None)


def test_an_empty_list_ends() -> None:
    """A list without records has no place to go on from."""
    answer = videos_api.render_list(VideosListed(videos=(), more=True), url_of=lambda _: URL)
    assert json.loads(answer.body) == {"success": True, "videos": [], "cursor": None}


def test_a_record_is_removed() -> None:
    """DELETE /api/videos/{id}: 204 and nothing else."""
    assert videos_api.render_removed() == ResponseHead(status=204)
