"""/api/videos: records in, records out."""

import json

import pytest

from tests.protocol.heads import head, told, video
from tusvideo.commands import ChangeVideo, DescribeVideo, Place, VideoDescribed, VideosListed
from tusvideo.errors import InvalidField, MissingField, NotFound
from tusvideo.message import ResponseHead
from tusvideo.protocol import video_list, videos_api
from tusvideo.video import VideoSort

URL = "/uploads/posters/ann/video_1.mp4"
RECORD = {
    "id": "f" * 32,
    "profile": "poster",
    "filename": "video_1.mp4",
    "originalName": "video_1.mp4",
    "title": "Holiday",
    "description": "",
    "url": URL,
    "play": URL,
    "download": f"/api/videos/{'f' * 32}/download",
    "size": 10,
    "contentType": "video/mp4",
    "createdAt": "2026-11-23T12:00:00.000Z",
    "updatedAt": "2026-11-30T12:00:00.000Z",
    "replacedAt": None,
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
    "captions": [],
}
SAID = {"filename": "video_1.mp4", "title": "Holiday", "description": "By the sea"}


def describe(document: dict[str, object]) -> DescribeVideo:
    """Read a description on a server with two profiles."""
    return videos_api.parse_describe(document, default_profile="poster", profiles=("files", "poster"))


def test_a_description() -> None:
    """POST /api/videos/metadata: filename, title and description; the profile is optional."""
    expected = DescribeVideo(profile="poster", filename="video_1.mp4", title="Holiday", description="By the sea")
    assert describe({**SAID, "unknown": []}) == expected
    assert describe({**SAID, "profile": "files"}).profile == "files"


@pytest.mark.parametrize("name", ["description", "profile"])
def test_optional_texts_may_be_null(name: str) -> None:
    """null is as if absent: no description leaves it as it is, no profile is the default."""
    command = describe({**SAID, name: None})
    assert (command.profile, command.description) == ("poster", None if name == "description" else "By the sea")
    assert describe({**SAID, "description": ""}).description == ""


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
    ("document", "changes"),
    [
        ({"title": " New "}, {"title": "New"}),
        ({"description": ""}, {"description": ""}),
        ({"originalName": "Sea, 2.mp4"}, {"original_name": "Sea, 2.mp4"}),
        ({"title": "New", "description": "x"}, {"title": "New", "description": "x"}),
        ({"title": "New", "description": None, "filename": 5}, {"title": "New"}),
    ],
)
def test_a_change(document: dict[str, object], changes: dict[str, str]) -> None:
    """PATCH /api/videos/{id}: one text or several; what is absent or null stays."""
    command = videos_api.parse_change(document, video_id="f" * 32)
    assert command == ChangeVideo(video_id="f" * 32, **changes)


@pytest.mark.parametrize("document", [{}, {"titel": "typo"}, {"title": None, "originalName": None}])
def test_a_change_changes_something(document: dict[str, object]) -> None:
    """A change without a text is refused, which also finds misspelt names."""
    with pytest.raises(MissingField, match="title, description or originalName"):
        videos_api.parse_change(document, video_id="f" * 32)


@pytest.mark.parametrize(
    "document",
    [
        {"title": ""},
        {"title": 5},
        {"title": "a", "description": []},
        {"originalName": ""},
        {"originalName": "../x"},
        {"originalName": 5},
    ],
)
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


@pytest.mark.parametrize(
    ("query", "wanted"),
    [
        ([], (False, False)),
        ([("file", "0")], (False, False)),
        ([("file", "1")], (True, False)),
        ([("file", "1"), ("undo", "0")], (True, True)),
        ([("undo", "1")], (False, False)),
    ],
)
def test_what_is_removed_and_when(query: list[tuple[str, str]], wanted: tuple[bool, bool]) -> None:
    """DELETE /api/videos/{id}: ?file=1 deletes the file as well, ?undo=0 at once."""
    assert videos_api.parse_remove(head("DELETE", query=query)) == wanted


@pytest.mark.parametrize("name", ["file", "undo"])
@pytest.mark.parametrize("values", [[""], ["true"], ["2"], ["1", "1"]])
def test_removing_is_never_guessed(name: str, values: list[str]) -> None:
    """Anything but 0 and 1 is refused: a file that is gone is gone."""
    with pytest.raises(InvalidField, match=name):
        videos_api.parse_remove(head("DELETE", query=[(name, value) for value in values]))


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
    """GET /api/videos: the records, how many there are in all, and a cursor that leads on, or null."""
    place = Place(sort=VideoSort.TITLE, key="holiday", video_id="f" * 32)
    outcome = VideosListed(videos=(video(),), next=place if more else None, total=7)
    found = json.loads(videos_api.render_list(outcome, url_of=lambda _: URL).body)
    assert (found["success"], found["videos"], found["total"]) == (True, [RECORD], 7)
    assert found["cursor"] == (video_list.build_cursor(place) if more else None)


def test_a_record_is_removed() -> None:
    """DELETE /api/videos/{id}: 204 and nothing else."""
    assert videos_api.render_removed() == ResponseHead(status=204)


def test_an_error_is_worded_as_everywhere() -> None:
    """Problem details, by the table of plain HTTP."""
    answer = videos_api.render_error(NotFound("video"))
    assert (answer.status, json.loads(answer.body)["code"]) == (404, "not_found")
