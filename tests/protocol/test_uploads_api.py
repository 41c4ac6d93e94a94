"""/api/uploads and /api/events: how uploads get on, as JSON and as events."""

import json
from typing import Any

import pytest

from tests.protocol.heads import upload, video
from tusvideo.commands import Change, DraftUpload, UploadGone, UploadShown, VideoGone
from tusvideo.errors import InvalidField, MissingField
from tusvideo.model import UploadId, UploadState
from tusvideo.protocol import uploads_api, video_record

ID = UploadId("a" * 32)
SHOWN = UploadShown(upload=upload(id=ID, title="Sea\n", original_name="a.mp4"), state=UploadState.UPLOADING)


def documented(**facts: Any) -> dict[str, Any]:
    """The JSON of an upload."""
    row = SHOWN.upload
    return {
        "id": ID,
        "state": "uploading",
        "reason": None,
        "filename": "a.mp4",
        "profile": row.profile,
        "offset": row.offset,
        "length": row.length,
        "expiresAt": "2026-11-30T12:00:00.000Z",
        "title": "Sea\n",
        "description": None,
        "updatedAt": "2026-11-23T12:00:00.000Z",
        "videoId": None,
        "replaces": None,
        "url": f"/files/{ID}",
        **facts,
    }


@pytest.mark.parametrize(
    ("document", "texts"),
    [
        ({"title": " Sea "}, {"title": "Sea"}),
        ({"description": ""}, {"description": ""}),
        ({"title": "Sea", "description": "a\r\nb", "other": 1}, {"title": "Sea", "description": "a\nb"}),
        ({"title": None, "description": "x"}, {"description": "x"}),
    ],
)
def test_a_draft(document: dict[str, object], texts: dict[str, str]) -> None:
    """One text or both; what is absent or null stays."""
    assert uploads_api.parse_draft(document, upload_id=ID) == DraftUpload(upload_id=ID, **texts)


@pytest.mark.parametrize("document", [{}, {"titel": "typo"}, {"title": None, "description": None}])
def test_a_draft_says_something(document: dict[str, object]) -> None:
    """One without a text is refused, which also finds misspelt names."""
    with pytest.raises(MissingField, match="title or description"):
        uploads_api.parse_draft(document, upload_id=ID)


@pytest.mark.parametrize("document", [{"title": ""}, {"title": 5}, {"description": "a\x00"}, {"description": []}])
def test_a_draft_is_checked(document: dict[str, object]) -> None:
    """By the rules of titles and descriptions."""
    with pytest.raises(InvalidField):
        uploads_api.parse_draft(document, upload_id=ID)


def test_an_upload_is_told() -> None:
    """All that a page shows of it."""
    assert json.loads(uploads_api.render_upload(SHOWN).body) == {"success": True, **documented()}
    answer = uploads_api.render_uploads([SHOWN])
    assert (answer.status, json.loads(answer.body)) == (200, {"success": True, "uploads": [documented()]})


@pytest.mark.parametrize(
    ("change", "name", "data"),
    [
        (SHOWN, "upload", documented()),
        (UploadGone(upload_id=ID), "upload_gone", {"id": ID}),
        (video(), "video", video_record.build(video(), url="/x")),
        (VideoGone(video_id="b" * 32), "video_gone", {"id": "b" * 32}),
    ],
)
def test_a_change_is_an_event(change: Change, name: str, data: dict[str, Any]) -> None:
    """Its name, then one line of ASCII, whatever texts hold, then an empty line."""
    lines = uploads_api.build_event(change, url_of=lambda _: "/x").decode("ascii").split("\n")
    assert (lines[0], lines[2:]) == (f"event: {name}", ["", ""])
    assert json.loads(lines[1].removeprefix("data: ")) == data


def test_nothing_is_a_comment() -> None:
    """A line that begins with a colon says nothing."""
    assert uploads_api.build_event(None, url_of=lambda _: "/x").startswith(b":")
    assert uploads_api.build_event(None, url_of=lambda _: "/x").endswith(b"\n\n")
