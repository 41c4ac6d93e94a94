"""Videos that are published, with their records."""

from typing import Any

from tests.e2e import tus
from tests.service.wishes import a_video
from tests.web.conftest import Served

DATA = a_video(500)


async def publish(served: Served, title: str, *, name: str = "clip.mp4", size: int = 500) -> dict[str, Any]:
    """Publish a file with a record, and give the record."""
    body = a_video(size)
    answer = await served.ask(
        "POST /files/?profile=files HTTP/1.1",
        "Tus-Resumable: 1.0.0",
        f"Upload-Length: {size}",
        tus.metadata(title=title, filename=name),
        "Content-Type: application/offset+octet-stream",
        f"Content-Length: {size}",
        body=body,
    )
    assert answer.status == 201, answer.body
    records: list[dict[str, Any]] = (await served.ask("GET /api/videos?limit=1 HTTP/1.1")).json["videos"]
    return records[0]
