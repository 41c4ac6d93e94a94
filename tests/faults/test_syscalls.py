"""The judge of system-call traces: it reads strace's forms, passes a right order, and finds every planted wrong one."""

from pathlib import Path

import pytest

from tests.faults.syscalls import Verdict, judge, parse

DATA = Path("/data")
ID = "0123456789abcdef0123456789abcdef"
STAGED = f"/data/staging/{ID}"
TARGET = "/data/uploads/files/local/clip.mp4"
SOCKET = "14<TCP:[127.0.0.1:40899->127.0.0.1:39460]>"
PEER = "15<TCP:[127.0.0.1:40899->127.0.0.1:39999]>"


def sync(path: str, *, name: str = "fdatasync", number: int = 15) -> str:
    """Write the line of a sync."""
    return f"22 {name}({number}<{path}>) = 0"


REQUEST = rf'20 recvfrom({SOCKET}, "PATCH /files/{ID} HTTP/1.1\r\nHost: a\r\n\r\nxx", 262144, 0, NULL, NULL) = 65536'
MAKE = f'22 openat(AT_FDCWD</>, "{STAGED}", O_RDWR|O_CREAT|O_NOFOLLOW|O_CLOEXEC, 0600) = 15<{STAGED}>'
SYNC_STAGING = sync("/data/staging", name="fsync", number=16)
WRITE = f'22 pwrite64(15<{STAGED}>, "xxxx"..., 100000, 0) = 100000'
SYNC_DATA = sync(STAGED)
LOG_WRITE = r'24 pwrite64(9</data/tusvideo.db-wal>, "\0\0\0\2\"\33"..., 4096, 57712) = 4096'
LOG_SYNC = "24 fdatasync(9</data/tusvideo.db-wal>) = 0"
SEAL = sync(STAGED, name="fsync")
LINK = f'22 linkat(AT_FDCWD</>, "{STAGED}", AT_FDCWD</>, "{TARGET}", 0) = 0'
NO_SPARE = f'22 unlink("/data/uploads/files/local/.tusvideo-{ID}") = -1 ENOENT (No such file or directory)'
SYNC_FOLDER = sync("/data/uploads/files/local", name="fsync")
COMPLETE = LOG_WRITE.replace("57712", "94792")
COMPLETE_SYNC = LOG_SYNC.replace("24", "23")
UNLINK = f'22 unlink("{STAGED}") = 0'
ANSWER = rf'20 sendto({SOCKET}, "HTTP/1.1 204 No Content\r\nUpload-Offset: 100000\r\n\r\n", 251, 0, NULL, 0) = 251'
LOG_LINE = '20 write(2</data.log>, "INFO request"..., 215) = 215'

RIGHT = (
    *(REQUEST, MAKE, SYNC_STAGING, WRITE, SYNC_DATA, LOG_WRITE, LOG_SYNC),
    *(SEAL, LINK, NO_SPARE, SYNC_FOLDER, COMPLETE, COMPLETE_SYNC, UNLINK, ANSWER, LOG_LINE),
)


def told(*lines: str) -> Verdict:
    """Judge a trace."""
    return judge(parse(lines), data_dir=DATA)


def without(*gone: str) -> list[str]:
    """Give the right trace with lines left out."""
    assert set(gone) <= set(RIGHT)
    return [line for line in RIGHT if line not in gone]


def moved(line: str, *, before: str) -> list[str]:
    """Give the right trace with one line moved."""
    lines = without(line)
    lines.insert(lines.index(before), line)
    return lines


def failing(line: str) -> list[str]:
    """Give the right trace with a call that returned an error."""
    return [f"{each.rpartition(' = ')[0]} = -1 EIO (Input/output error)" if each == line else each for each in RIGHT]


def overlapping(line: str, *, until_after: str) -> list[str]:
    """Give the right trace with a call that returned only after another one."""
    lines = list(RIGHT)
    at = lines.index(line)
    thread, _, call = line.partition(" ")
    name, _, _ = call.partition("(")
    lines[at] = f"{thread} {call.rpartition(')')[0]} <unfinished ...>"
    lines.insert(lines.index(until_after) + 1, f"{thread} <... {name} resumed>) = 0")
    return lines


def test_the_right_order_is_passed() -> None:
    """A trace in which everything comes in its order is judged whole, and nothing is wrong with it."""
    assert told(*RIGHT) == Verdict(stored=1, made=1, published=1, wrong=[])


