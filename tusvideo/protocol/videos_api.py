"""The records of published videos, ``/api/videos``: JSON becomes commands, records become JSON."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import datetime

from tusvideo.commands import ChangeVideo, DescribeVideo, VideoDescribed, VideosListed
from tusvideo.errors import TusvideoError
from tusvideo.message import RequestHead, ResponseHead
from tusvideo.model import Video


@dataclass(frozen=True, slots=True, kw_only=True)
class ListVideos:
    """A page of records is wanted."""

    limit: int
    before: tuple[datetime, str] | None
    """(created_at, id) of the last record of the page before; None starts with the newest."""


def parse_describe(document: Mapping[str, object], *, default_profile: str, profiles: Collection[str]) -> DescribeVideo:
    """Turn the JSON object of ``POST /api/videos/metadata`` into a command."""
    raise NotImplementedError


def parse_change(document: Mapping[str, object], *, video_id: str) -> ChangeVideo:
    """Turn the JSON object of ``PATCH /api/videos/{id}`` into a command; at least one text must be there."""
    raise NotImplementedError


def parse_video_id(text: str) -> str:
    """Check the id in a path. Raises NotFound when it is not 32 lower-case hex digits."""
    raise NotImplementedError


def parse_list(head: RequestHead) -> ListVideos:
    """Read ``?limit=`` (1 to 100, default 20) and ``?cursor=``."""
    raise NotImplementedError


def parse_remove(head: RequestHead) -> bool:
    """Read ``?file=``: True for 1 (the file goes too), False for 0 or nothing."""
    raise NotImplementedError


def build_cursor(video: Video) -> str:
    """Name the place after a record in the list; ``parse_list`` reads it back."""
    raise NotImplementedError


def render_described(outcome: VideoDescribed, *, url: str) -> ResponseHead:
    """Answer ``POST /api/videos/metadata``: 201 with Location when the record is new, else 200."""
    raise NotImplementedError


def render_video(video: Video, *, url: str) -> ResponseHead:
    """Answer a read or a change: 200 with the record; ``url`` is the path of the published file."""
    raise NotImplementedError


def render_list(outcome: VideosListed, *, url_of: Callable[[Video], str]) -> ResponseHead:
    """Answer ``GET /api/videos``: 200 with the records and the cursor."""
    raise NotImplementedError


def render_removed() -> ResponseHead:
    """Answer DELETE: 204."""
    raise NotImplementedError


def render_error(error: TusvideoError, *, head_only: bool = False) -> ResponseHead:
    """Answer an error; same table as the chunk routes."""
    raise NotImplementedError
