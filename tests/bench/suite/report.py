"""The report: Markdown to read, JSON to keep."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from tests.bench.suite.catalogue import WORKS, Target, Work
from tests.bench.suite.work import MIB, Figures, Sizes

_DIGITS = ((100, 0), (10, 1), (1, 2), (0, 3))


@dataclass(slots=True, kw_only=True)
class Report:
    """What a run found."""

    machine: dict[str, str]
    sizes: Sizes
    runs: int
    peers: dict[str, str] = field(default_factory=dict)
    """Version and settings by name."""
    missing: dict[str, str] = field(default_factory=dict)
    """Peers that are not here, with the reason."""
    works: dict[str, Figures] = field(default_factory=dict)
    loads: dict[str, float] = field(default_factory=dict)
    """Load average at the end of each work."""

    def add(self, name: str, figures: Figures, *, load: float) -> None:
        """Take in what a work measured."""
        self.works[name] = figures
        self.loads[name] = load

    def markdown(self) -> str:
        """Write everything, the verdicts first."""
        return "\n".join([*self._preface(), "", *self._verdicts(), *self._figures()])

    def as_json(self) -> dict[str, Any]:
        """Give all samples."""
        return {**asdict(self), "verdicts": list(self._judged())}

    def _preface(self) -> Iterator[str]:
        for name, value in self.machine.items():
            yield f"- {name}: {value}"
        yield f"- medians of {self.runs} interleaved rounds; ratios are taken within rounds"
        yield f"- sizes: {', '.join(f'{name} {_size(value)}' for name, value in asdict(self.sizes).items())}"
        yield "- senders: this process, blocking sockets on loopback, one block of 1 MiB sent again and again"
        for name, text in self.peers.items():
            yield f"- {name}: {text}"
        for name, reason in self.missing.items():
            yield f"- {name}: **missing**: {' '.join(reason.split())[-300:]}"

    def _verdicts(self) -> Iterator[str]:
        yield "| work | what | ours | theirs | ratio | must reach | |"
        yield "|---|---|---|---|---|---|---|"
        for key, figures in self.works.items():
            for target in WORKS[key].targets:
                yield _verdict(WORKS[key], target, figures)

    def _figures(self) -> Iterator[str]:
        for key, figures in self.works.items():
            columns = figures.columns
            yield ""
            yield f"**{WORKS[key].title}** (`{key}`, load {self.loads[key]:.1f})"
            yield ""
            yield f"| | {' | '.join(columns)} |"
            yield f"|---{'|---' * len(columns)}|"
            for quantity in figures.samples:
                cells = (_number(figures.median(quantity, column)) for column in columns)
                yield f"| {quantity} | {' | '.join(cells)} |"
            notes = [*figures.notes, *(f"{name} failed: {why}" for name, why in figures.failed.items())]
            if notes:
                yield ""
                yield from (f"- {' '.join(note.split())[:400]}" for note in notes)

    def _judged(self) -> Iterator[Mapping[str, Any]]:
        for key, figures in self.works.items():
            for target in WORKS[key].targets:
                value = target.value(figures)
                met = None if value is None else target.is_met(value)
                yield {"work": key, **asdict(target), "value": value, "met": met}


def _verdict(work: Work, target: Target, figures: Figures) -> str:
    value = target.value(figures)
    ours, theirs = figures.median(target.quantity, target.column), None
    name = target.column
    if target.against is not None:
        theirs = figures.median(target.quantity, target.against)
        name = f"{target.column} / {target.against}"
    sign = "≤" if target.at_most else "≥"
    bound = f"{sign} {target.bound:g}{' ×' if target.against is not None else ''}"
    judged = "not measured" if value is None else "met" if target.is_met(value) else "**short**"
    ratio = "" if target.against is None else _number(value)
    cells = (work.title, f"{target.quantity}, {name}", _number(ours), _number(theirs), ratio, bound, judged)
    return f"| {' | '.join(cells)} |"


def _number(value: float | None) -> str:
    if value is None:
        return "–"
    digits = next(digits for least, digits in _DIGITS if abs(value) >= least)
    return f"{value:,.{digits}f}"


def _size(value: int) -> str:
    return f"{value // MIB} MiB" if value >= MIB and value % MIB == 0 else f"{value:,}"
