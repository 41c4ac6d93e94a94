"""/api/videos over a real socket: pages of records, orders, searches, and files to be saved."""

import json
from typing import Any
from urllib.parse import quote

import pytest

from tests.fakes.clock import HandClock
from tests.web.conftest import Served, Start, TokenAuthenticator
from tests.web.videos import DATA, publish
from tests.web.wire import Answer
from tusvideo.model import Status
from tusvideo.video import UNDO_SECONDS


async def change(served: Served, record: dict[str, Any], document: object) -> Answer:
    """Change a record."""
    body = json.dumps(document).encode()
    return await served.ask(
        f"PATCH /api/videos/{record['id']} HTTP/1.1",
        "Content-Type: application/json",
        f"Content-Length: {len(body)}",
        body=body,
    )


@pytest.mark.parametrize(
    ("sort", "titles"),
    [
        ("newest", ["Cafe", "Zoo", "Berg"]),
        ("oldest", ["Berg", "Zoo", "Cafe"]),
        ("title", ["Berg", "Cafe", "Zoo"]),
        ("largest", ["Zoo", "Cafe", "Berg"]),
        ("longest", None),
    ],
)
async def test_every_order_page_by_page(served: Served, sort: str, titles: list[str] | None) -> None:
    """Each page names the place of the next one, and how many records there are in all."""
    for title, size in (("Berg", 100), ("Zoo", 300), ("Cafe", 200)):
        await publish(served, title, size=size)
    seen: list[str] = []
    cursor: str | None = ""
    while cursor is not None:
        query = f"limit=1&sort={sort}" + (f"&cursor={cursor}" if cursor else "")
        found = (await served.ask(f"GET /api/videos?{query} HTTP/1.1")).json
        assert (found["success"], found["total"], len(found["videos"])) == (True, 3, 1)
        seen.append(found["videos"][0]["title"])
        cursor = found["cursor"]
    assert seen == titles if titles is not None else sorted(seen) == ["Berg", "Cafe", "Zoo"]


@pytest.mark.parametrize(
    ("query", "titles"),
    [
        ("q=cafe", ["Caf\u00e9"]),
        ("q=" + quote("CAF\u00c9  clip"), ["Caf\u00e9"]),
        ("q=clip", ["Zoo", "Caf\u00e9"]),
        ("q=nothing", []),
        ("state=ready", ["Zoo", "Caf\u00e9"]),
        ("state=failed", []),
        ("profile=files&sort=title", ["Caf\u00e9", "Zoo"]),
        ("profile=poster", []),
    ],
)
async def test_records_are_found(served: Served, query: str, titles: list[str]) -> None:
    """By words of title and original name, by state, by profile; counted are those that are found."""
    for title in ("Caf\u00e9", "Zoo"):
        await publish(served, title)
    found = (await served.ask(f"GET /api/videos?{query} HTTP/1.1")).json
    assert ([record["title"] for record in found["videos"]], found["total"]) == (titles, len(titles))


async def test_a_cursor_belongs_to_its_order(served: Served) -> None:
    """In another one it is a 400, and so is what no list has."""
    for title in ("a", "b"):
        await publish(served, title)
    cursor = (await served.ask("GET /api/videos?limit=1 HTTP/1.1")).json["cursor"]
    for query in (f"sort=title&cursor={cursor}", "sort=size", "q=", "state=open", "profile=nowhere"):
        answer = await served.ask(f"GET /api/videos?{query} HTTP/1.1")
        assert (answer.status, answer.json["code"]) == (400, "invalid_field"), query


async def test_a_file_is_saved_under_its_original_name(served: Served) -> None:
    """As an attachment, whole or in ranges, and under another name once it has one; HEAD tells the same."""
    record = await publish(served, "Sea", name="Se\u00e9.mp4")
    assert record["originalName"] == "Se\u00e9.mp4"
    answer = await served.ask(f"GET {record['download']} HTTP/1.1")
    assert (answer.status, answer.body, answer.headers["Content-Type"]) == (200, DATA, "video/mp4")
    assert answer.headers["Content-Disposition"] == "attachment; filename=\"Se_.mp4\"; filename*=UTF-8''Se%C3%A9.mp4"
    part = await served.ask(f"GET {record['download']} HTTP/1.1", "Range: bytes=10-19")
    assert (part.status, part.body) == (206, DATA[10:20])
    assert (await change(served, record, {"originalName": "Other, 2.mp4"})).json["originalName"] == "Other, 2.mp4"
    head = await served.ask(f"HEAD {record['download']} HTTP/1.1")
    assert head.headers["Content-Disposition"].startswith('attachment; filename="Other_ 2.mp4"')
    shown = await served.ask(f"GET {record['url']} HTTP/1.1")
    assert shown.headers["Content-Disposition"].startswith("inline")


