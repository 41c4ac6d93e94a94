"""What a request that makes an upload says about its file, for dialects that have no field of their own for it."""

from collections.abc import Collection
from dataclasses import dataclass

from tusvideo.errors import InvalidField
from tusvideo.message import RequestHead
from tusvideo.protocol import metadata, texts
from tusvideo.protocol.disposition import parse_filename


@dataclass(frozen=True, slots=True, kw_only=True)
class FileFacts:
    """Where the file goes and how people call it."""

    profile: str
    metadata: str
    original_name: str | None
    title: str | None
    description: str | None


def parse_facts(head: RequestHead, *, name: str | None, default_profile: str, profiles: Collection[str]) -> FileFacts:
    """Read profile, names and texts from the head; ``name`` is the last part of the path, if it names a file.

    The name is that of Content-Disposition, else of Upload-Metadata (``filename``, ``name``), else of ``?filename=``,
    else of the path. Profile, title and description are those of Upload-Metadata, else of the query. Raises
    InvalidField, HeadersTooLarge.
    Spec: RFC 6266 §4.3; tus 1.0.0 § Creation / Headers / Upload-Metadata.
    """
    told = metadata.parse(head.headers.getall("Upload-Metadata", []))
    disposed = parse_filename(", ".join(head.headers.getall("Content-Disposition", [])))
    title = told.text("title") or head.one_query("title")
    description = told.text("description") or head.one_query("description")
    profile = told.text("profile") or head.one_query("profile") or default_profile
    if profile not in profiles:
        raise InvalidField("profile", expected=f"one of {', '.join(sorted(profiles))}", got=profile)
    return FileFacts(
        profile=profile,
        metadata=told.raw,
        original_name=_storable(disposed or told.text("filename", "name") or head.one_query("filename") or name),
        title=None if title is None else texts.parse_title(title),
        description=None if description is None else texts.parse_description(description),
    )


def _storable(name: str | None) -> str | None:
    """Give a name as text that a database takes, and no longer than any name is."""
    if not name:
        return None
    return name.encode("utf-8", "surrogateescape")[: texts.MAX_NAME_BYTES].decode("utf-8", "replace")
