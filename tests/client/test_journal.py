"""What survives the process: records that are never torn, and a lock that never outlives its holder."""

import logging
import os
import stat
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from tusvideo_client import ChunkedVideoUploader, LocalFileError, Progress, Uploader
from tusvideo_client.fingerprint import Fingerprint, Identity, Place
from tusvideo_client.journal import Journal, Record, StateDir, state_dir
from tusvideo_client.testing import FlakyServer

PLACE = Place(path="/v/talk.mp4", endpoint="http://h", account="", protocol="tus", profile="", name="talk.mp4")
RECORD = Record(
    place=PLACE,
    fingerprint=Fingerprint(identity=Identity(size=7, mtime_ns=8, inode=9), probe="ab"),
    upload_id="0123",
    upload_url="http://h/files/1",
    offset=5,
    metadata={"filename": "talk.mp4", "title": "Täglich"},
)

HOLDER = """
import sys
from pathlib import Path
from tusvideo_client.fingerprint import Place
from tusvideo_client.journal import Journal
place = Place(path="/v/talk.mp4", endpoint="http://h", account="", protocol="tus", profile="", name="talk.mp4")
claim = Journal(Path(sys.argv[1])).claim(place)
print("held", flush=True)
sys.stdin.read()
"""


def test_a_record_survives_the_round_trip(tmp_path: Path) -> None:
    """What was saved is what is loaded."""
    claim = Journal(tmp_path).claim(PLACE)
    claim.save(RECORD)
    assert claim.load() == RECORD
    claim.release()


def test_no_record_is_none(tmp_path: Path) -> None:
    """A place that was never uploaded has no record, and forgetting it twice is no error."""
    claim = Journal(tmp_path).claim(PLACE)
    assert claim.load() is None
    claim.forget()
    claim.forget()
    claim.release()
    claim.release()


@pytest.mark.parametrize(
    "change",
    [{"path": "/other"}, {"endpoint": "http://g"}, {"account": "anna"}, {"protocol": "chunks"}, {"replaces": "a" * 32}],
)
def test_each_place_has_its_own_record(change: dict[str, str], tmp_path: Path) -> None:
    """The same file to another server, account or protocol is another upload."""
    ours = Journal(tmp_path).claim(PLACE)
    ours.save(RECORD)
    theirs = Journal(tmp_path).claim(replace(PLACE, **change))  # type: ignore[arg-type]  # a row of a table
    assert theirs.load() is None
    ours.release()
    theirs.release()


def test_records_are_for_their_owner_alone(tmp_path: Path) -> None:
    """An upload URL is a capability: file 0600, folder 0700."""
    claim = Journal(tmp_path / "deep" / "uploads").claim(PLACE)
    claim.save(RECORD)
    assert stat.S_IMODE(claim.path.stat().st_mode) == 0o600
    assert stat.S_IMODE(claim.path.parent.stat().st_mode) == 0o700
    claim.release()