async def test_there_is_nothing_to_save_without_a_file(served: Served) -> None:
    """An unknown record, and one whose file is gone, are a 404."""
    record = await publish(served, "Sea")
    [upload] = [row for row in served.sessions._uploads() if row.location is not None]
    await served.sessions.remove(upload.id)
    for path in (record["download"], f"/api/videos/{'e' * 32}/download"):
        assert (await served.ask(f"GET {path} HTTP/1.1")).status == 404


async def test_what_was_removed_comes_back(served: Served) -> None:
    """Hidden at once, restored with its file; unless it was to go at once, or there is none."""
    record = await publish(served, "Sea")
    path = f"/api/videos/{record['id']}"
    assert (await served.ask(f"DELETE {path}?file=1 HTTP/1.1")).status == 204
    upload = f"/files/{(await served.sessions.with_status(Status.COMPLETE, after=None, limit=1))[0].id}"
    for hidden in (path, f"{path}/download", f"{path}/thumbnail", record["url"], upload):
        answer = await served.ask(f"GET {hidden} HTTP/1.1")
        assert (answer.status, answer.json["code"]) == (404, "not_found"), hidden
    restored = await served.ask(f"POST {path}/restore HTTP/1.1", "Content-Length: 0")
    assert (restored.status, restored.json["title"]) == (200, "Sea")
    assert (await served.ask(f"GET {record['url']} HTTP/1.1")).body == DATA
    assert (await served.ask(f"GET {upload} HTTP/1.1")).body == DATA
    assert (await served.ask(f"DELETE {path}?file=1 HTTP/1.1")).status == 204
    for status in (204, 404):
        assert (await served.ask(f"DELETE {path}?undo=0 HTTP/1.1")).status == status
    assert (await served.ask(f"POST {path}/restore HTTP/1.1", "Content-Length: 0")).status == 404
    assert (await served.ask(f"GET {record['url']} HTTP/1.1")).status == 404


async def test_what_was_removed_comes_back_in_time_only(start: Start) -> None:
    """In the last second of the half minute it does; after it the answer is 404 with its code, whoever asks first."""
    clock = HandClock()
    served = await start(clock=clock)
    record = await publish(served, "Sea")
    path = f"/api/videos/{record['id']}"
    found = []
    for seconds in (UNDO_SECONDS - 1, UNDO_SECONDS):
        assert (await served.ask(f"DELETE {path}?file=1 HTTP/1.1")).status == 204
        clock.move(seconds)
        answer = await served.ask(f"POST {path}/restore HTTP/1.1", "Content-Length: 0")
        found.append((answer.status, answer.json.get("code")))
    assert found == [(200, None), (404, "not_found")]
    assert (await served.ask(f"GET {path} HTTP/1.1")).status == 404


async def test_a_player_is_shown_the_file(start: Start) -> None:
    """At its own address when there is nothing to repair; to anybody if it is public, else to its owner."""
    served = await start(authenticator=TokenAuthenticator())
    alice, bob = "Authorization: Bearer alice", "Authorization: Bearer bob"
    for profile, others in (("poster", 200), ("files", 404)):
        line = f"POST /files/?profile={profile}&title=Sea HTTP/1.1"
        assert (await served.ask(line, alice, f"Content-Length: {len(DATA)}", body=DATA)).status == 201
        [record] = (await served.ask(f"GET /api/videos?profile={profile} HTTP/1.1", alice)).json["videos"]
        assert record["play"] == record["url"]
        path = f"/api/videos/{record['id']}/play"
        part = await served.ask(f"GET {path} HTTP/1.1", alice, "Range: bytes=10-19")
        assert (part.status, part.body) == (206, DATA[10:20])
        assert part.headers["Content-Disposition"].startswith("inline")
        assert [(await served.ask(f"HEAD {path} HTTP/1.1", *who)).status for who in ((bob,), ())] == [others, others]
    assert (await served.ask(f"GET /api/videos/{'0' * 32}/play HTTP/1.1", alice)).status == 404
