"""The JSON routes, described for programs: an OpenAPI document, made from the limits and profiles of this server.

tus and IETF uploads on ``/files/`` are not in it: they are protocols with specifications of their own.

Spec: OpenAPI 3.1.1.
"""

from collections.abc import Mapping
from http import HTTPStatus
from types import MappingProxyType
from typing import Final

from tusvideo.model import CLIENT_KEY, Limits, Profile
from tusvideo.protocol.fields import MAX_NUMBER
from tusvideo.protocol.openapi_schemas import Schema, object_of, ref, schemas

_PROBLEM_TYPE: Final = "application/problem+json"
_JSON: Final = "application/json"
_FORM: Final = "multipart/form-data"
_URLENCODED: Final = "application/x-www-form-urlencoded"

_RETRY_AFTER: Final[Schema] = {
    "Retry-After": {"description": "Seconds to wait.", "schema": {"type": "integer", "minimum": 0}}
}
_LATER: Final = (503, 507)
"""Statuses of any route that touches disk or table: nothing is wrong with the request, later it may work."""
_HEAD_FIELDS: Final[Schema] = {
    "Upload-Offset": {
        "description": "Bytes that are durably stored from byte 0 without a gap.",
        "required": True,
        "schema": {"type": "integer", "minimum": 0},
    },
    "Upload-Length": {
        "description": "Bytes in all, once that is known.",
        "schema": {"type": "integer", "minimum": 0},
    },
    "Upload-Chunk-Size": {
        "description": "Bytes of every chunk but the last.",
        "required": True,
        "schema": {"type": "integer", "minimum": 1},
    },
    "Upload-Next-Chunk": {
        "description": "Index of the first chunk that is missing.",
        "required": True,
        "schema": {"type": "integer", "minimum": 0},
    },
    "Upload-Expires": {
        "description": "When the unfinished upload may be removed.",
        "schema": {"type": "string"},
    },
    "Content-Location": {
        "description": "Path of the published file, after finalize.",
        "schema": {"type": "string"},
    },
}


