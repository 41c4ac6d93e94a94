"""Resumable uploads that survive a bad link: the Python client of tusvideo.

Blocking::

    from tusvideo_client import Uploader

    with Uploader("http://127.0.0.1:8080") as uploader:
        print(uploader.upload("talk.mp4", title="Talk").url)

Run the same script again after a cut, a kill or a reboot: it resumes, with no flag. :class:`AsyncUploader` is the same
to await; ``start`` of both gives a handle to pause, resume and cancel, and :mod:`tusvideo_client.events` tells what
happens. :class:`ChunkedVideoUploader` and :class:`AsyncChunkedVideoUploader` speak the documented chunk API.

Importing this package is quick: the HTTP library is loaded with the first uploader.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from .errors import (
    AuthError,
    FileChangedError,
    FileTooLargeError,
    GaveUpError,
    IntegrityError,
    LocalFileError,
    ProtocolError,
    RejectedError,
    StreamBrokenError,
    UnsupportedTypeError,
    UploadCancelledError,
    UploadError,
    UploadGoneError,
)
from .events import (
    Continued,
    Created,
    Cut,
    Damaged,
    Failed,
    Finished,
    Offline,
    Online,
    Paused,
    PieceSize,
    Resumed,
    Retrying,
    Stalled,
    Stored,
    Verified,
)
from .follow import Follow
from .model import Phase, Progress, TransferStats, UploadResult
from .state import RetryPolicy

if TYPE_CHECKING:
    from .batch import Item, Outcome
    from .blocking_handle import UploadHandle
    from .chunked import AsyncChunkedVideoUploader
    from .facade import ChunkedVideoUploader, Uploader
    from .handle import AsyncUploadHandle
    from .uploader import AsyncUploader

__all__ = [
    "AsyncChunkedVideoUploader",
    "AsyncUploadHandle",
    "AsyncUploader",
    "AuthError",
    "ChunkedVideoUploader",
    "Continued",
    "Created",
    "Cut",
    "Damaged",
    "Failed",
    "FileChangedError",
    "FileTooLargeError",
    "Finished",
    "Follow",
    "GaveUpError",
    "IntegrityError",
    "Item",
    "LocalFileError",
    "Offline",
    "Online",
    "Outcome",
    "Paused",
    "Phase",
    "PieceSize",
    "Progress",
    "ProtocolError",
    "RejectedError",
    "Resumed",
    "RetryPolicy",
    "Retrying",
    "Stalled",
    "Stored",
    "StreamBrokenError",
    "TransferStats",
    "UnsupportedTypeError",
    "UploadCancelledError",
    "UploadError",
    "UploadGoneError",
    "UploadHandle",
    "UploadResult",
    "Uploader",
    "Verified",
]


_HOMES = {
    "AsyncChunkedVideoUploader": "chunked",
    "AsyncUploadHandle": "handle",
    "AsyncUploader": "uploader",
    "ChunkedVideoUploader": "facade",
    "Item": "batch",
    "Outcome": "batch",
    "UploadHandle": "blocking_handle",
    "Uploader": "facade",
}
"""The modules that load the HTTP library or asyncio, by what they are wanted for."""


def __getattr__(name: str) -> Any:  # noqa: ANN401  # each name has its own type, given above to the type checker
    if name not in _HOMES:
        message = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(message)
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
