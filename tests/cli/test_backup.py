"""What the README advises: a copy of the data directory is a backup, and a newer program goes on with older data."""

import http.client
import shutil
import signal
import sqlite3
from contextlib import closing
from pathlib import Path

from tests.cli.conftest import Serve, Served
from tusvideo.sessions.schema import MIGRATIONS, migrate

FIRST, REST = b"stored before ", b"and after"
APPEND = {"Content-Type": "application/offset+octet-stream", "Upload-Offset": str(len(FIRST))}
OPEN, DONE = "1" * 32, "2" * 32
LATER = 2**42
"""In milliseconds: the year 2109."""


def ask(
    served: Served, method: str, path: str, body: bytes = b"", headers: dict[str, str] | None = None
) -> tuple[int, http.client.HTTPMessage, bytes]:
    """Send one tus request on a connection of its own."""
    connection = http.client.HTTPConnection("127.0.0.1", served.port, timeout=10)
    try:
        connection.request(method, path, body or None, {"Tus-Resumable": "1.0.0"} | (headers or {}))
        answer = connection.getresponse()
        return answer.status, answer.headers, answer.read()
    finally:
        connection.close()


def created(served: Served, *, length: int, body: bytes) -> str:
    """Make an upload, send a beginning of it, and give its path."""
    head = {"Upload-Length": str(length), "Content-Type": APPEND["Content-Type"]}
    status, headers, _ = ask(served, "POST", "/files/", body, head)
    assert (status, headers["Upload-Offset"]) == (201, str(len(body)))
    return headers["Location"]


def assert_goes_on(served: Served, *, unfinished: str, finished: str) -> None:
    """Check that nothing is lost: the unfinished upload goes on where it stood, and the finished file is as it was."""
    status, headers, _ = ask(served, "HEAD", unfinished)
    assert (status, headers["Upload-Offset"]) == (200, str(len(FIRST)))
    assert ask(served, "PATCH", unfinished, REST, APPEND)[0] == 204
    for path in (unfinished, finished):
        assert ask(served, "GET", path)[::2] == (200, FIRST + REST)


def test_a_copy_of_the_data_directory_is_a_backup(serve: Serve, tmp_path: Path) -> None:
    """A copy that was made while the server stood still is served at another place as if nothing had happened."""
    served = serve()
    unfinished = created(served, length=len(FIRST + REST), body=FIRST)
    finished = created(served, length=len(FIRST + REST), body=FIRST + REST)
    served.process.send_signal(signal.SIGTERM)
    assert served.wait() == 0
    shutil.copytree(tmp_path / "data", tmp_path / "restored")
    shutil.rmtree(tmp_path / "data")
    assert_goes_on(serve(data=tmp_path / "restored"), unfinished=unfinished, finished=finished)


def test_data_of_the_first_version_go_on(serve: Serve, tmp_path: Path) -> None:
    """A newer program brings the table up to date at its start; unfinished and finished uploads are what they were."""
    (tmp_path / "data/staging").mkdir(parents=True)
    (tmp_path / "data/staging" / OPEN).write_bytes(FIRST)
    (tmp_path / "data/uploads/files/local").mkdir(parents=True)
    (tmp_path / "data/uploads/files/local/a.bin").write_bytes(FIRST + REST)
    size = len(FIRST + REST)
    with closing(sqlite3.connect(tmp_path / "data/tusvideo.db", isolation_level=None)) as connection:
        migrate(connection, migrations=MIGRATIONS[:1])
        for upload_id, status, offset, place in (
            (OPEN, "open", len(FIRST), (None, None, None)),
            (DONE, "complete", size, ("files", "local", "a.bin")),
        ):
            connection.execute(
                "INSERT INTO uploads (id, status, offset, length, epoch, created_at, stored_at, expires_at,"
                " parts_stored, next_part, owner, protocol, profile, metadata, directory, folder, filename)"
                " VALUES (?, ?, ?, ?, 1, 1, 1, ?, 0, 0, 'local', 'tus', 'files', '', ?, ?, ?)",
                (upload_id, status, offset, size, LATER, *place),
            )
    assert_goes_on(serve(), unfinished=f"/files/{OPEN}", finished=f"/files/{DONE}")
