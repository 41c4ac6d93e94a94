"""What people are told of how an upload gets on."""

from datetime import datetime, timedelta

from tusvideo.model import Status, Upload, UploadState
from tusvideo.video import Video, VideoState

QUIET_SECONDS = 5.0
"""An upload that got no byte for so long is paused."""
SHOWN_SECONDS = 60.0
"""So long an upload is shown after it ended."""
SHOWN = frozenset({Status.OPEN, Status.FINALIZING, Status.COMPLETE, Status.FAILED})
"""Uploads that people are shown; all others are gone."""


def state_of(upload: Upload, *, video: Video | None, silent_seconds: float | None, now: datetime) -> UploadState:
    """Give the state of an upload; ``silent_seconds`` since a byte came that is on its way into it, or None."""
    match upload.status:
        case Status.OPEN:
            is_silent = silent_seconds is None or silent_seconds >= QUIET_SECONDS
            is_quiet = now - upload.stored_at >= timedelta(seconds=QUIET_SECONDS)
            return UploadState.PAUSED if is_silent and is_quiet else UploadState.UPLOADING
        case Status.FINALIZING:
            return UploadState.CHECKING
        case Status.COMPLETE:
            is_checked = video is None or video.state is not VideoState.CHECKING
            return UploadState.READY if is_checked else UploadState.CHECKING
        case _:
            return UploadState.FAILED


def is_shown(upload: Upload | None) -> bool:
    """Tell whether an upload is one that people are shown; a partial one is a piece of another."""
    return upload is not None and upload.status in SHOWN and not upload.is_partial
