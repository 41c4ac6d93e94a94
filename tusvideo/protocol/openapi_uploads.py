"""The routes that tell how uploads get on, described for programs.

Spec: OpenAPI 3.1.1 § Paths Object.
"""

from collections.abc import Mapping

from tusvideo.protocol.openapi_parts import IDENTITY, JSON, operation
from tusvideo.protocol.openapi_schemas import Schema, ref


def paths() -> Mapping[str, Schema]:
    """Give the path items of ``/api/uploads`` and ``/api/events``."""
    answer = {200: ("How it gets on.", ref("UploadAnswer"))}
    return {
        "/api/uploads": {
            "get": operation(
                "listUploads",
                "What is on its way, and what ended in the last minute, newest first; at most 200.",
                answers={200: ("The uploads.", ref("UploadList"))},
                refusals=(),
            ),
        },
        "/api/uploads/{id}": {
            "parameters": [IDENTITY],
            "get": operation("getUpload", "How one upload gets on.", answers=answer, refusals=(404, 410)),
            "patch": operation(
                "draftUpload",
                "Say what the record is to say once the upload is published; after that, change the record.",
                answers=answer,
                refusals=(400, 404, 410, 413, 415),
                body={JSON: ref("DraftUpload")},
            ),
        },
        "/api/events": {"get": _events()},
    }


def _events() -> Schema:
    sentence = (
        "Events `upload` (data: an upload), `upload_gone` (data: its `id`), `video` (data: a record) and `video_gone`"
        " (data: its `id`), each as it is by then, and a comment every 15 seconds. Ends when the server stops, or when"
        " too much was not read: open it again, and ask for the lists."
    )
    content = {"text/event-stream": {"schema": {"type": "string"}}}
    return operation(
        "followEvents",
        "News of everything that changes, for as long as the connection lasts.",
        answers={},
        refusals=(429,),
        more={"200": {"description": sentence, "content": content}},
    )
