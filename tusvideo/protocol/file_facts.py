"""What a request that makes an upload says about its file, for dialects that have no field of their own for it."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from tusvideo.errors import InvalidField
from tusvideo.message import RequestHead
from tusvideo.model import replaced_id
from tusvideo.protocol import media_type, metadata, texts
from tusvideo.protocol.disposition import parse_filename


@dataclass(frozen=True, slots=True, kw_only=True)
class FileFacts:
    """Where the file goes and how people call it."""

    profile: str
    metadata: str
    original_name: str | None
    title: str | None
    description: str | None
    replaces: str | None


_TEXTS: Final = ("profile", "filename", "title", "description")
FIELDS: Final = frozenset({*_TEXTS, "replaces"})
"""What may be said in the query, and in a form."""


def parse_facts(
    head: RequestHead,
    *,
    name: str | None,
    default_profile: str,
    profiles: Collection[str],
    form: Mapping[str, Sequence[str]] | None = None,
) -> FileFacts:
    """Read profile, names and texts from the head; ``name`` is the last part of the path, if it names a file.

    The name is that of Content-Disposition, else of Upload-Metadata (``filename``, ``name``), else of ``?filename=``,
    else of the path. Content-Type becomes the ``filetype`` of the metadata where that is a harmless one. Profile,
    title, description and the record to replace are those of the form, else of Upload-Metadata, else of the query.
    Raises InvalidField, HeadersTooLarge.
    Spec: RFC 6266 §4.3; tus 1.0.0 § Creation / Headers / Upload-Metadata.
    """
    told = metadata.parse(head.headers.getall("Upload-Metadata", []))
    disposed = parse_filename(", ".join(head.headers.getall("Content-Disposition", [])))
    said = {field: _one(form or {}, field) or told.text(field) or head.one_query(field) for field in _TEXTS}
    title, description, profile = said["title"], said["description"], said["profile"] or default_profile
    replaces = _one(form or {}, "replaces") or told.exact_text("replaces") or head.one_query("replaces")
    if profile not in profiles:
        raise InvalidField("profile", expected=f"one of {', '.join(sorted(profiles))}", got=profile)
    return FileFacts(
        profile=profile,
        metadata=_with_type(told, None if form is not None else head.one("Content-Type")),
        original_name=_storable(disposed or told.text("name") or said["filename"] or name),
        title=None if title is None else texts.parse_title(title),
        description=None if description is None else texts.parse_description(description),
        replaces=None if replaces is None else replaced_id(replaces),
    )


def _one(form: Mapping[str, Sequence[str]], field: str) -> str | None:
    values = form.get(field, ())
    if len(values) > 1:
        raise InvalidField(field, expected="the field once", got=f"{len(values)} times")
    return values[0] if values else None


def _with_type(told: metadata.Metadata, content_type: str | None) -> str:
    """Keep the media type of the file where tus has it, unless one is there already."""
    kind = media_type.parse(content_type)
    if kind is None or media_type.KEY in told.values:
        return told.raw
    return ",".join(filter(None, (told.raw, metadata.build({media_type.KEY: kind.encode()}))))


def _storable(name: str | None) -> str | None:
    """Give a name as text that a database takes, and no longer than any name is."""
    if not name:
        return None
    return name.encode("utf-8", "surrogateescape")[: texts.MAX_NAME_BYTES].decode("utf-8", "replace")
