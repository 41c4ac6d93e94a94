"""Scenarios 11 to 14: answers that are lost, that a proxy gives, and that ask for patience or for another token."""

import asyncio
import shutil
import subprocess
import tempfile
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from email.utils import formatdate
from pathlib import Path

from tests.bench.client.heads import Request
from tests.bench.client.link import answer
from tests.bench.client.run import MIB, Run, Scenario, Script, once
from tests.bench.peers.process import free_port

NEXT_TOKEN = "second"
BUSY_SECONDS = 4.0


def first_answer_lost(wanted: Callable[[Request, Run], bool]) -> Script:
    """Make the script that loses the answer to the first request of a kind."""

    async def script(run: Run) -> None:
        left = [1]

        def loses(request: Request) -> bool:
            return bool(left) and wanted(request, run) and bool(left.pop())

        run.link.loses = loses

    return script


def _is_creation(request: Request, _: Run) -> bool:
    return request.method == "POST"


def _is_last_append(request: Request, run: Run) -> bool:
    return request.offset is not None and request.offset + request.length == run.size


def _is_finalize(request: Request, _: Run) -> bool:
    return request.target.endswith("/finalize")


async def new_token(run: Run) -> None:
    """In the middle of the file the token stops being good; a new one lies where the first one was."""
    await run.link.passed(run.chance.randrange(MIB, run.size - MIB))
    run.folder.token.write_text(NEXT_TOKEN)

    def rule(request: Request) -> bytes | None:
        is_good = request.fields.get("authorization") == f"Bearer {NEXT_TOKEN}"
        return None if is_good else answer("401 Unauthorized", 'WWW-Authenticate: Bearer error="invalid_token"')

    run.link.rule = rule
    run.link.reset()


async def too_many(run: Run) -> None:
    """For some seconds everything is answered with 429: Retry-After is seconds or a date, maybe by a wrong clock."""
    wrong = run.chance.choice((-3600, 0, 3600))
    form = run.chance.choice(("seconds", "date"))

    def busy(_: Request) -> bytes:
        now = time.time() + wrong
        after = str(round(BUSY_SECONDS)) if form == "seconds" else formatdate(now + BUSY_SECONDS, usegmt=True)
        return answer("429 Too Many Requests", f"Retry-After: {after}", f"Date: {formatdate(now, usegmt=True)}")

    await run.link.passed(run.chance.randrange(MIB, run.size - MIB))
    run.link.rule = busy
    run.link.reset()
    await asyncio.sleep(BUSY_SECONDS)  # the server is busy so long
    run.link.rule = lambda _: None
    run.link.healed()


async def question_refused(run: Run) -> None:
    """After a cut every question is refused for some seconds."""
    status = run.chance.choice(("500 Internal Server Error", "503 Service Unavailable", "423 Locked"))
    await run.link.passed(run.chance.randrange(MIB, run.size - MIB))
    run.link.rule = lambda request: answer(status) if request.method == "HEAD" else None
    run.link.reset()
    await run.pause(BUSY_SECONDS)
    run.link.rule = lambda _: None
    run.link.healed()


async def cut_every_five(run: Run) -> None:
    """Reset every connection after 5 MiB or so."""
    for at in range(5, run.size // MIB, 5):
        await run.link.passed(at * MIB + run.chance.randrange(MIB))
        run.link.reset()


async def limited_time(run: Run) -> None:
    """A request may take 5 s."""
    run.link.time_limit = 5.0


def behind_nginx(*lines: str) -> Script:
    """Make the drive that puts an nginx with these lines between the link and the server."""

    async def drive(run: Run) -> None:
        async with _nginx(run.folder.root / "nginx", upstream=run.server.port, lines=lines) as port:
            run.link.upstream = port
            await once(run)

    return drive


@asynccontextmanager
async def _nginx(folder: Path, *, upstream: int, lines: tuple[str, ...]) -> AsyncIterator[int]:
    folder.mkdir()
    folder.chmod(0o777)  # its workers are somebody else
    port = free_port()
    temporary = "\n".join(f"{kind}_temp_path {folder}/{kind};" for kind in ("client_body", "proxy", "fastcgi"))
    (folder / "nginx.conf").write_text(
        f"pid {folder}/pid; error_log {folder}/errors; daemon off; worker_processes 1; events {{}}\n"
        f"http {{ access_log off; {temporary} uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;\n"
        f"server {{ listen 127.0.0.1:{port}; {' '.join(lines)}\n"
        f"location / {{ proxy_pass http://127.0.0.1:{upstream}; proxy_set_header Host $http_host; }} }} }}\n"
    )
    program = shutil.which("nginx", path="/usr/sbin:/usr/bin:/usr/local/sbin") or "nginx"
    with tempfile.TemporaryFile() as said:
        process = subprocess.Popen([program, "-c", str(folder / "nginx.conf")], stdout=said, stderr=said)
        try:
            async with asyncio.timeout(20):
                while not await _listens(port):  # noqa: ASYNC110  # nobody tells when nginx listens
                    await asyncio.sleep(0.05)
            yield port
        finally:
            process.terminate()
            process.wait(10)


async def _listens(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return False
    writer.close()
    return True


def _no_nginx() -> str | None:
    found = shutil.which("nginx", path="/usr/sbin:/usr/bin:/usr/local/sbin")
    return None if found else "nginx is not installed: apt-get install nginx"


TUS, CHUNKS = frozenset({"tus"}), frozenset({"chunks"})
ANSWERS = (
    Scenario(
        name="11a",
        title="201 lost",
        size=2 * MIB,
        rate=MIB,
        script=first_answer_lost(_is_creation),
        protocols=TUS,
    ),
    Scenario(
        name="11b",
        title="last answer lost",
        size=2 * MIB,
        rate=MIB,
        script=first_answer_lost(_is_last_append),
        protocols=TUS,
    ),
    Scenario(
        name="11c",
        title="answer to finalize lost",
        size=2 * MIB,
        rate=MIB,
        script=first_answer_lost(_is_finalize),
        protocols=CHUNKS,
    ),
    Scenario(
        name="12a",
        title="proxy buffers, cut each 5 MiB",
        size=24 * MIB,
        rate=MIB,
        script=cut_every_five,
        drive=behind_nginx("client_max_body_size 0;", "proxy_request_buffering on;"),
        limit=180,
        why_not=_no_nginx,
    ),
    Scenario(
        name="12b",
        title="proxy takes 1 MiB at once",
        size=6 * MIB,
        rate=2 * MIB,
        drive=behind_nginx("client_max_body_size 1m;", "proxy_request_buffering off;"),
        limit=60,
        why_not=_no_nginx,
    ),
    Scenario(name="12c", title="504 after 5 s", size=16 * MIB, rate=MIB, script=limited_time, limit=120),
    Scenario(name="13a", title="401 in mid-file, new token", size=6 * MIB, rate=MIB, script=new_token, limit=60),
    Scenario(name="13b", title="429 for 4 s", size=6 * MIB, rate=MIB, script=too_many, limit=90),
    Scenario(name="14", title="HEAD refused for 4 s", size=6 * MIB, rate=MIB, script=question_refused, limit=90),
)
