"""Which dialect a request on ``/files/`` speaks; decisions/0015 has the table.

Spec: tus 1.0.0 § Core Protocol / Headers / Tus-Resumable; draft-ietf-httpbis-resumable-upload-12 § Upload Creation.
"""

from enum import StrEnum
from typing import Final

from tusvideo.message import RequestHead
from tusvideo.protocol import fields
from tusvideo.protocol.interop import version_of


class Dialect(StrEnum):
    """Who reads the request and words the answer."""

    TUS = "tus"
    IETF = "ietf"
    PLAIN = "plain"


_TUS_ONLY: Final = ("Upload-Checksum", "Upload-Concat", "Upload-Defer-Length", "Upload-Length", "Upload-Metadata")


def dialect_of(head: RequestHead, *, creates: bool) -> Dialect:
    """Name the dialect of a request; ``creates`` says that its path is that of no upload. Never raises.

    Tus-Resumable makes it tus, whatever else is there. Without it, a request that makes an upload is the draft's when
    it says whether it is the last one, tus without its version (which tus refuses) when a field is in it that only tus
    has, else a whole file. On an upload all but an append of tus is read by the IETF dialect.
    """
    if "Tus-Resumable" in head.headers:
        return Dialect.TUS
    version = version_of(head)
    if version.completes(head) is not None if creates else version.takes_interim:
        return Dialect.IETF
    if any(fields.is_content_type(value, fields.OFFSET_TYPE) for value in head.headers.getall("Content-Type", [])):
        return Dialect.TUS
    if not creates:
        return Dialect.IETF
    if version.takes_interim or version.completeness in head.headers:
        return Dialect.PLAIN
    return Dialect.TUS if any(name in head.headers for name in _TUS_ONLY) else Dialect.PLAIN
