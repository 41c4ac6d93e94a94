"""Ask any server whether it keeps the rules.

    python -m tests.conformance.wire [URL] [--only V,P-04] [--suite tus|ietf] [--all]

URL is the address to which uploads are created, such as http://127.0.0.1:1080/files/. Without it our own server is
started, with each of the settings that checks need. Prints a table for each protocol, then each failure in a sentence.
Exit codes: 0 no failure, 1 some, 2 the server cannot be asked at all.
"""

import argparse
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from tests.conformance.wire import peers, report, run
from tests.conformance.wire.catalogue import Check
from tests.conformance.wire.houses import Houses
from tests.conformance.wire.target import Target
from tests.conformance.wire.verdict import Failed, Result, Verdict

SUITES = ("tus", "ietf")


def main() -> int:
    """Read the arguments, ask, print."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.conformance.wire", description=(__doc__ or "").split("\n")[0]
    )
    parser.add_argument("url", nargs="?", help="address to which uploads are created; default: a server of our own")
    parser.add_argument("--only", help="ids, or what they begin with, with commas: V,P-04")
    parser.add_argument("--suite", choices=SUITES, help="only this protocol")
    parser.add_argument("--all", action="store_true", help="tell also why items were not asked")
    parser.add_argument("--slow", action="store_true", help="tell which checks took longest")
    parser.add_argument("--peers", action="store_true", help="ask the servers of others too, and print one table")
    parser.add_argument(
        "--folder", type=Path, default=Path(".bench"), help="where those are installed (default: .bench)"
    )
    arguments = parser.parse_args()
    suites = SUITES if arguments.suite is None else (arguments.suite,)
    checks = run.chosen(suites, arguments.only)
    if arguments.peers:
        with tempfile.TemporaryDirectory(prefix="conformance-") as folder:
            cache = arguments.folder.resolve() / "peers"
            common = [check for check in checks if check.suite == "tus"]  # none of the others speaks the draft
            print("\n".join(peers.table(common, folder=Path(folder), cache=cache, tell=arguments.all)))
        return 0
    try:
        if arguments.url:
            target = Target(url=arguments.url)
            target.discover()
            verdicts = _ask(checks, lambda _: target)
        else:
            with Houses() as houses:
                verdicts = _ask(checks, lambda check: houses.target(check.house))
    except (Failed, OSError) as error:
        print(f"the server cannot be asked: {error}", file=sys.stderr)
        return 2
    if not arguments.only:
        verdicts += run.not_asked(suites)
    print("\n".join(report.tables(verdicts)))
    if arguments.all:
        print("\n".join(report.reasons(verdicts)))
    if arguments.slow:
        for verdict in sorted(verdicts, key=lambda verdict: -verdict.seconds)[:15]:
            print(f"{verdict.seconds:6.2f} s  {verdict.id}  {verdict.rule}")
    return int(any(verdict.result is Result.FAILED for verdict in verdicts))


def _ask(checks: list[Check], target_for: Callable[[Check], Target]) -> list[Verdict]:
    verdicts = []
    for number, verdict in enumerate(run.ask_all(checks, target_for), 1):
        if sys.stderr.isatty():
            print(f"\r{number}/{len(checks)} {verdict.id:8}", end="", file=sys.stderr, flush=True)
        verdicts.append(verdict)
    if sys.stderr.isatty():
        print("\r" + " " * 30 + "\r", end="", file=sys.stderr)
    return verdicts


if __name__ == "__main__":
    sys.exit(main())