def test_a_save_that_fails_leaves_the_old_record(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A record is replaced in one step: a full disk leaves the old one, and no rubbish."""
    claim = Journal(tmp_path).claim(PLACE)
    claim.save(RECORD)

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(LocalFileError, match="No space left") as caught:
        claim.save(replace(RECORD, offset=6))
    assert claim.load() == RECORD
    assert list(tmp_path.glob("*.tmp")) == []
    assert "TUSVIDEO_STATE_DIR" in (caught.value.hint or "")
    claim.release()


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", "null", '{"schema": 2}', '{"schema": 1}', '{"schema": 1, "place": {}, "fingerprint": {}}'],
)
def test_a_damaged_record_is_set_aside(text: str, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A record that cannot be read counts as none, is kept for a look, and is spoken of."""
    claim = Journal(tmp_path).claim(PLACE)
    claim.path.write_text(text)
    with caplog.at_level(logging.WARNING):
        assert claim.load() is None
    assert claim.path.with_suffix(".damaged").read_text() == text
    assert "record_damaged" in caplog.text
    claim.release()


def test_a_second_upload_in_the_same_process_is_told_who_holds_it(tmp_path: Path) -> None:
    """Two uploads of one file at once are refused, with the holder's pid; afterwards the place is free."""
    first = Journal(tmp_path).claim(PLACE)
    with pytest.raises(LocalFileError, match=f"process {os.getpid()}") as caught:
        Journal(tmp_path).claim(PLACE)
    assert caught.value.retryable
    first.release()
    Journal(tmp_path).claim(PLACE).release()


def test_a_lock_ends_with_its_process(tmp_path: Path) -> None:
    """A living holder is named; the lock of one that was killed -9 is taken over, though its file is still there."""
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(tmp_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    with holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        with pytest.raises(LocalFileError, match=f"process {holder.pid}"):
            Journal(tmp_path).claim(PLACE)
        holder.kill()
        holder.wait()
        assert list(tmp_path.glob("*.lock"))
        Journal(tmp_path).claim(PLACE).release()
    assert list(tmp_path.glob("*.lock")) == []


def test_a_lock_file_of_a_dead_pid_is_no_lock(tmp_path: Path) -> None:
    """What is written in the file is for people; the operating system decides."""
    (tmp_path / f"{PLACE.key()}.lock").write_text("process 999999999\n")
    Journal(tmp_path).claim(PLACE).release()


def test_a_state_directory_that_cannot_be_made_is_explained(tmp_path: Path) -> None:
    """Without a journal nothing is sent: resuming would be impossible."""
    (tmp_path / "file").write_text("")
    with pytest.raises(LocalFileError, match="cannot be kept") as caught:
        Journal(tmp_path / "file" / "uploads").claim(PLACE)
    assert "TUSVIDEO_STATE_DIR" in (caught.value.hint or "")


def test_the_state_directory_can_be_set(monkeypatch: pytest.MonkeyPatch) -> None:
    """TUSVIDEO_STATE_DIR wins over the platform's place."""
    monkeypatch.setenv("TUSVIDEO_STATE_DIR", "/somewhere")
    assert state_dir() == Path("/somewhere/uploads")
    monkeypatch.delenv("TUSVIDEO_STATE_DIR")
    assert state_dir().parts[-2:] == ("tusvideo", "uploads")


def test_a_user_without_a_home_is_told_what_to_set(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither HOME nor the system's list of users names a place: a sentence says which variable does."""
    monkeypatch.delenv("TUSVIDEO_STATE_DIR")

    def homeless(_: str) -> str:
        message = "could not determine the home directory"
        raise RuntimeError(message)

    monkeypatch.setattr("platformdirs.user_state_dir", homeless)
    with pytest.raises(LocalFileError, match="no home folder") as caught:
        state_dir()
    assert caught.value.hint is not None
    assert "TUSVIDEO_STATE_DIR" in caught.value.hint


@pytest.mark.parametrize("kind", [Uploader, ChunkedVideoUploader])
def test_the_folder_of_an_uploader_is_a_text_or_a_path(
    kind: type[Uploader] | type[ChunkedVideoUploader],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What `open` takes is taken; an empty text is none, as an empty variable is."""
    monkeypatch.setenv("TUSVIDEO_STATE_DIR", str(tmp_path / "default"))
    video, folder = tmp_path / "talk.mp4", tmp_path / "mine"
    folder.mkdir()
    with os.scandir(tmp_path) as entries:
        given = next(entry for entry in entries if entry.name == "mine")
    default = tmp_path / "default" / "uploads"
    rows: list[tuple[StateDir, Path]] = [
        *((folder, folder), (str(folder), folder), (given, folder)),
        *(("", default), (None, default)),
    ]
    with FlakyServer() as server:
        for number, (state, expected) in enumerate(rows):
            video.write_bytes(bytes([number]) * 1000)
            found: set[str] = set()

            def look(_: Progress, at: Path = expected, found: set[str] = found) -> None:
                found.update(path.suffix for path in at.iterdir())

            uploader = kind(server.url, state_dir=state)
            uploader.upload(video, progress=look)
            assert ".json" in found
            assert list(expected.iterdir()) == []
            if isinstance(uploader, Uploader):
                uploader.close()


def test_a_folder_that_cannot_be_read_is_not_empty(tmp_path: Path) -> None:
    """Nothing is remembered where nothing was made yet; of what cannot be looked at nobody knows."""
    assert Journal(tmp_path / "none").entries() == []
    (tmp_path / "file").touch()
    with pytest.raises(LocalFileError, match="cannot be read: Not a directory"):
        Journal(tmp_path / "file").entries()
    with pytest.raises(LocalFileError, match="cannot be read: Not a directory"):
        Journal(tmp_path / "file" / "uploads").entries()


def test_places_are_known_by_the_keys_that_they_had() -> None:
    """A client that was upgraded goes on with what the one before began."""
    assert PLACE.key() == "3d2630f0d6c51f9b43045911cf203b38"
