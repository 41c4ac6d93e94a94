"""The objects that the JSON routes take and give, as JSON Schemas.

Spec: OpenAPI 3.1.1 § Schema Object; JSON Schema 2020-12.
"""

from collections.abc import Mapping
from typing import Final

from tusvideo.model import CLIENT_KEY, UPLOAD_ID, Limits, Profile, Status, UploadState
from tusvideo.protocol import captions, texts
from tusvideo.video import MAX_CAPTION_BYTES, MAX_CAPTIONS, VideoState

Schema = Mapping[str, object]

_COUNT: Final[Schema] = {"type": "integer", "minimum": 0}
_TEXT: Final[Schema] = {"type": "string"}
_TIME: Final[Schema] = {"type": "string", "format": "date-time"}
_TRUE: Final[Schema] = {"const": True}
_ID: Final[Schema] = {"type": "string", "pattern": f"^{UPLOAD_ID.pattern}$"}
_REPLACES: Final[Schema] = {**_ID, "description": "Id of the record whose file this one is to become."}
_KEY: Final[Schema] = {"type": "string", "pattern": f"^{CLIENT_KEY.pattern}$"}
_SHOWN: Final = (Status.OPEN, Status.FINALIZING, Status.COMPLETE, Status.FAILED)
_SHA256: Final[Schema] = {"type": "string", "pattern": "^[0-9A-Fa-f]{64}$"}
CONTROLS: Final = r"\u0000-\u001f\u007f-\u009f"
_ORIGINAL_NAME: Final[Schema] = {
    "type": "string",
    "pattern": rf"^[^/\\{CONTROLS}]+$",
    "description": f"A name without a path, at most {texts.MAX_NAME_BYTES} bytes of UTF-8.",
}
_STORED_NAME: Final[Schema] = {
    "type": "string",
    "pattern": rf"^[^/{CONTROLS}]+$",
    "description": "The filename that finalize answered.",
}
_RANGE: Final[Schema] = {"type": "array", "items": _COUNT, "minItems": 2, "maxItems": 2}


def ref(name: str) -> Schema:
    """Point at one of ``schemas``."""
    return {"$ref": f"#/components/schemas/{name}"}


def object_of(
    properties: Mapping[str, Schema], *, optional: Mapping[str, Schema] | None = None, sentence: str | None = None
) -> Schema:
    """Describe an object: ``properties`` must be there, ``optional`` may; others are neither sent nor looked at."""
    told = {} if sentence is None else {"description": sentence}
    return {
        "type": "object",
        **told,
        "properties": {**properties, **(optional or {})},
        "required": list(properties),
    }


_PROFILE: Final = object_of(
    {
        "name": _TEXT,
        "types": {"type": ["array", "null"], "items": _TEXT, "description": "Media types; null takes any."},
        "extensions": {"type": ["array", "null"], "items": {"type": "string", "pattern": "^[.][a-z0-9]+$"}},
        "maxSize": _COUNT,
        "chunkSize": {"type": "integer", "minimum": 1},
        "visibility": {"enum": ["public", "private"]},
    }
)


