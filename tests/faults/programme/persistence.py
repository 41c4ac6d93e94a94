"""What a disk may hold after a power loss, given the calls before it: a model that promises less than any file system.

A write, a cut or a mode of a file is there for sure once a sync of the file began after it; a name, made or removed,
once a sync of its folder did. Everything else may be there or not, whatever came before or after it: no order is
assumed, neither between files nor within one. A write may be torn, and a file may have grown without the bytes.
"""

import os
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

SECTOR: Final = 512
FOLDER: Final = -1
"""Stands for a folder where a name leads to one."""
RANDOM_SUBSETS: Final = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Op:
    """One change, or a sync; ``begun`` and ``ended`` are times (lines of the trace)."""

    begun: int
    ended: int
    what: str
    """data, size, mode, name, sync (of a file or a folder), datasync (of a file, without its mode)."""
    file: int = 0
    path: str = ""
    at: int = 0
    data: bytes = b""

    @property
    def is_sync(self) -> bool:
        """True when it changes nothing itself."""
        return self.what in {"sync", "datasync"}


@dataclass(slots=True)
class Tree:
    """Files by number, and what each name leads to; paths are relative."""

    names: dict[str, int] = field(default_factory=dict)
    files: dict[int, bytes] = field(default_factory=dict)
    modes: dict[int, int] = field(default_factory=dict)


def read_tree(root: Path) -> Tree:
    """Read what lies below a folder; SQLite's shared memory is made anew after a power loss."""
    tree, numbers = Tree(), dict[int, int]()
    for path in sorted(root.rglob("*")):
        name = str(path.relative_to(root))
        if path.is_dir():
            tree.names[name] = FOLDER
        elif not name.endswith(("-shm", ".lock")):
            status = path.stat()
            number = numbers.setdefault(status.st_ino, len(numbers) + 1)
            tree.names[name] = number
            tree.files[number] = path.read_bytes()
            tree.modes[number] = status.st_mode & 0o777
    return tree


def safe_times(ops: Sequence[Op]) -> list[int | None]:
    """Give for each change when the first sync had ended that makes it durable; None: never."""
    syncs = [op for op in ops if op.is_sync]
    return [
        None if op.is_sync else min((sync.ended for sync in syncs if _makes_durable(sync, op)), default=None)
        for op in ops
    ]


def certain(ops: Sequence[Op], safe: Sequence[int | None], when: int) -> tuple[list[int], list[int]]:
    """Divide the changes up to a time, by number: those that are there for sure, and those that may be."""
    sure, maybe = list[int](), list[int]()
    for number, (op, time) in enumerate(zip(ops, safe, strict=True)):
        if op.is_sync or op.begun > when:
            continue
        (sure if time is not None and time <= when else maybe).append(number)
    return sure, maybe


def _makes_durable(sync: Op, change: Op) -> bool:
    if sync.begun < change.ended:
        return False
    if change.what == "name":
        return sync.file == FOLDER and sync.path == os.path.dirname(change.path)  # noqa: PTH120  # "" is the root
    return sync.file == change.file and (sync.what == "sync" or change.what != "mode")


def subsets(maybe: Sequence[int], chance: random.Random) -> Iterator[frozenset[int]]:
    """Choose among the changes that may be there: none, all, each one, all but each one, and some at random."""
    everything = frozenset(maybe)
    yield frozenset()
    yield everything
    for one in maybe:
        yield frozenset({one})
        yield everything - {one}
    if len(maybe) > 2:
        for _ in range(RANDOM_SUBSETS):
            yield frozenset(one for one in maybe if chance.random() < 0.5)


def build(base: Tree, ops: Sequence[Op], kept: frozenset[int], *, spoiled: int | None, chance: random.Random) -> Tree:
    """Make the tree that a disk holds with these changes; the one that is ``spoiled`` is torn, or zeros."""
    names, modes = dict(base.names), dict(base.modes)
    files = {number: bytearray(data) for number, data in base.files.items()}
    for number in sorted(kept):
        op = ops[number]
        if op.what == "name":
            if op.file:
                names[op.path] = op.file
            else:
                names.pop(op.path, None)
        elif op.what == "mode":
            modes[op.file] = op.at
        elif op.what == "size":
            file = files.setdefault(op.file, bytearray())
            del file[op.at :]
            file.extend(bytes(op.at - len(file)))
        else:
            _write(files.setdefault(op.file, bytearray()), op, chance=chance if number == spoiled else None)
    return Tree(names, {number: bytes(data) for number, data in files.items()}, modes)


def _write(file: bytearray, op: Op, *, chance: random.Random | None) -> None:
    data = op.data
    if chance is not None:
        if op.at + len(data) > len(file) and chance.random() < 0.5:
            file.extend(bytes(op.at + len(data) - len(file)))
            return
        data = data[: chance.randrange(0, len(data), SECTOR)]
    if op.at > len(file):
        file.extend(bytes(op.at - len(file)))
    file[op.at : op.at + len(data)] = data


def write_tree(tree: Tree, root: Path) -> None:
    """Lay a tree out on disk; a name whose folder was lost is lost with it."""
    made: dict[int, Path] = {}
    for name in sorted(tree.names):
        path, number = root / name, tree.names[name]
        if not path.parent.is_dir():
            continue
        if number == FOLDER:
            path.mkdir()
        elif number in made:
            path.hardlink_to(made[number])
        else:
            path.write_bytes(tree.files.get(number, b""))
            path.chmod(tree.modes.get(number, 0o600))
            made[number] = path