WRONG = {
    "nothing written": (without(WRITE), "nothing was written"),
    "no sync of the data": (without(SYNC_DATA, SEAL), "acknowledged before its data was synced"),
    "data synced before the write": (moved(SYNC_DATA, before=WRITE), "committed before its data was synced"),
    "data synced after the commit": (moved(SYNC_DATA, before=SEAL), "committed before its data was synced"),
    "another file synced": (
        [line.replace(STAGED, STAGED[:-1] + "0") if line in {SYNC_DATA, SEAL} else line for line in RIGHT],
        "acknowledged before its data was synced",
    ),
    "sync of the data failed": (failing(SYNC_DATA), "committed before its data was synced"),
    "sync of the data still ran": (
        overlapping(SYNC_DATA, until_after=LOG_SYNC),
        "committed before its data was synced",
    ),
    "no commit": (without(LOG_WRITE, COMPLETE), "without a commit"),
    "no sync of the commit": (without(LOG_SYNC, COMPLETE_SYNC), "acknowledged before its commit was synced"),
    "sync of the commit failed": (failing(COMPLETE_SYNC), "acknowledged before its commit was synced"),
    "answered before the sync of the commit": (
        moved(ANSWER, before=COMPLETE_SYNC),
        "acknowledged before its commit was synced",
    ),
    "sync of the commit still ran": (
        overlapping(COMPLETE_SYNC, until_after=ANSWER),
        "acknowledged before its commit was synced",
    ),
    "answered first": (moved(ANSWER, before=WRITE), "nothing was written"),
    "staging folder not synced": (without(SYNC_STAGING), "counted before its folder was synced"),
    "staging folder synced late": (moved(SYNC_STAGING, before=LOG_SYNC), "counted before its folder was synced"),
    "not synced before the link": (without(SEAL, SYNC_DATA), "linked before it was synced"),
    "never committed": (without(COMPLETE, COMPLETE_SYNC), "never committed as complete"),
    "target folder not synced": (without(SYNC_FOLDER), "before the folder of the file was synced"),
    "target folder synced late": (moved(SYNC_FOLDER, before=UNLINK), "before the folder of the file was synced"),
    "target folder synced early": (moved(SYNC_FOLDER, before=LINK), "before the folder of the file was synced"),
    "sync of the target folder failed": (failing(SYNC_FOLDER), "before the folder of the file was synced"),
    "staging name removed early": (moved(UNLINK, before=COMPLETE_SYNC), "removed before complete was durable"),
    "staging name kept": (without(UNLINK), "never removed"),
}


@pytest.mark.parametrize(("trace", "sentence"), WRONG.values(), ids=WRONG)
def test_a_wrong_order_is_found(trace: list[str], sentence: str) -> None:
    """Every step that is left out, comes too early or too late, fails or has not returned in time is told."""
    assert any(sentence in wrong for wrong in told(*trace).wrong), told(*trace)


def test_refusals_and_questions_are_no_acknowledgements() -> None:
    """An answer that refuses, one to a request that stores nothing, and 100 Continue owe nobody a sync."""
    refusal = ANSWER.replace("204 No Content", "409 Conflict")
    assert told(REQUEST, refusal).stored == 0
    assert told(REQUEST.replace("PATCH", "HEAD"), ANSWER).stored == 0
    interim = rf'20 sendto({SOCKET}, "HTTP/1.1 100 Continue\r\n\r\n", 25, 0, NULL, 0) = 25'
    assert told(RIGHT[0], interim, *RIGHT[1:]) == told(*RIGHT)


def test_bytes_that_wait_in_a_temporary_file_are_not_stored() -> None:
    """A form whose file comes first may commit facts while its bytes lie in a file without a name."""
    spooled = WRITE.replace(STAGED, "/data/staging/#4711 (deleted)")
    assert told(REQUEST, spooled, LOG_WRITE, LOG_SYNC, *RIGHT[1:]) == told(*RIGHT)
    assert "nothing was written" in told(REQUEST, spooled, LOG_WRITE, LOG_SYNC, ANSWER).wrong[0]


def test_every_connection_has_its_own_requests() -> None:
    """The answer on one connection is not taken for that to a request on another."""
    assert told(REQUEST, ANSWER.replace(SOCKET, PEER)).stored == 0
    assert told(REQUEST, ANSWER.replace(SOCKET, PEER), *RIGHT[1:]).stored == 1


def test_two_answers_are_judged_each_for_itself() -> None:
    """What the first request wrote and synced does not count for the second."""
    once = (REQUEST, WRITE, SYNC_DATA, LOG_WRITE, LOG_SYNC, ANSWER)
    assert told(*once, *once).wrong == []
    second = told(*once, REQUEST, WRITE, ANSWER)
    assert second.stored == 2
    assert len(second.wrong) == 1


def test_calls_that_were_interrupted_are_put_together() -> None:
    """strace splits a call when another thread speaks in between; begin and end are kept apart then."""
    [other, call] = parse(
        [
            f'22 pwrite64(15<{STAGED}>, "xx"..., 10, 0 <unfinished ...>',
            "24 fdatasync(9</data/tusvideo.db-wal>) = 0",
            "22 <... pwrite64 resumed>) = 10",
            "22 +++ exited with 0 +++",
        ]
    )
    assert (call.name, call.begun, call.ended, call.descriptor, call.failed) == ("pwrite64", 0, 2, STAGED, False)
    assert (other.name, other.begun, other.ended) == ("fdatasync", 1, 1)
