"""tus 1.0.0: request heads become commands, outcomes and errors become answers.

Spec: tus 1.0.0 (core, creation, creation-with-upload, creation-defer-length, expiration, termination).
"""

from collections.abc import Collection
from typing import Final

from tusvideo.commands import Appended, AppendBytes, Created, CreateUpload, Queried, QueryUpload, TerminateUpload
from tusvideo.errors import TusvideoError
from tusvideo.message import RequestHead, ResponseHead
from tusvideo.model import UploadId

VERSION: Final = "1.0.0"
EXTENSIONS: Final = ("creation", "creation-with-upload", "creation-defer-length", "expiration", "termination")


def parse(
    head: RequestHead,
    *,
    upload_id: UploadId | None,
    default_profile: str,
    profiles: Collection[str],
) -> CreateUpload | AppendBytes | QueryUpload | TerminateUpload:
    """Turn a head on ``/files/`` (``upload_id`` None) or ``/files/{id}`` into a command.

    ``head.method`` is the effective one (see fields.effective_method). Knows POST on the collection and PATCH, HEAD,
    DELETE on an upload; GET and OPTIONS are the web's and never come here.
    """
    raise NotImplementedError


def options(max_length: int | None) -> ResponseHead:
    """Tell what this server speaks: 204 with Tus-Version, Tus-Extension and, when there is a limit, Tus-Max-Size."""
    raise NotImplementedError


def render(
    outcome: Created | Appended | Queried,
    *,
    base_path: str,
    content_location: str | None,
    ignored_body: bool = False,
) -> ResponseHead:
    """Answer a command that worked: 201, 204 or (for HEAD) 200.

    ``base_path`` is the path of the collection, with or without the slash at its end. ``content_location`` is the path
    of the published file; it is shown only when the upload is complete. ``ignored_body`` says that a POST had a body
    which is not upload content (``head.has_body and not command.takes_body``).
    """
    raise NotImplementedError


def render_terminated() -> ResponseHead:
    """Answer a termination: 204."""
    raise NotImplementedError


def render_error(error: TusvideoError, *, head_only: bool) -> ResponseHead:
    """Answer an error with its status, its fields and (unless ``head_only``) problem details."""
    raise NotImplementedError


def render_unexpected(request_id: str, *, head_only: bool) -> ResponseHead:
    """Answer an exception that nobody foresaw: 500 with a fixed sentence (423 on HEAD, so that progress is kept)."""
    raise NotImplementedError
