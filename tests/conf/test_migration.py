"""What client/MIGRATION.md promises to those who come from the original uploader, tried one by one."""

import json
import os
import re
import socket
import subprocess
import threading
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import closing
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.conf.deployments import program
from tests.e2e import chunks, tus
from tests.e2e.conftest import Start, server, start
from tests.e2e.disk import MIB, published, video
from tests.faults.processes import ServerProcess
from tests.web import forms
from tests.web.wire import Answer, connect

__all__ = ["server", "start"]

PAGE = (Path(__file__).parents[2] / "client/MIGRATION.md").read_text()
SITE = "www.example.org"
PART = 20_000
VIDEO = video(1, 2 * PART + 7)
PARTS = chunks.split(VIDEO, PART)
WEBM = b"\x1a\x45\xdf\xa3\x9fB\x86\x81\x01B\xf7\x81\x01B\xf2\x81\x04B\xf3\x81\x08B\x82\x84webmB\x87\x81\x04" + bytes(
    8000
)
LETTER = b"Dear Sir or Madam, " * 1000
CUT_AT = 10 * 1000 * 1000


async def begun(port: int) -> None:
    """Store the first chunk of three."""
    assert (await chunks.put(port, "k", 0, 3, data=PARTS[0])).status == 200


async def no_video(port: int) -> Answer:
    """A letter called clip.mp4."""
    return await chunks.put(port, "k", 0, 3, data=LETTER)


async def webm(port: int) -> Answer:
    """A webm called clip.mp4, and the name that it got."""
    await chunks.put(port, "k", 0, 1, data=WEBM)
    answer = await chunks.finalize(port, "k", 1)
    assert answer.json["filename"].endswith(".webm")
    return answer


async def short_chunk(port: int) -> Answer:
    """A chunk in the middle that is shorter than the one before."""
    await begun(port)
    return await chunks.put(port, "k", 1, 3, data=PARTS[1][:-1])


async def shorter_than_told(port: int) -> Answer:
    """A chunk in the middle that is shorter than the client says."""
    return await chunks.put(port, "k", 0, 3, data=PARTS[0], chunkSize=PART + 1)


async def other_facts(port: int) -> Answer:
    """Four chunks, where there were three."""
    await begun(port)
    return await chunks.put(port, "k", 1, 4, data=PARTS[1])


async def other_bytes(port: int) -> Answer:
    """Other bytes for the first chunk."""
    await begun(port)
    return await chunks.put(port, "k", 0, 3, data=bytes(reversed(PARTS[0])))


async def bad_id(port: int) -> Answer:
    """A blank in the id."""
    return await chunks.put(port, "k k", 0, 3, data=PARTS[0])


async def too_early(port: int) -> Answer:
    """Finalize with one chunk of three."""
    await begun(port)
    answer = await chunks.finalize(port, "k", 3)
    assert answer.json["missing"] == [1, 2]
    return answer


async def from_a_page(port: int, *fields: str) -> Answer:
    """A chunk from a page, with the fields that a browser adds."""
    body = chunks.form("k", 0, 3, data=PARTS[0])
    return await tus.ask(port, *chunks.lines(body), *fields, body=body)


async def other_origin(port: int) -> Answer:
    """A page of somebody else."""
    return await from_a_page(port, "Origin: https://elsewhere.example")


async def other_host(port: int) -> Answer:
    """A name that leads here, and that nobody configured."""
    return await from_a_page(port, f"Host: {SITE}")


async def too_large(port: int) -> Answer:
    """A video of 51 MiB."""
    return await chunks.put(port, "k", 0, 51, data=VIDEO[:PART].ljust(MIB, b"\0"), fileSize=51 * MIB)


STRICTER: Mapping[str, tuple[Callable[[int], Awaitable[Answer]], ...]] = {
    "content that is no video, whatever its name": (no_video,),
    "a name with another video's content (`a.mp4` that is a webm)": (webm,),
    "a chunk that is shorter than it said, or than the others": (short_chunk, shorter_than_told),
    "`totalChunks`, `chunkSize` or `fileSize` that differ between requests": (other_facts,),
    "other bytes for a stored chunk": (other_bytes,),
    "an `uploadId` that is not 1 to 128 of `A-Z a-z 0-9 _ -`": (bad_id,),
    "finalize while chunks are missing": (too_early,),
    "a page of another origin": (other_origin,),
    "a name that the server does not know in `Host`": (other_host,),
    "more than 50 MiB": (too_large,),
}


def table(heading: str) -> dict[str, str]:
    """Read the table below a heading: its first column, and its second."""
    text = PAGE.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in text.splitlines() if line.startswith("|")]
    return {row[0]: row[1] for row in rows[2:]}


