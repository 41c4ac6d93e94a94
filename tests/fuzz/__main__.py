"""Readers of foreign texts under a fuzzer that sees which branches it takes.

    python -m tests.fuzz [--seconds 60] [--corpus .fuzz] [--only NAME,…]

Each reader runs for its share of the time, in a process of its own, from what earlier runs found (kept in the corpus
folder, which git ignores). Anything but a value or a refusal is a finding: the input that did it is left in the corpus
folder as crash-…, the text of it is printed, and the exit code is 1.
"""

import argparse
import subprocess
import sys
from pathlib import Path
from typing import Final

import atheris

with atheris.instrument_imports(include=["tusvideo", "multipart"]):
    from tests.fuzz.readers import READERS

LONGEST: Final = 4096
"""Bytes of an input; longer ones take the same branches."""
HANGS_SECONDS: Final = 5
MEMORY_MIB: Final = 2048


def fuzz(name: str, *, corpus: Path, seconds: int) -> None:
    """Attack one reader in this process; does not return."""
    reader = READERS[name]
    folder = corpus / name.replace(" ", "-")
    folder.mkdir(parents=True, exist_ok=True)
    for number, seed in enumerate(reader.seeds):
        (folder / f"seed-{number}").write_bytes(seed)
    options = [
        f"-max_total_time={seconds}",
        f"-max_len={LONGEST}",
        f"-timeout={HANGS_SECONDS}",
        f"-rss_limit_mb={MEMORY_MIB}",
        f"-artifact_prefix={corpus}/crash-{folder.name}-",
        "-print_final_stats=1",
        "-verbosity=0",
    ]
    atheris.Setup([sys.argv[0], *options, str(folder)], reader.attack)
    atheris.Fuzz()


def main() -> int:
    """Read the arguments, attack one reader after the other, tell what was found."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description="Readers under a coverage-guided fuzzer.")
    parser.add_argument("--seconds", type=int, default=60, help="for all readers together (default: 60)")
    parser.add_argument("--corpus", type=Path, default=Path(".fuzz"), help="what earlier runs found (default: .fuzz)")
    parser.add_argument("--only", default=",".join(READERS), help="readers, with commas (default: all)")
    parser.add_argument("--one", help=argparse.SUPPRESS)  # for the processes that this one starts
    arguments = parser.parse_args()
    corpus = arguments.corpus.resolve()
    if arguments.one is not None:
        fuzz(arguments.one, corpus=corpus, seconds=arguments.seconds)
    names = [name for name in arguments.only.split(",") if name]
    if unknown := [name for name in names if name not in READERS]:
        parser.error(f"expected some of {', '.join(READERS)}, got {', '.join(unknown)}")
    share = max(arguments.seconds // len(names), 1)
    failed = [name for name in names if not _survives(name, corpus=corpus, seconds=share)]
    print(f"{len(names)} readers, {share} s each: {len(failed)} findings{': ' if failed else ''}{', '.join(failed)}")
    return 1 if failed else 0


def _survives(name: str, *, corpus: Path, seconds: int) -> bool:
    words = [sys.executable, "-m", "tests.fuzz", "--one", name, "--corpus", str(corpus), "--seconds", str(seconds)]
    ran = subprocess.run(words, check=False, capture_output=True, text=True, errors="replace")
    runs = next((line for line in ran.stderr.splitlines() if "number_of_executed_units" in line), "none told")
    print(
        f"{name:24} {runs.rpartition(':')[2].strip():>10} inputs  {'ok' if ran.returncode == 0 else 'FOUND'}",
        flush=True,
    )
    if ran.returncode:
        print(ran.stdout[-3000:], ran.stderr[-3000:], sep="\n")
    return ran.returncode == 0


if __name__ == "__main__":
    sys.exit(main())
