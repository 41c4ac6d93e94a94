"""Two users on one server: what belongs to somebody else is, byte for byte, what never was."""

import contextlib
import json
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
import pytest_asyncio
from aiohttp import web

from tests.e2e import chunks, tus
from tests.e2e.disk import video
from tests.web import forms
from tests.web.wire import Answer
from tusvideo import wiring
from tusvideo.config.settings import Config, StorageSettings
from tusvideo.errors import Unauthenticated
from tusvideo.message import RequestHead
from tusvideo.model import ClientKey, Location, Status, Upload, UploadId, UserId
from tusvideo.web.app import make_runner

DATA = video(1, 100_000)
HALF = 50_000
UNKNOWN_ID = "f" * 32
KEY, UNKNOWN_KEY = "shared", "nobody"
PRIVATE_CHUNK, PRIVATE_FINALIZE = (path.replace("poster", "video") for path in (chunks.CHUNK, chunks.FINALIZE))


class HeaderAuthenticator:
    """Takes a request for the user that its field X-User names."""

    async def identify(self, head: RequestHead) -> UserId:
        """Name the user."""
        name = head.one("X-User")
        if name is None:
            raise Unauthenticated
        return UserId(name)


@dataclass(frozen=True, slots=True)
class Shared:
    """A server with two users, over real files and a real session table."""

    port: int
    server: wiring.Server

    async def ask(self, user: str | None, *lines: str, body: bytes = b"") -> Answer:
        """Ask as a user, or as nobody."""
        named = () if user is None else (f"X-User: {user}",)
        length = (f"Content-Length: {len(body)}",) if body else ()
        return await tus.ask(self.port, *lines, *named, *length, body=body)

    async def in_status(self, upload: Upload, status: Status) -> Upload:
        """Bring an open upload into a status, as the table would tell it."""
        place = Location(directory="files", folder="alice", filename="chosen.mp4")
        changed = replace(upload, status=status, location=place if status is Status.FINALIZING else None)
        await self.server.sessions.save(changed, was=upload)
        return changed

    async def row(self, upload_id: str) -> Upload:
        """Load a row."""
        found = await self.server.sessions.get(UploadId(upload_id))
        assert found is not None
        return found


@pytest_asyncio.fixture
async def shared(tmp_path: Path) -> AsyncIterator[Shared]:
    """The server, put together as the real one is, save for who asks."""
    config = Config(storage=StorageSettings(data_dir=tmp_path / "data"))
    async with wiring.opened(config) as server, contextlib.AsyncExitStack() as stack:
        house = replace(wiring.house_of(server, config), authenticator=HeaderAuthenticator())
        runner = make_runner(house, stop_seconds=1)
        await runner.setup()
        stack.push_async_callback(runner.cleanup)
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield Shared(port=runner.addresses[0][1], server=server)


def seen(answer: Answer, *, without: tuple[str, ...] = ()) -> object:
    """Give all that a client sees of an answer but time and request id, in the order of the wire."""
    hidden = {"date", "x-request-id", *without}
    headers = [(name, value) for name, value in answer.headers.items() if name.lower() not in hidden]
    return answer.status, answer.interim, headers, answer.body


async def tus_upload(shared: Shared, status: Status) -> str:
    """Make an upload of alice in a status; give its path."""
    made = await shared.ask(
        "alice", "POST /files/ HTTP/1.1", tus.TUS, f"Upload-Length: {len(DATA)}", tus.metadata(filename="a.mp4")
    )
    path = made.headers["Location"]
    sent = DATA if status is Status.COMPLETE else DATA[:HALF]
    answer = await shared.ask("alice", f"PATCH {path} HTTP/1.1", tus.TUS, tus.BYTES, "Upload-Offset: 0", body=sent)
    assert answer.status == 204
    if status not in {Status.OPEN, Status.COMPLETE}:
        await shared.in_status(await shared.row(path.rpartition("/")[2]), status)
    return path


TUS_REQUESTS: dict[str, tuple[str, tuple[str, ...], bytes]] = {
    "HEAD": ("HEAD", (tus.TUS,), b""),
    "HEAD without a version": ("HEAD", (), b""),
    "HEAD of another version": ("HEAD", ("Tus-Resumable: 0.2.2",), b""),
    "GET": ("GET", (), b""),
    "GET of a range": ("GET", ("Range: bytes=0-9",), b""),
    "OPTIONS": ("OPTIONS", (tus.TUS,), b""),
    "PATCH at the offset": ("PATCH", (tus.TUS, tus.BYTES, f"Upload-Offset: {HALF}"), DATA[HALF:]),
    "PATCH at 0": ("PATCH", (tus.TUS, tus.BYTES, "Upload-Offset: 0"), b"evil"),
    "PATCH beyond": ("PATCH", (tus.TUS, tus.BYTES, "Upload-Offset: 9999999"), b"evil"),
    "PATCH that waits": ("PATCH", (tus.TUS, tus.BYTES, "Upload-Offset: 0", "Expect: 100-continue"), b"evil"),
    "PATCH of another type": ("PATCH", (tus.TUS, "Content-Type: text/plain", "Upload-Offset: 0"), b"evil"),
    "PATCH without an offset": ("PATCH", (tus.TUS, tus.BYTES), b"evil"),
    "DELETE": ("DELETE", (tus.TUS,), b""),
    "DELETE by override": ("POST", (tus.TUS, "X-HTTP-Method-Override: DELETE"), b""),
    "PUT": ("PUT", (tus.TUS,), b"evil"),
}


