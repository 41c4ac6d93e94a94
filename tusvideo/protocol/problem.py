"""Problem details (RFC 9457) for every error, and the statuses on which the dialects agree."""

from collections.abc import Mapping
from typing import Final

from tusvideo.errors import TusvideoError
from tusvideo.message import ResponseHead

STATUS: Final[Mapping[type[TusvideoError], int]] = {}


def render(
    error: TusvideoError, *, head_only: bool = False, statuses: Mapping[type[TusvideoError], int] = STATUS
) -> ResponseHead:
    """Answer an error outside the dialects (pages, downloads, health): status, fields, problem details."""
    raise NotImplementedError


def render_unexpected(request_id: str, *, head_only: bool = False) -> ResponseHead:
    """Answer an exception that nobody foresaw: 500, a fixed sentence and the request id, nothing else."""
    raise NotImplementedError