def schemas(
    *, profiles: Mapping[str, Profile], video_profiles: Mapping[str, Profile], limits: Limits
) -> Mapping[str, Schema]:
    """Give the schemas by name, with the limits and profiles of this server in them."""
    index = {"type": "integer", "minimum": 0, "maximum": limits.max_chunks - 1}
    total = {"type": "integer", "minimum": 1, "maximum": limits.max_chunks}
    largest = max((profile.max_length for profile in video_profiles.values()), default=0)
    return {
        "ChunkForm": object_of(
            {
                "uploadId": _KEY,
                "chunkIndex": index,
                "totalChunks": total,
                "chunk": {"type": "string", "format": "binary"},
            },
            optional={
                "chunkSize": {"type": "integer", "minimum": 1, "maximum": limits.max_chunk_size},
                "fileSize": {"type": "integer", "minimum": 0, "maximum": largest},
                "checksum": _SHA256,
                "replaces": _REPLACES,
            },
            sentence="Fields before the file let the server judge before it stores; any order works.",
        ),
        "Digest": object_of(
            {
                "success": _TRUE,
                "uploadId": {"type": "string", "pattern": "^[0-9a-f]{32}$"},
                "from": {"type": "integer", "minimum": 0},
                "to": {"type": "integer", "minimum": 0},
                "algorithm": {"enum": ["sha-256", "crc32c"]},
                "digest": {"type": "string", "pattern": "^([0-9a-f]{64}|[0-9a-f]{8})$"},
            },
        ),
        "StoredChunk": object_of(
            {
                "success": _TRUE,
                "uploadId": _KEY,
                "chunkIndex": index,
                "offset": _COUNT,
                "received": _COUNT,
                "totalChunks": total,
            },
            optional={"filename": _TEXT},
        ),
        "ChunkStatus": object_of(
            {
                "success": _TRUE,
                "uploadId": _KEY,
                "status": {"enum": [status.value for status in _SHOWN]},
                "offset": _COUNT,
                "length": _or_null(_COUNT),
                "chunkSize": {"type": "integer", "minimum": 1},
                "totalChunks": total,
                "nextChunk": _COUNT,
                "received": {"type": "array", "items": _RANGE, "description": "Ranges [first, last] of stored chunks."},
                "missing": {"type": "array", "items": index, "maxItems": 1000},
                "expiresAt": _or_null(_TIME),
            },
            optional={"filename": _TEXT},
        ),
        "Finalize": _finalize({"anyOf": [total, {"type": "string", "pattern": "^[1-9][0-9]{0,5}$"}]}, null=True),
        "FinalizeForm": _finalize(total, null=False),
        "Finalized": object_of(
            {
                "success": _TRUE,
                "filename": _TEXT,
                "url": _TEXT,
                "size": _COUNT,
                "contentType": _TEXT,
                "uploadId": _KEY,
            },
        ),
        **_of_videos(profiles),
        "Settings": object_of(
            {
                "success": _TRUE,
                "profiles": {"type": "array", "items": _PROFILE},
                "version": _TEXT,
                "undoSeconds": _COUNT,
            }
        ),
        "Problem": object_of(
            {
                "type": _TEXT,
                "title": _TEXT,
                "status": {"type": "integer", "minimum": 400, "maximum": 599},
                "detail": {"type": "string", "description": "A sentence that a person can act on."},
                "code": {"type": "string", "pattern": "^[a-z_]+$", "description": "Stable; for programs."},
                "success": {"const": False},
                "error": {"type": "string", "description": "The same as detail, for clients of the original server."},
            },
            optional={
                "field": _TEXT,
                "expected": _TEXT,
                "missing": {"type": "array", "items": index, "maxItems": 1000},
                "missingCount": _COUNT,
                "retryAfter": {"type": "integer", "minimum": 0, "description": "Seconds."},
            },
        ),
    }


