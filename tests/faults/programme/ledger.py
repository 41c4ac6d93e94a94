"""What the server told its clients, kept outside its process, and each way in which it can be seen to break that."""

import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from tests.faults.programme import content

PART_SIZE = 60_000
SIZES = (5_000, 40_000, 150_000, 150_000, 400_000, 900_000)


class Kind(StrEnum):
    """The dialect of an upload."""

    TUS = "tus"
    CHUNKS = "chunks"


class Ending(StrEnum):
    """How far the removal of an upload has come."""

    NONE = "none"
    ASKED = "asked"
    GONE = "gone"


@dataclass(slots=True, eq=False)
class Entry:
    """One upload: what its bytes are, and the most that its client was told about it."""

    kind: Kind
    seed: int
    data: bytes
    key: str
    path: str = ""
    told: int = 0
    """The largest offset that was acknowledged or reported."""
    parts: set[int] = field(default_factory=set)
    url: str = ""
    ending: Ending = Ending.NONE

    @property
    def length(self) -> int:
        """Bytes of the whole."""
        return len(self.data)

    @property
    def total(self) -> int:
        """Number of chunks."""
        return -(-self.length // PART_SIZE)

    @property
    def is_known(self) -> bool:
        """True when the server acknowledged anything of it."""
        return bool(self.path or self.parts or self.url)

    @property
    def is_over(self) -> bool:
        """True when a client has nothing more to do for it."""
        return bool(self.url) or self.ending is not Ending.NONE

    def part(self, index: int) -> bytes:
        """Give the bytes of a chunk."""
        return self.data[index * PART_SIZE : (index + 1) * PART_SIZE]

    def __str__(self) -> str:
        told = f"{len(self.parts)} of {self.total} chunks" if self.kind is Kind.CHUNKS else f"{self.told} bytes told"
        ending = "" if self.ending is Ending.NONE else f", removal {self.ending}"
        return (
            f"{self.kind} {self.path or self.key} ({self.length} bytes, {told}{', published' * bool(self.url)}{ending})"
        )


@dataclass(slots=True, frozen=True)
class Told:
    """One thing that a client learned, or asked for: by the answer to which request, about what."""

    request: int
    entry: Entry
    what: str
    value: int | str


class Ledger:
    """All uploads of a run, what was told of them, and the violations."""

    def __init__(self, seed: int, *, sizes: Sequence[int] = SIZES) -> None:
        self.seed = seed
        self.sizes = sizes
        self.chance = random.Random(seed)
        self.entries: list[Entry] = []
        self.violations: list[str] = []
        self.statuses: Counter[int] = Counter()
        self.log: list[Told] = []
        self.requests = 0
        """So many were sent; each carries its number, and so does its answer."""
        self.busy: set[Entry] = set()

    def wrong(self, sentence: str) -> None:
        """Note a violation."""
        self.violations.append(sentence)

    def new(self, kind: Kind | None = None, *, length: int | None = None) -> Entry:
        """Begin an entry."""
        seed = self.chance.getrandbits(63)
        size = max(content.LEAST, length or self.chance.choice(self.sizes))
        kind = kind or self.chance.choice((Kind.TUS, Kind.TUS, Kind.CHUNKS))
        entry = Entry(kind, seed, content.make(seed, size), key=f"k{seed:016x}")
        self.entries.append(entry)
        return entry

    # ------------------------------------------------------------------------------------------ what a client learns

    def made(self, entry: Entry, path: str, *, request: int = 0) -> None:
        """A creation was acknowledged."""
        if entry.path and entry.path != path:
            self.wrong(f"{entry}: created again elsewhere, at {path}")
        entry.path = path
        self.log.append(Told(request, entry, "made", path))

    def reported(self, entry: Entry, offset: int, *, least: int, request: int = 0) -> None:
        """An offset was acknowledged or reported; ``least`` had been told when the question was sent."""
        if offset < least:
            self.wrong(f"{entry}: offset {offset} was told after {least}")
        if offset > entry.length:
            self.wrong(f"{entry}: offset {offset} is past its end")
        entry.told = max(entry.told, offset)
        self.log.append(Told(request, entry, "offset", offset))

    def stored(self, entry: Entry, index: int, *, request: int = 0) -> None:
        """A chunk was acknowledged."""
        entry.parts.add(index)
        self.log.append(Told(request, entry, "part", index))

    def finished(self, entry: Entry, url: str, *, request: int = 0) -> None:
        """The file was told to be published."""
        if entry.url and entry.url != url:
            self.wrong(f"{entry}: published at {entry.url}, and again at {url}")
        entry.url = url
        entry.told = entry.length
        self.log.append(Told(request, entry, "url", url))

    def asked_to_end(self, entry: Entry) -> None:
        """A removal is being asked for; until its answer both outcomes are right."""
        entry.ending = Ending.ASKED
        self.log.append(Told(0, entry, "ask", ""))

    def ended(self, entry: Entry, *, request: int = 0) -> None:
        """A removal was acknowledged."""
        entry.ending = Ending.GONE
        self.log.append(Told(request, entry, "gone", ""))

    def missing(self, entry: Entry, *, known: bool) -> None:
        """The server does not know the upload; ``known``: it had acknowledged something when the question was sent."""
        if entry.ending is Ending.NONE and known:
            self.wrong(f"{entry}: unknown to the server, after {entry.told} bytes and {len(entry.parts)} chunks")
        elif entry.ending is Ending.ASKED:
            entry.ending = Ending.GONE

    def found(self, entry: Entry) -> None:
        """The server knows the upload."""
        if entry.ending is Ending.GONE:
            self.wrong(f"{entry}: back after its removal was acknowledged")

    def forgive(self) -> None:
        """A power loss in ``relaxed``: what was told of unfinished bytes no longer binds."""
        for entry in self.entries:
            if not entry.url:
                entry.told = 0