def test_every_row_is_tried() -> None:
    """The table of what is stricter has the cases below, and no other."""
    assert table("Stricter than before").keys() == STRICTER.keys()


@pytest.mark.parametrize("row", STRICTER)
async def test_what_is_stricter(row: str, start: Start) -> None:
    """The status is the one that the table names ("taken" is 200); errors speak to programs and to the original."""
    told = table("Stricter than before")[row]
    wanted = {int(status) for status in re.findall(r"\b[45]\d\d\b", told)} or {200}
    for attempt in STRICTER[row]:
        server = await start()
        answer = await attempt(server.port)
        assert answer.status in wanted, (attempt, answer.body)
        if answer.status >= 400:
            assert answer.headers["Content-Type"].startswith("application/problem+json")
            assert answer.json["success"] is False
            assert answer.json["error"]
            assert answer.json["code"]
            assert published(server.data_dir, "posters") == []


@pytest.mark.parametrize("as_form", [False, True])
async def test_a_client_of_the_original_works_unchanged(as_form: bool, server: ServerProcess) -> None:
    """The file before the fields, as the original sends them; finalize as JSON or as a form; then the record."""
    for index, part in enumerate(PARTS):
        answer = await chunks.put(server.port, "k", index, len(PARTS), data=part, file_first=True)
        assert (answer.status, answer.json["success"]) == (200, True)
    if as_form:
        body = forms.form(("uploadId", b"k"), ("filename", b"holiday.mp4"), ("totalChunks", b"%d" % len(PARTS)))
        done = await tus.ask(server.port, *chunks.lines(body, path=chunks.FINALIZE), body=body)
    else:
        done = await chunks.finalize(server.port, "k", len(PARTS))
    assert (done.status, done.json["success"]) == (200, True)
    filename = done.json["filename"]
    assert re.fullmatch(r"video_\d{13}\.mp4", filename)
    [file] = published(server.data_dir, "posters")
    assert (file.parent.name, file.name, file.read_bytes()) == ("local", filename, VIDEO)
    about = {"filename": filename, "title": "By the sea", "description": "Three rooms"}
    record = await chunks.post_json(server.port, "/api/videos/metadata", about)
    assert (record.status, record.json["success"]) == (201, True)


@pytest.mark.parametrize("knows_length", [True, False])
async def test_a_body_that_was_cut_at_10_mb_is_never_believed(knows_length: bool, server: ServerProcess) -> None:
    """Whether the proxy leaves the length of the whole in the head, or lets the form end in the middle of its file."""
    body = chunks.form("k", 0, 2, data=VIDEO.ljust(11 * MIB, b"\0"))
    wire = await connect(server.port)
    length = len(body) if knows_length else CUT_AT
    await wire.send(*chunks.lines(body)[:2], f"Content-Length: {length}", body=body[:CUT_AT])
    if knows_length:
        wire.writer.write_eof()
        await wire.ended()
    else:
        assert (await wire.answer()).status == 400
    await wire.close()
    state = await chunks.query(server.port, "k")
    assert state.status == 404 or (state.json["received"], state.json["offset"]) == ([], 0)
    assert (await chunks.finalize(server.port, "k", 2)).status in {404, 409}
    assert published(server.data_dir, "posters") == []


class Application(BaseHTTPRequestHandler):
    """Stands for the application: knows who is logged in by a cookie, and answers everything else with its name."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        """Tell who is asking, or that this is the application."""
        is_known = "session=anna" in self.headers.get("Cookie", "")
        body = b"the application"
        self.send_response(401 if self.path == "/api/me" and not is_known else 200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Keep quiet."""


