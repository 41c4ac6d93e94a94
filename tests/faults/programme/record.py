"""From what strace wrote about a server to changes of a disk, and to the moments at which clients were told things."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.faults.programme.ledger import Entry, Told
from tests.faults.programme.persistence import FOLDER, Op, Tree
from tests.faults.programme.tracing import Tracer
from tests.faults.syscalls import Call, parse

CALLS: Final = (
    "openat,pwrite64,write,pwritev,fdatasync,fsync,ftruncate,fchmod,mkdir,link,linkat,rename,renameat,renameat2"
    ",unlink,unlinkat,copy_file_range,fallocate,sync_file_range"
)
_MOST_TEXT: Final = 1_000_000
_SENDS: Final = frozenset({"sendto", "sendmsg"})
_ANSWER: Final = re.compile(r"HTTP/1\.1 [2-5]\d\d .*?\r\nX-Request-ID: (\d+)\r\n", re.DOTALL)
_LAST: Final = re.compile(r", (\d+)$")
_COPY: Final = re.compile(r"\d+<(.*?)>, \[(\d+)\], \d+<(.*?)>, \[(\d+)\], \d+, 0$", re.DOTALL)
_MODE: Final = re.compile(r"0(\d+)$")
IGNORED: Final = ("-shm", ".lock")


class Recorder(Tracer):
    """Records every byte that a process writes to files, and its answers."""

    def __init__(self, pid: int, *, path: Path) -> None:
        super().__init__(pid, path=path, calls=f"{CALLS},sendto,sendmsg")
        self._command[self._command.index("1024")] = str(_MOST_TEXT)


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """One thing that a client had been told at a time; ``entry`` is its number in the ledger."""

    when: int
    entry: int
    what: str
    value: int | str


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """Everything that a replay needs."""

    base: Tree
    ops: Sequence[Op]
    heard: Sequence[Heard]
    entries: Sequence[Entry]


def recording(path: Path, *, root: Path, base: Tree, log: Sequence[Told], entries: Sequence[Entry]) -> Recording:
    """Read a trace of a server whose files lie below ``root``, where ``base`` was durable before it started."""
    calls = [call for call in parse(path.read_text(errors="replace").splitlines(keepends=True)) if not call.failed]
    calls.sort(key=lambda call: call.ended)
    reading = _Reading(root, base)
    for call in calls:
        reading.take(call)
    told = _answers(calls)
    return Recording(base=base, ops=reading.ops, heard=_heard(log, told, entries), entries=entries)


def _answers(calls: Sequence[Call]) -> dict[int, int]:
    """Give, by number of the request, when its answer had left."""
    sent: dict[int, int] = {}
    for call in calls:
        if call.name in _SENDS and call.texts and (answer := _ANSWER.match(call.texts[0])) is not None:
            sent[int(answer[1])] = call.ended
    return sent


def _heard(log: Sequence[Told], answers: Mapping[int, int], entries: Sequence[Entry]) -> list[Heard]:
    numbers = {id(entry): number for number, entry in enumerate(entries)}
    latest: dict[int, int] = {}
    heard = []
    for told in log:
        number = numbers[id(told.entry)]
        # What was only asked for binds from the answer before it: a client asks one thing after the other.
        when = answers.get(told.request) if told.request else latest.get(number, 0)
        if when is None:
            raise LookupError(f"no answer to request {told.request} was seen: {told.what} {told.value} of {told.entry}")
        latest[number] = max(when, latest.get(number, 0))
        heard.append(Heard(when=when, entry=number, what=told.what, value=told.value))
    return heard


class _Reading:
    def __init__(self, root: Path, base: Tree) -> None:
        self.ops: list[Op] = []
        self._root = f"{root}/"
        self._names = dict(base.names)
        self._gone: dict[str, int] = {}
        self._files = {number: bytearray(data) for number, data in base.files.items()}
        self._next = max(base.files, default=0) + 1

    def take(self, call: Call) -> None:
        """Turn a call into changes."""
        handlers: dict[str, Callable[[Call], None]] = {
            "openat": self._open,
            "mkdir": lambda call: self._name(call, call.texts[0], FOLDER),
            "pwrite64": self._write,
            "write": self._write,
            "fsync": self._sync,
            "fdatasync": self._sync,
            "ftruncate": self._change,
            "fchmod": self._change,
            "link": self._link,
            "linkat": self._link,
            "rename": self._rename,
            "renameat": self._rename,
            "renameat2": self._rename,
            "unlink": lambda call: self._name(call, call.texts[0], 0),
            "unlinkat": lambda call: self._name(call, call.texts[0], 0),
            "copy_file_range": self._copy,
        }
        if call.name in handlers:
            handlers[call.name](call)
        elif self._inside(call.descriptor) is not None:
            raise NotImplementedError(f"the model does not know {call.name}")

    def _link(self, call: Call) -> None:
        self._name(call, call.texts[1], self._number(call.texts[0]))

    def _rename(self, call: Call) -> None:
        self._link(call)
        self._name(call, call.texts[0], 0)

    def _inside(self, path: str) -> str | None:
        if path == self._root[:-1]:
            return ""
        if not path.startswith(self._root) or path.endswith(IGNORED):
            return None
        return path.removeprefix(self._root)

    def _number(self, path: str) -> int:
        inside = self._inside(path)
        return 0 if inside is None else self._names.get(inside) or self._gone.get(inside, 0)

    def _add(self, call: Call, what: str, **more: int | str | bytes) -> None:
        self.ops.append(Op(begun=call.begun, ended=call.ended, what=what, **more))  # type: ignore[arg-type]  # fields of Op

    def _open(self, call: Call) -> None:
        inside = self._inside(call.texts[0]) if call.texts else None
        if inside is None or "O_CREAT" not in call.arguments or inside in self._names:
            return
        self._files[self._next] = bytearray()
        self._next += 1
        self._name(call, call.texts[0], self._next - 1)

    def _name(self, call: Call, path: str, number: int) -> None:
        inside = self._inside(path)
        if inside is None:
            return
        if number:
            self._names[inside] = number
        elif inside in self._names:
            self._gone[inside] = self._names.pop(inside)
        self._add(call, "name", path=inside, file=number)

    def _write(self, call: Call) -> None:
        number = self._number(call.descriptor)
        if not number:
            return
        data = call.texts[0].encode("latin-1")
        at = _LAST.search(call.arguments) if call.name == "pwrite64" else None
        if at is None or "..." in call.arguments[-60:]:
            raise NotImplementedError(f"cannot read this write: {call.arguments[-80:]}")
        self._store(call, number, int(at[1]), data)

    def _store(self, call: Call, number: int, at: int, data: bytes) -> None:
        file = self._files[number]
        file.extend(bytes(max(0, at - len(file))))
        file[at : at + len(data)] = data
        self._add(call, "data", file=number, at=at, data=data)

    def _copy(self, call: Call) -> None:
        found = _COPY.match(call.arguments)
        if found is None:
            return
        source, start, to = self._number(found[1]), int(found[2]), int(found[4])
        size = int(call.arguments.rsplit(", ", 2)[1])
        self._store(call, self._number(found[3]), to, bytes(self._files[source][start : start + size]))

    def _sync(self, call: Call) -> None:
        inside = self._inside(call.descriptor)
        if inside is None:
            return
        number = FOLDER if inside == "" else self._number(call.descriptor)
        if number:
            self._add(call, "datasync" if call.name == "fdatasync" else "sync", file=number, path=inside)

    def _change(self, call: Call) -> None:
        number = self._number(call.descriptor)
        if not number:
            return
        if call.name == "fchmod":
            mode = _MODE.search(call.arguments)
            self._add(call, "mode", file=number, at=int(mode[1], 8) if mode else 0o600)
            return
        size = int(call.arguments.rsplit(", ", 1)[1])
        del self._files[number][size:]
        self._files[number].extend(bytes(size - len(self._files[number])))
        self._add(call, "size", file=number, at=size)
