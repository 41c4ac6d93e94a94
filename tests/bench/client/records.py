"""The file in which runs accumulate, and the table of what is in it."""

import json
import os
import statistics
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final

from tests.bench.client.contestants import ROOT, Contestant
from tests.bench.client.run import Figures, Scenario, as_record

FILE: Final = ROOT / ".bench-client.jsonl"
GIB: Final = 1024**3

Record = dict[str, Any]


def say(text: str) -> None:
    """Write a line to the terminal."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def append(scenario: Scenario, contestant: Contestant, figures: Figures, *, seed: int) -> None:
    """Add a run to the file."""
    record = {
        "at": round(time.time()),
        "scenario": scenario.name,
        "who": contestant.name,
        "version": contestant.version(),
        "seed": seed,
        "load": round(os.getloadavg()[0], 1),
        **as_record(figures),
    }
    with FILE.open("a") as file:
        file.write(json.dumps(record) + "\n")


def records(contestants: Iterable[Contestant]) -> list[Record]:
    """Read the runs of these contestants in the versions that are here."""
    versions = {contestant.name: contestant.version() for contestant in contestants}
    every = [json.loads(line) for line in FILE.read_text().splitlines()] if FILE.exists() else []
    return [record for record in every if versions.get(record["who"]) == record["version"]]


COLUMNS: Final[tuple[tuple[str, str, Callable[[float], str]], ...]] = (
    ("W", "resent", lambda value: f"{100 * value:.1f}"),
    ("O", "overhead", lambda value: f"{100 * value:.1f}"),
    ("D", "detected", lambda value: f"{value:.1f}"),
    ("R", "resumed", lambda value: f"{value:.1f}"),
    ("made", "created", lambda value: f"{value:.0f}"),
    ("requests", "requests", lambda value: f"{value:.0f}"),
    ("given up", "given_up", lambda value: f"{value:.0f}"),
    ("from 0", "restarts", lambda value: f"{value:.0f}"),
    ("RSS MiB", "rss_mib", lambda value: f"{value:.0f}"),
)


def table(scenarios: Sequence[Scenario], contestants: Sequence[Contestant], *, skipped: dict[str, str]) -> list[str]:
    """Lay out what was measured: median / worst of every figure."""
    every = records(contestants)
    head = f"{'':<4} {'scenario':<28} {'who':<10} {'whole':>7}"
    lines = [head + "".join(f" {name:>13}" for name, _, _ in COLUMNS) + f" {'CPU s/GiB':>10}"]
    for scenario in scenarios:
        if scenario.name in skipped:
            lines.append(f"{scenario.name:<4} {scenario.title:<28} SKIPPED: {skipped[scenario.name]}")
        for contestant in contestants:
            runs = [it for it in every if (it["scenario"], it["who"]) == (scenario.name, contestant.name)]
            if runs:
                lines.append(_row(scenario, contestant.name, runs, cost=_cost(every, contestant.name)))
    days = sorted({time.strftime("%Y-%m-%d", time.gmtime(record["at"])) for record in every})
    loads = [record["load"] for record in every]
    lines.append(
        "median/worst. W: bytes beyond the file's, %. O: time beyond the ideal, %. D: silence until it was noticed, s."
    )
    lines.append(
        "R: from the end of an outage to the next byte, s. made: uploads. given up: connections it ended by itself."
    )
    lines.extend(f"{contestant.name} {contestant.version()}: {contestant.settings}" for contestant in contestants)
    if days:
        lines.append(f"{len(every)} runs, {' to '.join(days[:1] + days[1:][-1:])}, load {statistics.median(loads)}")
    return lines


def _row(scenario: Scenario, who: str, runs: Sequence[Record], *, cost: float | None) -> str:
    whole = sum(record["whole"] for record in runs)
    cells = [f"{scenario.name:<4} {scenario.title:<28} {who:<10} {f'{whole}/{len(runs)}':>7}"]
    for _, name, form in COLUMNS:
        values = [record[name] for record in runs if record.get(name) is not None and record["whole"]]
        cells.append(f"{_middle_and_worst(values, form):>13}")
    cells.append(f"{f'{cost:.2f}' if cost is not None and scenario.direct and scenario.name == '0' else '':>10}")
    notes = sorted({record["note"] for record in runs if record["note"]})
    return " ".join(cells) + (f"  {'; '.join(notes)[:200]}" if notes else "")


def _middle_and_worst(values: Sequence[float], form: Callable[[float], str]) -> str:
    return f"{form(statistics.median(values))}/{form(max(values))}" if values else "-"


def _cost(every: Iterable[Record], who: str) -> float | None:
    """Seconds of processor that a GiB more costs: what a large file takes beyond a small one, start and end aside."""
    found: dict[str, list[Record]] = {"0": [], "0s": []}
    for record in every:
        if record["who"] == who and record["scenario"] in found and record["whole"]:
            found[record["scenario"]].append(record)
    if not all(found.values()):
        return None
    large, small = (statistics.median(float(record["cpu"]) for record in found[name]) for name in ("0", "0s"))
    size: int = found["0"][0]["bytes"] - found["0s"][0]["bytes"]
    return (large - small) * GIB / size
