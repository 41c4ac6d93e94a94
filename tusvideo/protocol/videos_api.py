"""The records of published videos, ``/api/videos``: JSON becomes commands, records become JSON.

Spec: the table of the documented API; the README has it.
"""

import re
from collections.abc import Callable, Collection, Mapping
from typing import Final, NamedTuple

from tusvideo.commands import ChangeVideo, DescribeVideo, VideoDescribed, VideosListed
from tusvideo.errors import InvalidField, MissingField, NotFound, TusvideoError
from tusvideo.message import RequestHead, ResponseHead
from tusvideo.protocol import json_body, problem, texts, video_list, video_record
from tusvideo.video import Video

STATUS = problem.STATUS

_ID: Final = re.compile(r"[0-9a-f]{32}", re.ASCII)


def parse_describe(document: Mapping[str, object], *, default_profile: str, profiles: Collection[str]) -> DescribeVideo:
    """Turn the JSON object of ``POST /api/videos/metadata`` into a command; null is as if absent.

    ``title`` has 1 to 200 characters after trimming, ``description`` up to 5,000 (none: that of the record stays, and
    that of a new one is empty), ``filename`` is what finalize answered. Raises MissingField, InvalidField.
    Spec: POST /api/videos/metadata.
    """
    filename = texts.parse_stored_name(_required(document, "filename", expected="the filename that finalize answered"))
    title = texts.parse_title(_required(document, "title", expected=f"a string of 1 to {texts.MAX_TITLE} characters"))
    description = _text(document, "description")
    profile = _text(document, "profile")
    if profile is None:
        profile = default_profile
    if profile not in profiles:
        raise InvalidField("profile", expected=f"one of {', '.join(sorted(profiles))}", got=profile)
    return DescribeVideo(
        profile=profile,
        filename=filename,
        title=title,
        description=None if description is None else texts.parse_description(description),
    )


def parse_change(document: Mapping[str, object], *, video_id: str) -> ChangeVideo:
    """Turn the JSON object of ``PATCH /api/videos/{id}`` into a command; null is as if absent.

    Raises MissingField when none of ``title``, ``description`` and ``originalName`` is there, InvalidField.
    Spec: PATCH /api/videos/{id}.
    """
    title, description, name = (_text(document, field) for field in ("title", "description", "originalName"))
    if title is None and description is None and name is None:
        raise MissingField("title, description or originalName", expected="at least one text to change")
    return ChangeVideo(
        video_id=video_id,
        title=None if title is None else texts.parse_title(title),
        description=None if description is None else texts.parse_description(description),
        original_name=None if name is None else texts.parse_original_name(name, field="originalName"),
    )


class Removal(NamedTuple):
    """What is to be removed, and when."""

    with_file: bool
    at_once: bool
    """True: nothing can be restored."""


def parse_video_id(text: str) -> str:
    """Check the id in a path. Raises NotFound when it is not 32 lower-case hex digits: there is no such record.

    Spec: GET, PATCH, DELETE /api/videos/{id}.
    """
    if _ID.fullmatch(text) is None:
        raise NotFound("video")
    return text


def parse_remove(head: RequestHead) -> Removal:
    """Read ``?file=`` (1: the file goes too) and ``?undo=`` (0: at once). Raises InvalidField.

    Spec: DELETE /api/videos/{id}.
    """
    file, undo = (head.one_query(name) for name in ("file", "undo"))
    for name, value in (("file", file), ("undo", undo)):
        if value not in {None, "0", "1"}:
            raise InvalidField(name, expected="1 or 0", got=str(value))
    return Removal(with_file=file == "1", at_once=undo == "0")


def render_described(outcome: VideoDescribed, *, url: str) -> ResponseHead:
    """Answer ``POST /api/videos/metadata``: 201 with Location when the record is new, else 200.

    Spec: POST /api/videos/metadata.
    """
    if not outcome.is_new:
        return render_video(outcome.video, url=url)
    location = ("Location", f"/api/videos/{outcome.video.id}")
    return json_body.render(
        {"success": True, **video_record.build(outcome.video, url=url)}, status=201, headers=(location,)
    )


def render_video(video: Video, *, url: str) -> ResponseHead:
    """Answer a read or a change: 200 with the record; ``url`` is the path of the published file.

    Spec: GET, PATCH /api/videos/{id}.
    """
    return json_body.render({"success": True, **video_record.build(video, url=url)})


def render_list(outcome: VideosListed, *, url_of: Callable[[Video], str]) -> ResponseHead:
    """Answer ``GET /api/videos``: 200 with the records, how many there are in all, and the cursor: null at the end.

    Spec: GET /api/videos.
    """
    records = [video_record.build(video, url=url_of(video)) for video in outcome.videos]
    cursor = None if outcome.next is None else video_list.build_cursor(outcome.next)
    return json_body.render({"success": True, "videos": records, "cursor": cursor, "total": outcome.total})


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