@pytest.fixture
def application() -> Iterator[int]:
    """Run it; its port."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Application) as running:
        thread = threading.Thread(target=running.serve_forever)
        thread.start()
        yield running.server_port
        running.shutdown()
        thread.join()


class Nginx:
    """nginx with the lines of the page, at a port."""

    def __init__(self, port: int) -> None:
        self.port = port

    def ask(self, method: str, path: str, body: bytes = b"", **headers: str) -> tuple[int, bytes]:
        """Ask as a page of the site does."""
        named = {"Host": f"{SITE}:{self.port}", "Origin": f"http://{SITE}:{self.port}", "Cookie": "session=anna"}
        with closing(HTTPConnection("127.0.0.1", self.port, timeout=30)) as connection:
            connection.request(method, path, body, {**named, **{k.replace("_", "-"): v for k, v in headers.items()}})
            response = connection.getresponse()
            return response.status, response.read()


@pytest.fixture
def behind_nginx(tmp_path: Path, application: int) -> Iterator[Callable[[int, str], Nginx]]:
    """Run nginx with the lines of the page in front of both; a line may be left out."""
    if (nginx := program("nginx")) is None:
        pytest.skip("nginx is not installed: apt-get install nginx")
    running: list[subprocess.Popen[bytes]] = []

    def run(upstream: int, without: str) -> Nginx:
        [lines] = re.findall(r"```nginx\n(.*?)```", PAGE, re.DOTALL)
        if without:
            lines = re.sub(rf"^ *{re.escape(without)}.*\n", "", lines, flags=re.MULTILINE)
        lines = lines.replace("127.0.0.1:8080", f"127.0.0.1:{upstream}").replace(
            "127.0.0.1:3000", f"127.0.0.1:{application}"
        )
        kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        temporary = "".join(f'{kind}_temp_path "{tmp_path / kind}";' for kind in kinds)
        with socket.create_server(("127.0.0.1", 0)) as listener:
            port = listener.getsockname()[1]
            conf = tmp_path / "nginx.conf"
            conf.write_text(
                f"{'user root root;' if os.geteuid() == 0 else ''} daemon off; worker_processes 1;"
                f'pid "{tmp_path / "pid"}";'
                f"error_log stderr; events {{}}\nhttp {{ access_log off; {temporary}\n"
                f"server {{ listen 127.0.0.1:{port}; server_name {SITE};\n{lines}\n}}\n}}\n"
            )
            running.append(
                subprocess.Popen(
                    [nginx, "-p", tmp_path, "-e", "stderr", "-c", conf],
                    env={**os.environ, "NGINX": f"{listener.fileno()};"},
                    pass_fds=[listener.fileno()],
                )
            )
        return Nginx(port)

    yield run
    for process in running:
        process.terminate()
        process.wait()


FORM = {"Content_Type": forms.TYPE.partition(": ")[2]}


async def test_the_lines_for_nginx_split_the_site(start: Start, behind_nginx: Callable[[int, str], Nginx]) -> None:
    """A whole chunk of 1 MiB passes, under the origin of the site; files come; the rest is the application's."""
    server = await start(server_allowed_hosts=SITE)
    nginx = behind_nginx(server.port, "")
    whole = video(2, MIB)
    body = chunks.form("k", 0, 1, data=whole)
    status, told = nginx.ask("POST", chunks.CHUNK, body, **FORM)
    assert (status, json.loads(told)["received"]) == (200, 1)
    wish = json.dumps({"uploadId": "k", "filename": "a.mp4", "totalChunks": 1}).encode()
    status, told = nginx.ask("POST", chunks.FINALIZE, wish, Content_Type="application/json")
    assert nginx.ask("GET", json.loads(told)["url"], Cookie="") == (200, whole)
    assert nginx.ask("GET", "/api/videos")[0] == 200
    status, told = nginx.ask("GET", "/chunked-video-uploader.js", Cookie="")
    assert (status, b"export class ChunkedVideoUploader" in told) == (200, True)
    for path in ("/", "/api/me", "/api/posters", "/about"):
        assert nginx.ask("GET", path) == (200, b"the application")
    assert nginx.ask("GET", "/_who")[0] == 404


async def test_who_is_not_logged_in_uploads_nothing(start: Start, behind_nginx: Callable[[int, str], Nginx]) -> None:
    """The application is asked before tusvideo hears of it."""
    server = await start(server_allowed_hosts=SITE)
    nginx = behind_nginx(server.port, "")
    body = chunks.form("k", 0, 1, data=VIDEO)
    assert nginx.ask("POST", chunks.CHUNK, body, Cookie="", **FORM)[0] == 401
    assert (await chunks.query(server.port, "k")).status == 404


@pytest.mark.parametrize(("line", "status"), [("client_max_body_size", 413), ("proxy_set_header Host", 403)])
async def test_each_of_these_lines_is_needed(
    line: str, status: int, start: Start, behind_nginx: Callable[[int, str], Nginx]
) -> None:
    """Without it a chunk of 1 MiB meets the answer that the page names."""
    server = await start(server_allowed_hosts=SITE)
    nginx = behind_nginx(server.port, line)
    body = chunks.form("k", 0, 1, data=video(2, MIB))
    assert nginx.ask("POST", chunks.CHUNK, body, **FORM)[0] == status


async def test_an_origin_of_its_own_lets_named_pages_in(start: Start) -> None:
    """The preflight and the chunk pass, and the answer may be read there."""
    origin = f"https://{SITE}"
    server = await start(server_allowed_origins=origin)
    asked = ("Access-Control-Request-Method: POST", "Access-Control-Request-Headers: authorization")
    preflight = await tus.ask(server.port, f"OPTIONS {chunks.CHUNK} HTTP/1.1", f"Origin: {origin}", *asked)
    assert preflight.headers["Access-Control-Allow-Origin"] == origin
    answer = await from_a_page(server.port, f"Origin: {origin}")
    assert (answer.status, answer.headers["Access-Control-Allow-Origin"]) == (200, origin)
