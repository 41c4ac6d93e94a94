"""The records of published videos, ``/api/videos``: JSON becomes commands, records become JSON.

Spec: the table of the documented API; the README has it.
"""

import base64
import binascii
import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from tusvideo.commands import ChangeVideo, DescribeVideo, VideoDescribed, VideosListed
from tusvideo.errors import InvalidField, MissingField, NotFound, TusvideoError
from tusvideo.message import RequestHead, ResponseHead
from tusvideo.model import Video
from tusvideo.protocol import fields, json_body, problem, texts

STATUS = problem.STATUS
DEFAULT_LIMIT: Final = 20
MAX_LIMIT: Final = 100

_ID: Final = re.compile(r"[0-9a-f]{32}", re.ASCII)
_PLACE: Final = re.compile(rb"(0|[1-9][0-9]{0,14})\.([0-9a-f]{32})")
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_LAST_MILLISECOND: Final = 253_402_300_799_999
"""Of the year 9999, the last that a datetime can name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ListVideos:
    """A page of records is wanted."""

    limit: int
    before: tuple[datetime, str] | None
    """(created_at, id) of the last record of the page before; None starts with the newest."""


def parse_describe(document: Mapping[str, object], *, default_profile: str, profiles: Collection[str]) -> DescribeVideo:
    """Turn the JSON object of ``POST /api/videos/metadata`` into a command; null is as if absent.

    ``title`` has 1 to 200 characters after trimming, ``description`` up to 5,000 (none: empty), ``filename`` is what
    finalize answered. Raises MissingField, InvalidField.
    Spec: POST /api/videos/metadata.
    """
    filename = texts.parse_stored_name(_required(document, "filename", expected="the filename that finalize answered"))
    title = texts.parse_title(_required(document, "title", expected=f"a string of 1 to {texts.MAX_TITLE} characters"))
    description = texts.parse_description(_text(document, "description") or "")
    profile = _text(document, "profile")
    if profile is None:
        profile = default_profile
    if profile not in profiles:
        raise InvalidField("profile", expected=f"one of {', '.join(sorted(profiles))}", got=profile)
    return DescribeVideo(profile=profile, filename=filename, title=title, description=description)


def parse_change(document: Mapping[str, object], *, video_id: str) -> ChangeVideo:
    """Turn the JSON object of ``PATCH /api/videos/{id}`` into a command; null is as if absent.

    Raises MissingField when neither ``title`` nor ``description`` is there, InvalidField.
    Spec: PATCH /api/videos/{id}.
    """
    title, description = _text(document, "title"), _text(document, "description")
    if title is None and description is None:
        raise MissingField("title or description", expected="at least one text to change")
    return ChangeVideo(
        video_id=video_id,
        title=None if title is None else texts.parse_title(title),
        description=None if description is None else texts.parse_description(description),
    )


def parse_video_id(text: str) -> str:
    """Check the id in a path. Raises NotFound when it is not 32 lower-case hex digits: there is no such record.

    Spec: GET, PATCH, DELETE /api/videos/{id}.
    """
    if _ID.fullmatch(text) is None:
        raise NotFound("video")
    return text


def parse_list(head: RequestHead) -> ListVideos:
    """Read ``?limit=`` (1 to 100, default 20) and ``?cursor=``. Raises InvalidField.

    Spec: GET /api/videos.
    """
    wanted, cursor = head.one_query("limit"), head.one_query("cursor")
    limit = DEFAULT_LIMIT if wanted is None else fields.parse_number(wanted, field="limit")
    if not 1 <= limit <= MAX_LIMIT:
        raise InvalidField("limit", expected=f"a whole number from 1 to {MAX_LIMIT}", got=str(limit))
    return ListVideos(limit=limit, before=None if cursor is None else parse_cursor(cursor))


def parse_remove(head: RequestHead) -> bool:
    """Read ``?file=``: True for 1 (the file goes too), False for 0 or nothing. Raises InvalidField.

    Spec: DELETE /api/videos/{id}.
    """
    wanted = head.one_query("file")
    if wanted not in {None, "0", "1"}:
        raise InvalidField("file", expected="1 to delete the file too, or 0", got=str(wanted))
    return wanted == "1"


def parse_cursor(text: str) -> tuple[datetime, str]:
    """Read a place in the list: (created_at, id). Raises InvalidField for a text that no answer of ours had.

    Spec: GET /api/videos.
    """
    wrong = InvalidField("cursor", expected="the cursor of an earlier answer, unchanged", got=text)
    try:
        raw = base64.b64decode(text.encode("ascii") + b"=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, UnicodeEncodeError):
        raise wrong from None
    place = _PLACE.fullmatch(raw)
    if place is None or int(place[1]) > _LAST_MILLISECOND or _encoded(raw) != text:
        raise wrong
    return _EPOCH + timedelta(milliseconds=int(place[1])), place[2].decode("ascii")


def build_cursor(video: Video) -> str:
    """Name the place after a record in the list; ``parse_cursor`` reads it back, to the millisecond.

    Spec: GET /api/videos.
    """
    milliseconds = (video.created_at - _EPOCH) // timedelta(milliseconds=1)
    return _encoded(f"{milliseconds}.{video.id}".encode("ascii"))


def render_described(outcome: VideoDescribed, *, url: str) -> ResponseHead:
    """Answer ``POST /api/videos/metadata``: 201 with Location when the record is new, else 200.

    Spec: POST /api/videos/metadata.
    """
    if not outcome.is_new:
        return render_video(outcome.video, url=url)
    location = ("Location", f"/api/videos/{outcome.video.id}")
    return json_body.render({"success": True, **_record(outcome.video, url=url)}, status=201, headers=(location,))


def render_video(video: Video, *, url: str) -> ResponseHead:
    """Answer a read or a change: 200 with the record; ``url`` is the path of the published file.

    Spec: GET, PATCH /api/videos/{id}.
    """
    return json_body.render({"success": True, **_record(video, url=url)})


def render_list(outcome: VideosListed, *, url_of: Callable[[Video], str]) -> ResponseHead:
    """Answer ``GET /api/videos``: 200 with the records and the cursor, which is null at the end of the list.

    Spec: GET /api/videos.
    """
    records = [_record(video, url=url_of(video)) for video in outcome.videos]
    cursor = build_cursor(outcome.videos[-1]) if outcome.more and outcome.videos else None
    return json_body.render({"success": True, "videos": records, "cursor": cursor})


def render_removed() -> ResponseHead:
    """Answer DELETE: 204.

    Spec: DELETE /api/videos/{id}.
    """
    return ResponseHead(status=204)


def render_error(error: TusvideoError, *, head_only: bool = False) -> ResponseHead:
    """Answer an error; same table as the chunk routes.

    Spec: RFC 9457 §3.
    """
    return problem.render(error, head_only=head_only, statuses=STATUS)


def _record(video: Video, *, url: str) -> dict[str, object]:
    return {
        "id": video.id,
        "profile": video.profile,
        "filename": video.filename,
        "title": video.title,
        "description": video.description,
        "url": url,
        "size": video.size,
        "contentType": video.content_type,
        "createdAt": fields.build_timestamp(video.created_at),
        "updatedAt": fields.build_timestamp(video.updated_at),
        "state": video.state.value,
        "reason": video.reason,
        "duration": video.duration,
        "width": video.width,
        "height": video.height,
        "rotation": video.rotation,
        "videoCodec": video.video_codec,
        "audioCodec": video.audio_codec,
        "faststart": video.faststart,
        "thumbnail": _thumbnail(video),
    }


def _thumbnail(video: Video) -> str | None:
    """Give the path of the thumbnail; another picture has another one, so that no browser shows the old."""
    return None if video.thumbnail is None else f"/api/videos/{video.id}/thumbnail?v={video.thumbnail}"


def _encoded(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode("ascii")


def _text(document: Mapping[str, object], name: str) -> str | None:
    value = document.get(name)
    if value is None or isinstance(value, str):
        return value
    raise InvalidField(name, expected="a string", got=type(value).__name__)


def _required(document: Mapping[str, object], name: str, *, expected: str) -> str:
    text = _text(document, name)
    if text is None:
        raise MissingField(name, expected=expected)
    return text
