"""Requests of the documented chunk API, as a test that looks at every byte sends them."""

import json
from collections.abc import Sequence

from tests.e2e.tus import ask
from tests.web import forms
from tests.web.wire import Answer

CHUNK, FINALIZE = forms.CHUNK, forms.FINALIZE
JSON = "Content-Type: application/json"


def split(data: bytes, size: int) -> list[bytes]:
    """Cut a file into chunks."""
    return [data[at : at + size] for at in range(0, len(data), size)]


def form(key: str, index: int, total: int, *, data: bytes, file_first: bool = False, **more: str | int) -> bytes:
    """Write the form of one chunk; ``more`` are further fields."""
    fields = forms.chunk_fields(index, total, key=key) + [(name, str(value).encode()) for name, value in more.items()]
    file = [("chunk", data)]
    return forms.form(*(file + fields if file_first else fields + file))


def lines(body: bytes, *, path: str = CHUNK) -> Sequence[str]:
    """Write the head for a form."""
    return (f"POST {path} HTTP/1.1", forms.TYPE, f"Content-Length: {len(body)}")


async def put(
    port: int, key: str, index: int, total: int, *, data: bytes, file_first: bool = False, **more: str | int
) -> Answer:
    """Send one chunk."""
    body = form(key, index, total, data=data, file_first=file_first, **more)
    return await ask(port, *lines(body), body=body)


async def finalize(port: int, key: str, total: int, *, filename: str = "clip.mp4", **more: str) -> Answer:
    """Ask for the file to be put together."""
    return await post_json(port, FINALIZE, {"uploadId": key, "filename": filename, "totalChunks": total, **more})


async def post_json(port: int, path: str, document: object, *, method: str = "POST") -> Answer:
    """Send a JSON document."""
    body = json.dumps(document).encode()
    return await ask(port, f"{method} {path} HTTP/1.1", JSON, f"Content-Length: {len(body)}", body=body)


async def query(port: int, key: str, *, method: str = "GET") -> Answer:
    """Ask what is stored."""
    return await ask(port, f"{method} {CHUNK}?uploadId={key} HTTP/1.1")


def indexes(ranges: Sequence[Sequence[int]]) -> set[int]:
    """Spell out the ranges of ``received``."""
    return {index for first, last in ranges for index in range(first, last + 1)}
