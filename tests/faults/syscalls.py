"""Reads what strace wrote about a server, and judges the order that the promise rests on.

For every success answer to a request that stores bytes::

    pwrite(data) < fdatasync(data) < write(WAL) < fdatasync(WAL) < send(answer)

and around a file that is published, or made::

    fsync(data) < link < fsync(its folder) < write(WAL) < fdatasync(WAL) < unlink(staging name)
    open(staging file, O_CREAT) < fsync(staging) < write(WAL)

A call has happened when it has returned without an error, and has not happened before it was begun.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

_LINE: Final = re.compile(r"(\d+) +(.*)", re.DOTALL)
_CALL: Final = re.compile(r"(\w+)\((.*)\) += (-?\d+|\?)(.*)", re.DOTALL)
_UNFINISHED: Final = re.compile(r"(\w+)\((.*) <unfinished \.\.\.>", re.DOTALL)
_RESUMED: Final = re.compile(r"<\.\.\. (\w+) resumed>(.*)", re.DOTALL)
_DESCRIPTOR: Final = re.compile(r"\d+<(.*?)>(?:\(deleted\))?(?:, |$)", re.DOTALL)
_TEXT: Final = re.compile(r'"((?:[^"\\]|\\.)*)"')
_ESCAPE: Final = re.compile(r"\\([0-7]{1,3}|.)", re.DOTALL)
_NAMED: Final = {"t": "\t", "n": "\n", "v": "\v", "f": "\f", "r": "\r"}
_REQUEST: Final = re.compile(r"([A-Z]+) (\S+) HTTP/1\.1\r\n")
_ANSWER: Final = re.compile(r"HTTP/1\.1 (\d\d\d) ")
_STORES: Final = re.compile(r"PATCH /files/[0-9a-f]{32}|POST /api/\w+/video/chunk")

_UPLOAD: Final = re.compile(r"[0-9a-f]{32}")

_WRITES: Final = frozenset({"pwrite64", "write", "writev"})
_SYNCS: Final = frozenset({"fdatasync", "fsync"})
_SENDS: Final = frozenset({"sendto", "sendmsg", "write", "writev"})
_UNLINKS: Final = frozenset({"unlink", "unlinkat"})


@dataclass(frozen=True, slots=True)
class Call:
    """One system call; ``begun`` and ``ended`` are line numbers, which serve as time."""

    name: str
    begun: int
    ended: int
    descriptor: str
    """What the first descriptor stands for: a path, or a socket as strace writes it."""
    texts: tuple[str, ...]
    """The strings among the arguments, decoded."""
    arguments: str
    failed: bool

    def is_on(self, path: Path) -> bool:
        """Tell whether this is a call on a descriptor of ``path``."""
        return self.descriptor == str(path)


def parse(lines: Iterable[str]) -> list[Call]:
    """Read the lines of ``strace -f -yy -o``; calls that were interrupted by others are put together again."""
    calls: list[Call] = []
    waiting: dict[tuple[str, str], tuple[int, str]] = {}
    for number, line in enumerate(lines):
        found = _LINE.fullmatch(line.rstrip("\n"))
        if found is None:
            continue
        thread, text, begun = found[1], found[2], number
        if (unfinished := _UNFINISHED.fullmatch(text)) is not None:
            waiting[thread, unfinished[1]] = (number, unfinished[2])
            continue
        if (resumed := _RESUMED.fullmatch(text)) is not None:
            if (thread, resumed[1]) not in waiting:
                continue
            begun, first = waiting.pop((thread, resumed[1]))
            text = f"{resumed[1]}({first}{resumed[2]}"
        if (whole := _CALL.fullmatch(text)) is not None:
            calls.append(_call(whole, begun=begun, ended=number))
    return calls


def _call(found: re.Match[str], *, begun: int, ended: int) -> Call:
    arguments = found[2]
    descriptor = _DESCRIPTOR.match(arguments)
    return Call(
        name=found[1],
        begun=begun,
        ended=ended,
        descriptor="" if descriptor is None else descriptor[1],
        texts=tuple(_decode(text) for text in _TEXT.findall(arguments)),
        arguments=arguments,
        failed=found[3] == "?" or found[3].startswith("-"),
    )


def _decode(text: str) -> str:
    def plain(found: re.Match[str]) -> str:
        code = found[1]
        return chr(int(code, 8)) if code[0].isdigit() else _NAMED.get(code, code)

    return _ESCAPE.sub(plain, text)


@dataclass(slots=True)
class Verdict:
    """What was judged, and what was wrong."""

    stored: int = 0
    """Success answers to requests that stored bytes."""
    made: int = 0
    """Staging files that were made."""
    published: int = 0
    """Files that were linked into a user's folder."""
    wrong: list[str] = field(default_factory=list)


def judge(calls: Sequence[Call], *, data_dir: Path) -> Verdict:
    """Judge a trace that begins before the requests, which follow one another; their bodies are below a checkpoint."""
    happened = [call for call in calls if not call.failed]
    return _Judge(happened, data_dir=data_dir).judge()


