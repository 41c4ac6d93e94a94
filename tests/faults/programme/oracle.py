"""What lies on disk after a recovery, held against what clients were told. Reads only; the server may run, if idle."""

import re
import sqlite3
from collections import Counter
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from urllib.parse import unquote

from tests.faults.programme import content
from tests.faults.programme.ledger import Ending, Entry, Kind, Ledger

_UPLOAD_ID: Final = re.compile(r"[0-9a-f]{32}")
_STAGED: Final = frozenset({"open", "finalizing"})
_COLUMNS: Final = "id, status, offset, length, client_key, creation_key, directory, folder, filename"


@dataclass(slots=True)
class Row:
    """A session row, and where its chunks lie: (index, size, position)."""

    id: str
    status: str
    offset: int
    length: int | None
    client_key: str | None
    creation_key: str | None
    location: Path | None
    parts: list[tuple[int, int, int]] = field(default_factory=list)


def read_rows(database: Path) -> tuple[dict[str, Row], str]:
    """Read every row by id, and what SQLite finds wrong with the file ("ok": nothing)."""
    with closing(sqlite3.connect(f"{database.absolute().as_uri()}?mode=ro", uri=True, timeout=10)) as connection:
        (verdict,) = connection.execute("PRAGMA integrity_check(1)").fetchone()
        rows = {row[0]: _row(row) for row in connection.execute(f"SELECT {_COLUMNS} FROM uploads")}  # noqa: S608 - ours
        for upload_id, *part in connection.execute("SELECT upload_id, idx, size, position FROM parts ORDER BY idx"):
            rows[upload_id].parts.append((part[0], part[1], part[2]))
    return rows, str(verdict)


def _row(found: tuple[Any, ...]) -> Row:
    place = None if found[8] is None else Path(found[6], found[7], found[8])
    upload_id, status, offset, length, client_key, creation_key = found[:6]
    return Row(upload_id, status, offset, length, client_key, creation_key, place)


def check(ledger: Ledger, *, data_dir: Path, database: Path, least: bool = True, may_wait: bool = False) -> list[str]:
    """Find every broken promise.

    ``least=False``: counted bytes must be right, but may be fewer than were told. ``may_wait``: publications that the
    disk refused may stand half-way, told to nobody: FINALIZING, with the file under the name that its row has chosen.
    """
    rows, verdict = read_rows(database)
    checking = _Check(ledger, data_dir=data_dir, rows=rows, least=least, may_wait=may_wait)
    if verdict != "ok":
        checking.wrong.append(f"integrity_check: {verdict}")
    return checking.run()


