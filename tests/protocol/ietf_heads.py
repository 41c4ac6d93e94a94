"""Heads of the IETF dialect to test with; what a test does not name is ordinary."""

from typing import Any

from tests.protocol.heads import ID, NOON, head
from tusvideo.commands import AppendBytes, Appended, Created, CreateUpload, Queried, QueryUpload, TerminateUpload
from tusvideo.errors import TusvideoError
from tusvideo.message import RequestHead, ResponseHead
from tusvideo.model import Limits, UploadId
from tusvideo.protocol import ietf
from tusvideo.protocol.interop import PARTIAL_TYPE, UNANNOUNCED, VERSIONS, Version

PARTIAL = ("Content-Type", PARTIAL_TYPE)
FULL, MORE = ("Upload-Complete", "?1"), ("Upload-Complete", "?0")
V9 = VERSIONS[9]
EVERY_VERSION = [UNANNOUNCED, *VERSIONS.values()]
MAX_LENGTH = 5000
NO_LIMITS = Limits()
"""Of a server on which nothing is set: requests are as small and as large as they like."""


def number_of(version: object) -> str:
    """Name a version in the test report."""
    return f"v{version.number}" if isinstance(version, Version) else repr(version)


def parse(
    request: RequestHead,
    *,
    version: Version = V9,
    upload_id: UploadId | None = None,
    name: str | None = None,
    announces: bool = True,
    limits: Limits = NO_LIMITS,
) -> CreateUpload | AppendBytes | QueryUpload | TerminateUpload:
    """Let the dialect read a head on a server with two profiles."""
    return ietf.parse(
        request,
        version=version,
        upload_id=upload_id,
        name=name,
        default_profile="files",
        profiles=("files", "poster"),
        limits=limits,
        announces=announces,
    )


def create(
    *fields: tuple[str, str], version: Version = V9, announces: bool = True, method: str = "POST", **more: Any
) -> CreateUpload:
    """A request that makes an upload, read by the dialect."""
    command = parse(head(method, *fields, **more), version=version, announces=announces)
    assert isinstance(command, CreateUpload)
    return command


def append(*fields: tuple[str, str], version: Version = V9, **more: Any) -> AppendBytes:
    """PATCH on an upload with the media type and these fields, read by the dialect."""
    command = parse(head("PATCH", PARTIAL, *fields, **more), version=version, upload_id=ID)
    assert isinstance(command, AppendBytes)
    return command


def render(outcome: Created | Appended | Queried, *, version: Version = V9, url: str | None = None) -> ResponseHead:
    """Answer an outcome at noon."""
    return ietf.render(
        outcome, version=version, base_path="/files/", url=url, max_length=MAX_LENGTH, limits=NO_LIMITS, now=NOON
    )


def render_error(
    error: TusvideoError, *, version: Version = V9, limits: Limits = NO_LIMITS, head_only: bool = False
) -> ResponseHead:
    """Answer an error."""
    return ietf.render_error(error, version=version, base_path="/files/", limits=limits, head_only=head_only)
