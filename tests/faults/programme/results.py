"""The file in which the counts of all programmes accumulate, and the table that is shown at the end of one."""

import hashlib
import json
import sys
import time
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any, Final

from tests.faults.programme.rounds import Fault, Outcome
from tests.faults.programme.servers import ROOT

FILE: Final = ROOT / ".faults.jsonl"


def say(text: str) -> None:
    """Write a line to the terminal."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def source() -> str:
    """Name the state of the server's source, so that counts can be told apart by what they were counted on."""
    digest = hashlib.sha256()
    for path in sorted((ROOT / "tusvideo").rglob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:12]


def append(fault: Fault, outcome: Outcome, *, seed: int, seconds: float, source: str) -> None:
    """Add a round to the file."""
    record = {
        "at": round(time.time()),
        "fault": fault.name,
        "seed": seed,
        "count": outcome.count,
        "violations": outcome.violations[:10],
        "seconds": round(seconds, 2),
        "source": source,
        "notes": outcome.notes,
    }
    with FILE.open("a") as file:
        file.write(json.dumps(record) + "\n")


def records() -> list[dict[str, Any]]:
    """Read the file."""
    return [json.loads(line) for line in FILE.read_text().splitlines()] if FILE.exists() else []


def counts(found: Iterable[Mapping[str, Any]]) -> Counter[str]:
    """Add up the injections by fault."""
    counted: Counter[str] = Counter()
    for record in found:
        counted[record["fault"]] += record["count"]
    return counted


def bound(count: int) -> str:
    """Say how large the true rate may be when ``count`` injections showed nothing (rule of three, 95 %)."""
    return f"< {300 / count:.2g} %" if count else "-"


def table(faults: Iterable[Fault], *, here: Iterable[Mapping[str, Any]], skipped: Mapping[str, str]) -> list[str]:
    """Lay out this programme's counts beside those of all."""
    mine, every = list(here), records()
    ours, all_of_them = counts(mine), counts(every)
    lines = [
        f"{'fault':<5} {'what':<26} {'now':>7} {'in all':>8} {'wanted':>7} {'broken':>7}  {'rate':<10} {'unit':<9} time"
    ]
    for fault in faults:
        of_fault = [record for record in every if record["fault"] == fault.name]
        broken = sum(bool(record["violations"]) for record in of_fault)
        seconds = sum(record["seconds"] for record in mine if record["fault"] == fault.name)
        total = all_of_them[fault.name]
        rate = "see above" if broken else bound(total)
        lines.append(
            f"{fault.name:<5} {fault.title:<26} {ours[fault.name]:>7,} {total:>8,} {fault.wanted:>7,} {broken:>7}"
            f"  {rate:<10} {fault.unit:<9} {seconds:.0f} s"
            + (f"  SKIPPED: {skipped[fault.name]}" if fault.name in skipped else "")
        )
    return lines