@pytest.mark.parametrize("status", Status)
@pytest.mark.parametrize("user", ["bob", None])
async def test_a_foreign_tus_upload_is_an_unknown_one(user: str | None, status: Status, shared: Shared) -> None:
    """Every verb, every state: the answers are the same for alice's upload and for none, and nothing changes."""
    path = await tus_upload(shared, status)
    before = await shared.row(path.rpartition("/")[2])
    for name, (method, fields, body) in TUS_REQUESTS.items():
        foreign = await shared.ask(user, f"{method} {path} HTTP/1.1", *fields, body=body)
        unknown = await shared.ask(user, f"{method} /files/{UNKNOWN_ID} HTTP/1.1", *fields, body=body)
        assert seen(foreign) == seen(unknown), name
        assert foreign.status in ({204, 401, 405} if user is None else {204, 400, 404, 405, 412, 415}), name
        assert (foreign.status == 204) == (method == "OPTIONS"), name
    assert await shared.row(before.id) == before


async def test_a_creation_key_is_the_users_own(shared: Shared) -> None:
    """The Idempotency-Key of somebody else does not lead to that upload."""
    lines = ("POST /files/ HTTP/1.1", tus.TUS, "Upload-Length: 5", "Idempotency-Key: same")
    mine = await shared.ask("alice", *lines)
    other = await shared.ask("bob", *lines)
    assert mine.headers["Location"] != other.headers["Location"]
    assert (await shared.ask("alice", *lines)).headers["Location"] == mine.headers["Location"]


async def chunk_upload(shared: Shared, status: Status) -> Upload:
    """Make a chunk upload of alice in a status."""
    parts = chunks.split(DATA, HALF)
    for index in range(2 if status is Status.COMPLETE else 1):
        body = chunks.form(KEY, index, 2, data=parts[index])
        lines = [line for line in chunks.lines(body, path=PRIVATE_CHUNK) if "Length" not in line]
        assert (await shared.ask("alice", *lines, body=body)).status == 200
    if status is Status.COMPLETE:
        document = json.dumps({"uploadId": KEY, "filename": "a.mp4", "totalChunks": 2}).encode()
        done = await shared.ask("alice", f"POST {PRIVATE_FINALIZE} HTTP/1.1", chunks.JSON, body=document)
        assert done.status == 200
    found = await shared.server.sessions.find(UserId("alice"), ClientKey(KEY))
    assert found is not None
    return found if status in {Status.OPEN, Status.COMPLETE} else await shared.in_status(found, status)


def finalize_form(key: str) -> bytes:
    """Write the JSON of finalize."""
    return json.dumps({"uploadId": key, "filename": "a.mp4", "totalChunks": 2}).encode()


ChunkRequest = Callable[[str], tuple[tuple[str, ...], bytes]]
CHUNK_REQUESTS: dict[str, ChunkRequest] = {
    "HEAD": lambda key: ((f"HEAD {PRIVATE_CHUNK}?uploadId={key} HTTP/1.1",), b""),
    "GET": lambda key: ((f"GET {PRIVATE_CHUNK}?uploadId={key} HTTP/1.1",), b""),
    "finalize": lambda key: ((f"POST {PRIVATE_FINALIZE} HTTP/1.1", chunks.JSON), finalize_form(key)),
    "DELETE": lambda key: ((f"DELETE {PRIVATE_CHUNK}?uploadId={key} HTTP/1.1",), b""),
    "HEAD in another profile": lambda key: ((f"HEAD {chunks.CHUNK}?uploadId={key} HTTP/1.1",), b""),
    "POST": lambda key: (
        (f"POST {PRIVATE_CHUNK} HTTP/1.1", forms.TYPE),
        chunks.form(key, 0, 2, data=DATA[:HALF]),
    ),
    "POST of other bytes": lambda key: (
        (f"POST {PRIVATE_CHUNK} HTTP/1.1", forms.TYPE),
        chunks.form(key, 0, 3, data=DATA[: HALF - 1]),
    ),
}