class _Judge:
    def __init__(self, calls: Sequence[Call], *, data_dir: Path) -> None:
        self._calls = calls
        self._staging = data_dir / "staging"
        self._uploads = data_dir / "uploads"
        self._log = data_dir / "tusvideo.db-wal"
        self._verdict = Verdict()

    def judge(self) -> Verdict:
        for since, answer, request in self._answers():
            self._verdict.stored += 1
            self._judge_answer(since, answer, request)
        for made in self._made():
            self._verdict.made += 1
            self._judge_made(made)
        for link in self._links():
            self._verdict.published += 1
            self._judge_link(link)
        return self._verdict

    def _answers(self) -> Iterator[tuple[Call, Call, str]]:
        """Give every success answer to a request that stores bytes, with the call that read its head."""
        asked: dict[str, tuple[Call, str]] = {}
        for call in self._calls:
            text = call.texts[0] if call.texts else ""
            if call.name == "recvfrom" and (request := _REQUEST.match(text)) is not None:
                asked[call.descriptor] = (call, f"{request[1]} {request[2]}")
            if call.name not in _SENDS or (answer := _ANSWER.match(text)) is None or call.descriptor not in asked:
                continue
            if answer[1].startswith("1"):
                continue
            since, told = asked.pop(call.descriptor)
            if answer[1].startswith("2") and _STORES.match(told) is not None:
                yield since, call, told

    def _made(self) -> Iterator[Call]:
        seen: set[str] = set()
        for call in self._calls:
            if call.name != "openat" or "O_CREAT" not in call.arguments or not self._is_staged(call.texts[0]):
                continue
            if call.texts[0] not in seen:
                seen.add(call.texts[0])
                yield call

    def _links(self) -> Iterator[Call]:
        for call in self._calls:
            if call.name == "linkat" and Path(call.texts[1]).is_relative_to(self._uploads):
                yield call

    def _judge_answer(self, since: Call, answer: Call, request: str) -> None:
        written = [
            call
            for call in self._between(since.begun, answer.begun)
            if call.name in _WRITES and self._is_staged(call.descriptor)
        ]
        if not written:
            self._say(answer, f"{request} was acknowledged, and nothing was written")
            return
        last = written[-1]
        syncs = [
            call
            for call in self._between(last.ended, answer.begun)
            if call.name in _SYNCS and call.descriptor == last.descriptor
        ]
        if not syncs:
            self._say(answer, f"{request} was acknowledged before its data was synced")
            return
        logged = self._log_writes(syncs[0].ended, answer.begun)
        if not logged:
            self._say(answer, f"{request} was acknowledged without a commit after the sync of its data")
            return
        for early in self._begun(written[0].begun, syncs[0].ended):
            self._say(early, f"{request} was committed before its data was synced")
        if not self._log_syncs(logged[-1].ended, answer.begun):
            self._say(answer, f"{request} was acknowledged before its commit was synced")

    def _judge_made(self, made: Call) -> None:
        commit = next(iter(self._begun(made.begun, self._end)), None)
        until = self._end if commit is None else commit.begun
        if not self._syncs_on(self._staging, made.ended, until):
            self._say(made, "a staging file was made and counted before its folder was synced")

    def _judge_link(self, link: Call) -> None:
        staged, target = Path(link.texts[0]), Path(link.texts[1])
        if not self._syncs_on(staged, self._last_write(staged, before=link.begun), link.begun):
            self._say(link, "a file was linked before it was synced")
        commits = self._begun(link.begun, self._end)
        if not commits:
            self._say(link, "a file was linked and never committed as complete")
            return
        if not self._syncs_on(target.parent, link.ended, commits[0].begun):
            self._say(commits[0], "complete was committed before the folder of the file was synced")
        for unlink in self._between(link.ended, self._end):
            if unlink.name in _UNLINKS and str(staged) in unlink.texts:
                if not self._log_syncs(commits[0].ended, unlink.begun):
                    self._say(unlink, "the staging name was removed before complete was durable")
                return
        self._say(link, "the staging name was never removed")

    def _is_staged(self, path: str) -> bool:
        """Tell whether a path is that of an upload in staging; a temporary file without a name is none."""
        return Path(path).parent == self._staging and _UPLOAD.fullmatch(Path(path).name) is not None

    @property
    def _end(self) -> int:
        return self._calls[-1].ended + 1 if self._calls else 0

    def _between(self, after: int, before: int) -> list[Call]:
        """Give the calls that began after one line and had returned before another."""
        return [call for call in self._calls if after < call.begun and call.ended < before]

    def _log_writes(self, after: int, before: int) -> list[Call]:
        return [call for call in self._between(after, before) if call.name in _WRITES and call.is_on(self._log)]

    def _begun(self, after: int, before: int) -> list[Call]:
        """Give the writes to the log that began between two lines, whenever they returned."""
        writes = [call for call in self._calls if call.name in _WRITES and call.is_on(self._log)]
        return [call for call in writes if after < call.begun < before]

    def _log_syncs(self, after: int, before: int) -> list[Call]:
        return self._syncs_on(self._log, after, before)

    def _syncs_on(self, path: Path, after: int, before: int) -> list[Call]:
        return [call for call in self._between(after, before) if call.name in _SYNCS and call.is_on(path)]

    def _last_write(self, path: Path, *, before: int) -> int:
        ends = [call.ended for call in self._between(-1, before) if call.name in _WRITES and call.is_on(path)]
        return max(ends, default=-1)

    def _say(self, call: Call, sentence: str) -> None:
        self._verdict.wrong.append(f"line {call.begun + 1}: {sentence}")