class _Check:
    def __init__(self, ledger: Ledger, *, data_dir: Path, rows: dict[str, Row], least: bool, may_wait: bool) -> None:
        self._ledger = ledger
        self._data = data_dir
        self._rows = rows
        self._least = least
        self._may_wait = may_wait
        self._by_key = {row.client_key or row.creation_key: row for row in rows.values()}
        self.wrong: list[str] = []

    def run(self) -> list[str]:
        published = self._published()
        for entry in self._ledger.entries:
            row = self._row_of(entry)
            self._check_entry(entry, row, copies=published[entry.seed])
        self._check_staging()
        return self.wrong

    def _row_of(self, entry: Entry) -> Row | None:
        if entry.kind is Kind.TUS and entry.path:
            return self._rows.get(entry.path.rpartition("/")[2])
        return self._by_key.get(entry.key)

    def _published(self) -> Counter[int]:
        """Compare every published file with what its head says that it is; count them by seed."""
        uploads = self._data / "uploads"
        counted: Counter[int] = Counter()
        expected = {entry.seed: entry for entry in self._ledger.entries}
        named = {"complete", "finalizing"} if self._may_wait else {"complete"}
        places = {row.location for row in self._rows.values() if row.status in named}
        for path in (path for path in uploads.rglob("*") if path.is_file()):
            found = path.read_bytes()
            name = content.whose(found)
            entry = None if name is None else expected.get(name[0])
            if entry is None:
                self.wrong.append(f"{path.relative_to(uploads)}: published, and nobody's ({len(found)} bytes)")
                continue
            counted[entry.seed] += 1
            if found != entry.data:
                at = content.first_difference(found, entry.data)
                self.wrong.append(f"{entry}: published with {len(found)} bytes, first difference at {at}")
            if path.relative_to(uploads) not in places:
                self.wrong.append(f"{entry}: published as {path.relative_to(uploads)}, and no row says so")
        return counted

    def _check_entry(self, entry: Entry, row: Row | None, *, copies: int) -> None:
        if copies > 1:
            self.wrong.append(f"{entry}: {copies} published files")
        if entry.ending is Ending.GONE:
            if row is not None and row.status != "terminated":
                self.wrong.append(f"{entry}: its removal was acknowledged, its row is {row.status}")
            if copies:
                self.wrong.append(f"{entry}: its removal was acknowledged, its file is still published")
            return
        if row is None:
            if entry.is_known and entry.ending is Ending.NONE:
                self.wrong.append(f"{entry}: its row is gone, after {entry.told} bytes, {len(entry.parts)} chunks")
        elif row.status in {"damaged", "failed", "expired"}:
            self.wrong.append(f"{entry}: {row.status}, with {row.offset} bytes and {len(row.parts)} chunks counted")
        elif row.status == "complete":
            self._check_complete(entry, row, copies=copies)
        elif row.status in _STAGED:
            self._check_staged(entry, row)

    def _check_complete(self, entry: Entry, row: Row, *, copies: int) -> None:
        if copies != 1:
            self.wrong.append(f"{entry}: complete, with {copies} published files")
        if row.offset != entry.length:
            self.wrong.append(f"{entry}: complete with {row.offset} bytes")
        if entry.url and Path(unquote(entry.url).removeprefix("/uploads/")) != row.location:
            self.wrong.append(f"{entry}: told to be at {entry.url}, its row says {row.location}")

    def _check_staged(self, entry: Entry, row: Row) -> None:
        if entry.url:
            self.wrong.append(f"{entry}: told to be complete, its row is {row.status}")
        if self._least and entry.kind is Kind.TUS and row.offset < entry.told:
            self.wrong.append(f"{entry}: {entry.told} bytes were told, its row counts {row.offset}")
        if missing := entry.parts - {index for index, _, _ in row.parts}:
            self.wrong.append(f"{entry}: chunks {sorted(missing)} were acknowledged, its row does not count them")
        if row.status == "finalizing" and not self._may_wait:
            self.wrong.append(f"{entry}: still finalizing after recovery")
        path = self._data / "staging" / row.id
        staged = path.read_bytes() if path.exists() else b""
        if entry.kind is Kind.TUS:
            self._compare(entry, staged, at=0, expected=entry.data[: row.offset])
        for index, size, position in row.parts:
            if size != len(entry.part(index)):
                self.wrong.append(f"{entry}: chunk {index} is counted with {size} bytes")
            self._compare(entry, staged, at=position, expected=entry.part(index))

    def _compare(self, entry: Entry, staged: bytes, *, at: int, expected: bytes) -> None:
        found = staged[at : at + len(expected)]
        if found == expected:
            return
        place = content.first_difference(found, expected)
        what = f"only {len(found)} are there" if place is None else f"the byte at {at + place} is wrong"
        self.wrong.append(f"{entry}: {len(expected)} staged bytes at {at} are counted, {what}")

    def _check_staging(self) -> None:
        for path in (self._data / "staging").iterdir():
            row = self._rows.get(path.name)
            if _UPLOAD_ID.fullmatch(path.name) is None:
                self.wrong.append(f"staging/{path.name}: a leftover")
            elif row is None or row.status not in _STAGED:
                status = "no row" if row is None else f"a row that is {row.status}"
                self.wrong.append(f"staging/{path.name}: a leftover with {status}")
