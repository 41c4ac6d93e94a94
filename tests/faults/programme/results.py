"""The file in which the counts of all programmes accumulate, and the table that is shown at the end of one."""

import hashlib
import json
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any, Final

from tests.faults.programme.rounds import Fault, Outcome
from tests.faults.programme.servers import ROOT

FILE: Final = ROOT / ".faults.jsonl"


def say(text: str) -> None:
    """Write a line to the terminal."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


@cache
def commit() -> str:
    """Name the commit that is counted for; with "+" and the state of the source when that is not what was committed."""
    try:
        name = _git("rev-parse", "--short=10", "HEAD")
        changed = _git("status", "--porcelain", "--untracked-files=no")
    except (OSError, subprocess.CalledProcessError):
        name, changed = "", "no repository"
    return f"{name}+{_source()}" if changed else name


def _git(*words: str) -> str:
    return subprocess.run(("git", *words), cwd=ROOT, check=True, capture_output=True, text=True).stdout.strip()


def _source() -> str:
    digest = hashlib.sha256()
    for path in sorted((ROOT / "tusvideo").rglob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:8]


def append(fault: Fault, outcome: Outcome, *, seed: int, seconds: float) -> None:
    """Add a round to the file."""
    record = {
        "at": round(time.time()),
        "fault": fault.name,
        "seed": seed,
        "count": outcome.count,
        "violations": outcome.violations[:10],
        "seconds": round(seconds, 2),
        "commit": commit(),
        "notes": outcome.notes,
    }
    with FILE.open("a") as file:
        file.write(json.dumps(record) + "\n")


def records() -> list[dict[str, Any]]:
    """Read what was counted for this commit, by this programme and by those before it."""
    every = [json.loads(line) for line in FILE.read_text().splitlines()] if FILE.exists() else []
    return [record for record in every if record.get("commit") == commit()]


def counts(found: Iterable[Mapping[str, Any]]) -> Counter[str]:
    """Add up the injections by fault."""
    counted: Counter[str] = Counter()
    for record in found:
        counted[record["fault"]] += record["count"]
    return counted


def bound(count: int) -> str:
    """Say how large the true rate may be when ``count`` injections showed nothing (rule of three, 95 %)."""
    return f"< {min(100, 300 / count):.2g} %" if count else "-"


def table(faults: Iterable[Fault], *, skipped: Mapping[str, str]) -> list[str]:
    """Lay out what was counted for this commit."""
    every = records()
    counted = counts(every)
    head = f"{'fault':<5} {'what':<26} {'count':>7} {'wanted':>7} {'unit':<9} {'broken':>6}  {'rate':<9} {'rounds':>6}"
    lines = [f"{head} {'minutes':>7}  seeds"]
    for fault in faults:
        rounds = [record for record in every if record["fault"] == fault.name]
        broken = [record["seed"] for record in rounds if record["violations"]]
        seeds = sorted(record["seed"] for record in rounds)
        lines.append(
            f"{fault.name:<5} {fault.title:<26} {counted[fault.name]:>7,} {fault.wanted:>7,} {fault.unit:<9}"
            f" {len(broken):>6}  {'-' if broken else bound(counted[fault.name]):<9} {len(rounds):>6}"
            f" {sum(record['seconds'] for record in rounds) / 60:>7.1f}  {f'{seeds[0]}-{seeds[-1]}' if seeds else '-'}"
            + (f"  SKIPPED: {skipped[fault.name]}" if fault.name in skipped else "")
            + (f"  BROKEN: {', '.join(map(str, broken))}" if broken else "")
        )
    minutes = sum(record["seconds"] for record in every) / 60
    days = sorted({time.strftime("%Y-%m-%d", time.gmtime(record["at"])) for record in every})
    lines.append(
        f"commit {commit()}: {len(every)} rounds, {minutes:.0f} minutes, {' to '.join(days[:1] + days[1:][-1:])}"
    )
    lines.append("rate: what one in so many may still break the promise, at 95 %, when none was seen to")
    return lines
