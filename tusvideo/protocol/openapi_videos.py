"""The routes of records, described for programs.

Spec: OpenAPI 3.1.1 § Paths Object.
"""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Final

from tusvideo.model import Profile
from tusvideo.protocol import captions
from tusvideo.protocol.openapi_parts import IDENTITY, JSON, operation, query
from tusvideo.protocol.openapi_schemas import CONTROLS, Schema, ref
from tusvideo.protocol.video_list import MAX_LIMIT, MAX_QUERY, SORTS, STATES
from tusvideo.video import MAX_CAPTION_BYTES

_JPEG: Final = "image/jpeg"
_ANYTHING: Final = "*/*"
_VTT: Final = "text/vtt"
_SRT: Final = "application/x-subrip"
_LANGUAGE: Final[Schema] = {
    "name": "language",
    "in": "path",
    "required": True,
    "description": "A BCP 47 tag, in any case: en, pt-BR, zh-Hant.",
    "schema": {"type": "string", "pattern": f"^{captions.TAG}$", "maxLength": captions.MAX_LANGUAGE},
}


def paths(*, profiles: Mapping[str, Profile]) -> Mapping[str, Schema]:
    """Give the path items of everything below ``/api/videos``."""
    return {
        "/api/videos/metadata": {"post": _describe()},
        "/api/videos": {"get": _list(profiles)},
        "/api/videos/{id}": _video(),
        "/api/videos/{id}/restore": {
            "parameters": [IDENTITY],
            "post": operation(
                "restoreVideo",
                "Bring back a record that was removed less than undoSeconds ago, and with it its file.",
                answers={200: ("The record.", ref("VideoAnswer"))},
                refusals=(404,),
            ),
        },
        "/api/videos/{id}/thumbnail": {
            "parameters": [IDENTITY],
            "get": _file("getThumbnail", "A small picture from near the beginning, upright.", media_type=_JPEG),
        },
        "/api/videos/{id}/play": {
            "parameters": [IDENTITY],
            "get": _file("play", "The file for players, with its index in front if need be.", media_type=_ANYTHING),
        },
        "/api/videos/{id}/captions/{language}": _captions(),
        "/api/videos/{id}/download": {
            "parameters": [IDENTITY],
            "get": _file("download", "The file, to be saved under its original name.", media_type=_ANYTHING),
        },
    }


def _describe() -> Schema:
    return operation(
        "describeVideo",
        "Make the record of a published file, or update it.",
        answers={
            200: ("The record of this file was updated.", ref("VideoAnswer")),
            201: ("The record is new.", ref("VideoAnswer")),
        },
        refusals=(400, 404, 413, 415),
        body={JSON: ref("DescribeVideo")},
    )


def _list(profiles: Mapping[str, Profile]) -> Schema:
    words = {"type": "string", "minLength": 1, "maxLength": MAX_QUERY, "pattern": f"^[^{CONTROLS}]*$"}
    return operation(
        "listVideos",
        "The records, page by page.",
        answers={200: ("A page of records.", ref("VideoList"))},
        refusals=(400,),
        parameters=[
            query("limit", "Records in the answer, at most.", {"type": "integer", "minimum": 1, "maximum": MAX_LIMIT}),
            query("cursor", "The cursor of the page before, unchanged; it belongs to its sort.", {"type": "string"}),
            query("q", "Each word stands in title, description or original name; case and accents are one.", words),
            query("sort", "The order; newest if absent.", {"type": "string", "enum": list(SORTS)}),
            query("profile", "Only those of a profile.", {"type": "string", "enum": sorted(profiles)}),
            query("state", "Only those in a state.", {"type": "string", "enum": list(STATES)}),
        ],
    )


def _video() -> Schema:
    answer = {200: ("The record.", ref("VideoAnswer"))}
    return {
        "parameters": [IDENTITY],
        "get": operation("getVideo", "One record.", answers=answer, refusals=(404,)),
        "patch": operation(
            "changeVideo",
            "Change title, description, original name, or several of them.",
            answers=answer,
            refusals=(400, 404, 413, 415),
            body={JSON: ref("ChangeVideo")},
        ),
        "delete": operation(
            "removeVideo",
            "Remove the record, and with file=1 the file too; both can be restored for a while.",
            answers={204: ("It is hidden, and will be gone.", None)},
            refusals=(400, 404),
            parameters=[
                query("file", "1: the file goes too.", {"type": "string", "enum": ["0", "1"]}),
                query("undo", "0: at once, and for good.", {"type": "string", "enum": ["0", "1"]}),
            ],
        ),
    }


def _captions() -> Schema:
    label = {"type": "string", "minLength": 1, "maxLength": captions.MAX_LABEL, "pattern": rf"^[^{CONTROLS}]*$"}
    return {
        "parameters": [IDENTITY, _LANGUAGE],
        "get": _file(
            "getCaptions", "The captions in a language, for whom the file is.", media_type=_VTT, refusals=(400, 404)
        ),
        "put": operation(
            "putCaptions",
            "Give the video captions in a language: WebVTT as it is, SubRip becomes WebVTT. In UTF-8, at most "
            f"{MAX_CAPTION_BYTES} bytes; what the body is, it tells itself.",
            answers={
                200: ("They take the place of others.", ref("VideoAnswer")),
                201: ("It had none in this language.", ref("VideoAnswer")),
            },
            refusals=(400, 404, 409, 413, 415),
            parameters=[query("label", "How people are offered them; the tag if absent.", label)],
            body={media_type: {"type": "string"} for media_type in (_VTT, _SRT)},
        ),
        "delete": operation(
            "removeCaptions",
            "Remove the captions in a language.",
            answers={204: ("They are gone.", None)},
            refusals=(400, 404),
        ),
    }


def _file(name: str, summary: str, *, media_type: str, refusals: tuple[int, ...] = (404,)) -> Schema:
    content = {media_type: {"schema": {"type": "string", "contentMediaType": media_type}}}
    answers: dict[str, Schema] = {
        "200": {"description": "The whole.", "content": content},
        "206": {"description": "A part of it.", "content": content},
        **{str(status): {"description": f"{HTTPStatus(status).phrase}."} for status in (304, 412, 416)},
    }
    return operation(name, summary, answers={}, refusals=refusals, more=answers)