@pytest.mark.parametrize("status", Status)
@pytest.mark.parametrize("user", ["bob", None])
async def test_a_foreign_chunk_upload_is_an_unknown_one(user: str | None, status: Status, shared: Shared) -> None:
    """An uploadId that somebody else uses is free: questions find nothing, a chunk begins an upload of one's own."""
    before = await chunk_upload(shared, status)
    for name, request in CHUNK_REQUESTS.items():
        answers = []
        for key in (KEY, UNKNOWN_KEY):
            lines, body = request(key)
            answer = await shared.ask(user, *lines, body=body)
            answers.append(replace(answer, body=answer.body.replace(key.encode(), b"")))
            if answer.status == 200:
                await shared.ask(user, f"DELETE {PRIVATE_CHUNK}?uploadId={key} HTTP/1.1")
        assert seen(answers[0]) == seen(answers[1]), name
        expected = 401 if user is None else 200 if name.startswith("POST") else 404
        assert answers[0].status == expected, name
    assert await shared.row(before.id) == before


async def test_foreign_records_and_private_files_are_unknown(shared: Shared) -> None:
    """Video records and files of private profiles, under both of their addresses: not there for bob."""
    upload = await chunk_upload(shared, Status.COMPLETE)
    assert upload.location is not None
    name = upload.location.filename
    told = json.dumps({"filename": name, "title": "T", "profile": "video"}).encode()
    made = await shared.ask("alice", "POST /api/videos/metadata HTTP/1.1", chunks.JSON, body=told)
    assert made.status == 201
    record = made.json["id"]
    change = json.dumps({"title": "evil"}).encode()
    pairs: list[tuple[tuple[str, ...], tuple[str, ...], bytes]] = [
        ((f"GET /api/videos/{record} HTTP/1.1",), (f"GET /api/videos/{UNKNOWN_ID} HTTP/1.1",), b""),
        (
            (f"PATCH /api/videos/{record} HTTP/1.1", chunks.JSON),
            (f"PATCH /api/videos/{UNKNOWN_ID} HTTP/1.1", chunks.JSON),
            change,
        ),
        ((f"DELETE /api/videos/{record} HTTP/1.1",), (f"DELETE /api/videos/{UNKNOWN_ID} HTTP/1.1",), b""),
        (
            (f"DELETE /api/videos/{record}?file=1 HTTP/1.1",),
            (f"DELETE /api/videos/{UNKNOWN_ID}?file=1 HTTP/1.1",),
            b"",
        ),
        *(
            (
                (f"{method} /uploads/videos/alice/{name} HTTP/1.1", *fields),
                (f"{method} /uploads/videos/{folder}/video_1.mp4 HTTP/1.1", *fields),
                b"",
            )
            for method in ("GET", "HEAD")
            for fields in ((), ("Range: bytes=0-9",), ("If-None-Match: *",))
            for folder in ("alice", "nobody")
        ),
        *(
            ((f"{method} /files/{upload.id} HTTP/1.1",), (f"{method} /files/{UNKNOWN_ID} HTTP/1.1",), b"")
            for method in ("GET", "HEAD")
        ),
    ]
    for user in ("bob", None):
        for foreign, unknown, body in pairs:
            answer = await shared.ask(user, *foreign, body=body)
            assert seen(answer) == seen(await shared.ask(user, *unknown, body=body)), foreign
            assert answer.status == (404 if user or "/uploads/" in foreign[0] else 401), foreign
    described = await shared.ask("bob", "POST /api/videos/metadata HTTP/1.1", chunks.JSON, body=told)
    nothing = told.replace(name.encode(), b"video_1.mp4")
    assert seen(described) == seen(
        await shared.ask("bob", "POST /api/videos/metadata HTTP/1.1", chunks.JSON, body=nothing)
    )
    assert described.status == 404
    assert (await shared.ask("bob", "GET /api/videos HTTP/1.1")).json["videos"] == []
    assert [each["id"] for each in (await shared.ask("alice", "GET /api/videos HTTP/1.1")).json["videos"]] == [record]
    mine = await shared.ask("alice", f"GET /uploads/videos/alice/{name} HTTP/1.1")
    assert (mine.status, mine.body) == (200, DATA)


async def test_public_files_are_for_everybody_and_only_for_reading(shared: Shared) -> None:
    """A file of the public profile is served without a name; its upload still belongs to one user."""
    body = chunks.form(KEY, 0, 1, data=DATA)
    lines = [line for line in chunks.lines(body) if "Length" not in line]
    assert (await shared.ask("alice", *lines, body=body)).status == 200
    document = finalize_form(KEY).replace(b'"totalChunks": 2', b'"totalChunks": 1')
    url = (await shared.ask("alice", f"POST {chunks.FINALIZE} HTTP/1.1", chunks.JSON, body=document)).json["url"]
    for user in ("alice", "bob", None):
        served = await shared.ask(user, f"GET {url} HTTP/1.1")
        assert (served.status, served.body) == (200, DATA)
    assert (await shared.ask("bob", f"DELETE {chunks.CHUNK}?uploadId={KEY} HTTP/1.1")).status == 404
    assert (await shared.ask("bob", f"DELETE {url} HTTP/1.1")).status == 405