def document(*, version: str, profiles: Mapping[str, Profile], limits: Limits) -> Schema:
    """Describe the JSON routes as this server takes them: its profiles and its limits are in the document.

    Spec: OpenAPI 3.1.1 § OpenAPI Object.
    """
    video_profiles = {name: profile for name, profile in sorted(profiles.items()) if profile.takes_video_only}
    return {
        "openapi": "3.1.1",
        "info": {
            "title": "tusvideo",
            "version": version,
            "summary": "Uploads in numbered chunks, and the records of finished videos.",
            "description": (
                "A byte that was acknowledged is never lost and never wrong. Every request here is safe to repeat. "
                "Errors are problem details with a stable `code` and a sentence that says what to do."
            ),
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "paths": {
            "/api/{profile}/video/chunk": _chunk_path(video_profiles, limits),
            "/api/{profile}/video/finalize": _finalize_path(video_profiles),
            "/api/videos/metadata": {"post": _describe_video()},
            "/api/videos": {"get": _list_videos()},
            "/api/videos/{id}": _video_path(),
            "/api/videos/{id}/thumbnail": _thumbnail_path(),
            "/files/{id}/digest": {"get": _digest()},
            "/healthz": {"get": _health()},
            "/readyz": {"get": _ready()},
            "/openapi.json": {"get": _description()},
            "/api/settings": {"get": _settings()},
        },
        "components": {"schemas": schemas(profiles=profiles, video_profiles=video_profiles, limits=limits)},
    }


def _chunk_path(video_profiles: Mapping[str, Profile], limits: Limits) -> Schema:
    return {
        "parameters": [_profile_parameter(video_profiles)],
        "post": _operation(
            "putChunk",
            "Store one chunk. Any order, in parallel, repeated: the same bytes again are fine.",
            answers={200: ("The chunk is stored, now or before.", ref("StoredChunk"))},
            refusals=(400, 404, 409, 410, 413, 415, 422),
            body={_FORM: ref("ChunkForm")},
        ),
        "get": _operation(
            "chunkStatus",
            "Which chunks are stored and which are missing.",
            answers={200: ("Where the upload stands.", ref("ChunkStatus"))},
            refusals=(400, 404, 410),
            parameters=[_key_parameter()],
        ),
        "head": _operation(
            "chunkOffset",
            "Where the upload stands, in header fields.",
            answers={200: ("Where the upload stands.", None)},
            refusals=(400, 404, 410),
            parameters=[_key_parameter()],
            fields=_HEAD_FIELDS,
            bare=True,
        ),
        "delete": _operation(
            "removeChunks",
            "Remove the upload, its chunks and, after finalize, its file.",
            answers={204: ("It is gone.", None)},
            refusals=(400, 404, 410),
            parameters=[_key_parameter()],
        ),
        "description": f"Chunks have at most {limits.max_chunk_size} bytes; an upload has at most {limits.max_chunks}.",
    }


def _finalize_path(video_profiles: Mapping[str, Profile]) -> Schema:
    return {
        "parameters": [_profile_parameter(video_profiles)],
        "post": _operation(
            "finalize",
            "Publish the file once all chunks are stored. Safe to repeat: the same answer again.",
            answers={200: ("The file is published, now or before.", ref("Finalized"))},
            refusals=(400, 404, 409, 410, 413, 415, 422),
            body={_JSON: ref("Finalize"), _FORM: ref("FinalizeForm"), _URLENCODED: ref("FinalizeForm")},
        ),
    }


def _describe_video() -> Schema:
    return _operation(
        "describeVideo",
        "Make the record of a published file, or update it.",
        answers={
            200: ("The record of this file was updated.", ref("VideoAnswer")),
            201: ("The record is new.", ref("VideoAnswer")),
        },
        refusals=(400, 404, 413, 415),
        body={_JSON: ref("DescribeVideo")},
    )


def _list_videos() -> Schema:
    return _operation(
        "listVideos",
        "The records, newest first.",
        answers={200: ("A page of records.", ref("VideoList"))},
        refusals=(400,),
        parameters=[
            _query("limit", "Records in the answer, at most.", {"type": "integer", "minimum": 1, "maximum": 100}),
            _query("cursor", "The cursor of the page before, unchanged.", {"type": "string"}),
        ],
    )


def _digest() -> Schema:
    identity = {"name": "id", "in": "path", "required": True, "schema": {"type": "string", "pattern": "^[0-9a-f]{32}$"}}
    count = {"type": "integer", "minimum": 0, "maximum": MAX_NUMBER}
    return _operation(
        "proveRange",
        "SHA-256 of stored bytes of an upload on /files/, at most 64 MiB at once; for its owner.",
        answers={200: ("What the bytes amount to.", ref("Digest"))},
        refusals=(400, 404, 410, 413),
        parameters=[
            identity,
            _query("from", "First byte; 0 if absent.", count),
            _query("to", "Byte after the last one; the offset if absent.", count),
        ],
    )


def _video_path() -> Schema:
    identity = {"name": "id", "in": "path", "required": True, "schema": {"type": "string", "pattern": "^[0-9a-f]{32}$"}}
    answer = {200: ("The record.", ref("VideoAnswer"))}
    return {
        "parameters": [identity],
        "get": _operation("getVideo", "One record.", answers=answer, refusals=(404,)),
        "patch": _operation(
            "changeVideo",
            "Change title, description or both.",
            answers=answer,
            refusals=(400, 404, 413, 415),
            body={_JSON: ref("ChangeVideo")},
        ),
        "delete": _operation(
            "removeVideo",
            "Remove the record, and with file=1 the file too.",
            answers={204: ("It is gone.", None)},
            refusals=(400, 404),
            parameters=[_query("file", "1: the file goes too.", {"type": "string", "enum": ["0", "1"]})],
        ),
    }


def _thumbnail_path() -> Schema:
    identity = {"name": "id", "in": "path", "required": True, "schema": {"type": "string", "pattern": "^[0-9a-f]{32}$"}}
    picture = {"image/jpeg": {"schema": {"type": "string", "contentMediaType": "image/jpeg"}}}
    answers: dict[str, Schema] = {
        "200": {"description": "The picture.", "content": picture},
        "206": {"description": "A part of it.", "content": picture},
        **{str(status): {"description": f"{HTTPStatus(status).phrase}."} for status in (304, 412, 416)},
    }
    described = _operation(
        "getThumbnail", "A small picture from near the beginning, upright.", answers={}, refusals=(404,), more=answers
    )
    return {"parameters": [identity], "get": described}


def _health() -> Schema:
    answer = object_of({"status": {"const": "ok"}, "durability": {"enum": ["strict", "relaxed"]}})
    return _operation("health", "The process answers.", answers={200: ("It does.", answer)}, refusals=(), later=())


def _ready() -> Schema:
    answers = {
        200: ("Bytes can be stored now.", object_of({"status": {"const": "ok"}})),
        503: ("Not now.", object_of({"status": {"enum": ["stopping", "failing"]}})),
    }
    return _operation("ready", "Whether bytes can be stored now.", answers=answers, refusals=(), later=())


def _description() -> Schema:
    answer = object_of({"openapi": {"type": "string"}, "info": {"type": "object"}, "paths": {"type": "object"}})
    return _operation("describe", "This document.", answers={200: ("The document.", answer)}, refusals=(), later=())


def _settings() -> Schema:
    answers = {200: ("Profiles and version.", ref("Settings"))}
    return _operation("settings", "What may be uploaded here.", answers=answers, refusals=(), later=())


def _operation(  # noqa: PLR0913 - the parts of an operation object, each named where it is given
    name: str,
    summary: str,
    *,
    answers: Mapping[int, tuple[str, Schema | None]],
    refusals: tuple[int, ...],
    later: tuple[int, ...] = _LATER,
    parameters: list[Schema] | None = None,
    body: Mapping[str, Schema] | None = None,
    fields: Schema | None = None,
    bare: bool = False,
    more: Mapping[str, Schema] = MappingProxyType({}),
) -> Schema:
    """Put an operation together; a ``bare`` one has no body in any answer, ``more`` are answers without JSON."""
    found: dict[str, Schema] = dict(more)
    for status, (sentence, schema) in answers.items():
        content = {} if schema is None else {"content": {_JSON: {"schema": schema}}}
        found[str(status)] = {"description": sentence, **content, **({"headers": fields} if fields else {})}
    for status in (*refusals, *later):
        content = {} if bare else {"content": {_PROBLEM_TYPE: {"schema": ref("Problem")}}}
        headers = {"headers": _RETRY_AFTER} if status in _LATER else {}
        found[str(status)] = {"description": f"{HTTPStatus(status).phrase}.", **content, **headers}
    operation: dict[str, object] = {"operationId": name, "summary": summary, "responses": found}
    if parameters:
        operation["parameters"] = parameters
    if body:
        taken = {media_type: {"schema": schema} for media_type, schema in body.items()}
        operation["requestBody"] = {"required": True, "content": taken}
    return operation


def _profile_parameter(video_profiles: Mapping[str, Profile]) -> Schema:
    schema = {"type": "string", "enum": list(video_profiles)}
    return {"name": "profile", "in": "path", "required": True, "schema": schema}


def _key_parameter() -> Schema:
    schema = {"type": "string", "pattern": f"^{CLIENT_KEY.pattern}$"}
    return {**_query("uploadId", "The id that the client made.", schema), "required": True}


def _query(name: str, sentence: str, schema: Schema) -> Schema:
    return {"name": name, "in": "query", "description": sentence, "schema": schema}