def _of_videos(profiles: Mapping[str, Profile]) -> Mapping[str, Schema]:
    texts_told = {
        "title": {
            "type": "string",
            "maxLength": texts.MAX_TITLE,
            "pattern": rf"^[^{CONTROLS}]*[^\s{CONTROLS}][^{CONTROLS}]*$",
            "description": "Spaces around it are cut off.",
        },
        "description": {
            "type": "string",
            "maxLength": texts.MAX_DESCRIPTION,
            "pattern": r"^[^\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f]*$",
        },
    }
    record = {
        "id": {"type": "string", "pattern": "^[0-9a-f]{32}$"},
        "profile": _TEXT,
        "filename": _TEXT,
        "originalName": {"type": "string", "minLength": 1, "description": "Under this name the file is saved."},
        "title": {"type": "string", "minLength": 1, "maxLength": texts.MAX_TITLE},
        "description": {"type": "string", "maxLength": texts.MAX_DESCRIPTION},
        "url": _TEXT,
        "play": {**_TEXT, "description": "Path of the file for players: with its index in front if that was repaired."},
        "download": {**_TEXT, "description": "Path of the file as an attachment."},
        "size": _COUNT,
        "contentType": _TEXT,
        "createdAt": _TIME,
        "updatedAt": _TIME,
        "replacedAt": {**_or_null(_TIME), "description": "When it got the file that it has; null: with the first one."},
        "state": {
            "enum": [state.value for state in VideoState],
            "description": "Whether the file was examined, and could be; the file itself is as it was uploaded.",
        },
        "reason": {**_or_null(_TEXT), "description": "Why it failed, for people."},
        "duration": {**_or_null({"type": "number", "exclusiveMinimum": 0}), "description": "Seconds."},
        "width": {**_or_null(_COUNT), "description": "Pixels, before rotation."},
        "height": {**_or_null(_COUNT), "description": "Pixels, before rotation."},
        "rotation": {"enum": [0, 90, 180, 270, None], "description": "Degrees clockwise."},
        "videoCodec": _or_null(_TEXT),
        "audioCodec": _or_null(_TEXT),
        "faststart": {
            "type": ["boolean", "null"],
            "description": "Plays while it loads; null where that says nothing.",
        },
        "thumbnail": {**_or_null(_TEXT), "description": "Path of a JPEG, once it was drawn."},
        "captions": {"type": "array", "items": ref("Caption"), "maxItems": MAX_CAPTIONS},
    }
    upload: dict[str, Schema] = {
        "id": {"type": "string", "pattern": "^[0-9a-f]{32}$"},
        "state": {"enum": [state.value for state in UploadState]},
        "reason": {**_or_null(_TEXT), "description": "Code of the error that made it fail."},
        "filename": {**_or_null(_TEXT), "description": "How the client calls its file."},
        "profile": _TEXT,
        "offset": _COUNT,
        "length": _or_null(_COUNT),
        "expiresAt": _TIME,
        "title": _or_null(_TEXT),
        "description": _or_null(_TEXT),
        "updatedAt": _TIME,
        "videoId": {**_or_null(_TEXT), "description": "Id of its record, once it has one."},
        "replaces": {**_or_null(_TEXT), "description": "Id of the record whose file it is to become."},
        "url": _TEXT,
    }
    changeable = {**texts_told, "originalName": _ORIGINAL_NAME}
    return {
        "DescribeVideo": object_of(
            {"filename": _STORED_NAME, "title": texts_told["title"]},
            optional={
                "description": _or_null(texts_told["description"]),
                "profile": _or_null({"type": "string", "enum": sorted(profiles)}),
            },
        ),
        "ChangeVideo": {
            "type": "object",
            "properties": {name: _or_null(schema) for name, schema in changeable.items()},
            "anyOf": [{"required": [name]} for name in changeable],
        },
        "DraftUpload": {
            "type": "object",
            "properties": {name: _or_null(schema) for name, schema in texts_told.items()},
            "anyOf": [{"required": [name]} for name in texts_told],
        },
        "Caption": object_of(
            {
                "language": {"type": "string", "pattern": f"^{captions.TAG}$", "maxLength": captions.MAX_LANGUAGE},
                "label": {"type": "string", "minLength": 1, "maxLength": captions.MAX_LABEL},
                "url": {**_TEXT, "description": "Path of the WebVTT; other captions have another one."},
                "size": {"type": "integer", "minimum": 1, "maximum": MAX_CAPTION_BYTES},
            }
        ),
        "Upload": object_of(upload),
        "UploadAnswer": object_of({"success": _TRUE, **upload}),
        "UploadList": object_of({"success": _TRUE, "uploads": {"type": "array", "items": ref("Upload")}}),
        "Video": object_of(record),
        "VideoAnswer": object_of({"success": _TRUE, **record}),
        "VideoList": object_of(
            {
                "success": _TRUE,
                "videos": {"type": "array", "items": ref("Video")},
                "cursor": {"type": ["string", "null"], "description": "For the next page; null at the end."},
                "total": {**_COUNT, "description": "Records on all pages."},
            },
        ),
    }


def _finalize(total: Schema, *, null: bool) -> Schema:
    told: Mapping[str, Schema] = {"checksum": _SHA256, "replaces": _REPLACES}
    return object_of(
        {"uploadId": _KEY, "filename": _ORIGINAL_NAME, "totalChunks": total},
        optional={name: _or_null(schema) if null else schema for name, schema in told.items()},
    )


def _or_null(schema: Schema) -> Schema:
    return {"anyOf": [schema, {"type": "null"}]}
