"""The JSON routes, described for programs: an OpenAPI document, made from the limits and profiles of this server.

tus and IETF uploads on ``/files/`` are not in it: they are protocols with specifications of their own.

Spec: OpenAPI 3.1.1.
"""

from collections.abc import Mapping
from typing import Final

from tusvideo.model import CLIENT_KEY, Limits, Profile
from tusvideo.protocol import openapi_uploads, openapi_videos
from tusvideo.protocol.fields import MAX_NUMBER
from tusvideo.protocol.openapi_parts import FORM, IDENTITY, JSON, URLENCODED, operation, query
from tusvideo.protocol.openapi_schemas import Schema, object_of, ref, schemas

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
            **openapi_videos.paths(profiles=profiles),
            **openapi_uploads.paths(),
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
        "post": operation(
            "putChunk",
            "Store one chunk. Any order, in parallel, repeated: the same bytes again are fine.",
            answers={200: ("The chunk is stored, now or before.", ref("StoredChunk"))},
            refusals=(400, 404, 409, 410, 413, 415, 422),
            body={FORM: ref("ChunkForm")},
        ),
        "get": operation(
            "chunkStatus",
            "Which chunks are stored and which are missing.",
            answers={200: ("Where the upload stands.", ref("ChunkStatus"))},
            refusals=(400, 404, 410),
            parameters=[_key_parameter()],
        ),
        "head": operation(
            "chunkOffset",
            "Where the upload stands, in header fields.",
            answers={200: ("Where the upload stands.", None)},
            refusals=(400, 404, 410),
            parameters=[_key_parameter()],
            fields=_HEAD_FIELDS,
            bare=True,
        ),
        "delete": operation(
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
        "post": operation(
            "finalize",
            "Publish the file once all chunks are stored. Safe to repeat: the same answer again.",
            answers={200: ("The file is published, now or before.", ref("Finalized"))},
            refusals=(400, 404, 409, 410, 413, 415, 422),
            body={JSON: ref("Finalize"), FORM: ref("FinalizeForm"), URLENCODED: ref("FinalizeForm")},
        ),
    }


def _digest() -> Schema:
    count = {"type": "integer", "minimum": 0, "maximum": MAX_NUMBER}
    return operation(
        "proveRange",
        "Digest of stored bytes of an upload on /files/, at most 64 MiB at once; for its owner.",
        answers={200: ("What the bytes amount to.", ref("Digest"))},
        refusals=(400, 404, 410, 413),
        parameters=[
            IDENTITY,
            query("from", "First byte; 0 if absent.", count),
            query("to", "Byte after the last one; the offset if absent.", count),
            query("prefer", "crc32c for a cheap one, where the server computes it; else SHA-256.", {"type": "string"}),
        ],
    )


def _health() -> Schema:
    answer = object_of({"status": {"const": "ok"}, "durability": {"enum": ["strict", "relaxed"]}})
    return operation("health", "The process answers.", answers={200: ("It does.", answer)}, refusals=(), later=())


def _ready() -> Schema:
    answers = {
        200: ("Bytes can be stored now.", object_of({"status": {"const": "ok"}})),
        503: ("Not now.", object_of({"status": {"enum": ["stopping", "failing"]}})),
    }
    return operation("ready", "Whether bytes can be stored now.", answers=answers, refusals=(), later=())


def _description() -> Schema:
    answer = object_of({"openapi": {"type": "string"}, "info": {"type": "object"}, "paths": {"type": "object"}})
    return operation("describe", "This document.", answers={200: ("The document.", answer)}, refusals=(), later=())


def _settings() -> Schema:
    answers = {200: ("Profiles and version.", ref("Settings"))}
    return operation("settings", "What may be uploaded here.", answers=answers, refusals=(), later=())


def _profile_parameter(video_profiles: Mapping[str, Profile]) -> Schema:
    schema = {"type": "string", "enum": list(video_profiles)}
    return {"name": "profile", "in": "path", "required": True, "schema": schema}


def _key_parameter() -> Schema:
    schema = {"type": "string", "pattern": f"^{CLIENT_KEY.pattern}$"}
    return {**query("uploadId", "The id that the client made.", schema), "required": True}
