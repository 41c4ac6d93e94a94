"""Asking the checks, one after the other, and what became of each."""

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace

from tests.conformance.wire import ietf, tus
from tests.conformance.wire.catalogue import CHECKS, ELSEWHERE, Check
from tests.conformance.wire.target import Target
from tests.conformance.wire.verdict import Failed, Level, NotApplicable, Result, Verdict

INVARIANTS: dict[str, tuple[Level, str]] = {
    "G-01": (Level.MUST, "Every answer in tus carries Tus-Resumable: 1.0.0, also refusals."),
    "G-02": (Level.MUST, "Upload-Offset, Upload-Length and Tus-Max-Size are plain numbers."),
    "G-03": (Level.MUST, "The offset lies between 0 and the length at all times."),
    "G-04": (Level.MUST, "A length that was told once never changes."),
    "G-05": (Level.OURS, "The offset never goes down from one HEAD to the next."),
    "G-06": (Level.MUST, "The stored bytes up to the offset are those that were sent."),
    "G-07": (Level.OURS, "No input, however malformed, gives a 5xx."),
    "G-08": (Level.OURS, "Bodies of errors hold no path, no text of an exception and no stack."),
    "G-09": (Level.HTTP, "204 has neither body nor Content-Length, and answers to HEAD have no body."),
    "G-10": (Level.HTTP, "Nothing stands behind an answer that nobody asked for."),
    "G-11": (Level.OURS, "Every answer to a page that is allowed has the CORS fields, errors too."),
    "G-12": (Level.MUST, "Every answer to HEAD has Cache-Control: no-store."),
}
"""What is judged after every answer; broken, it counts once, whatever check it was that saw it."""
IMPORTED = (tus, ietf)
"""Importing the two enters the checks."""


def chosen(suites: Iterable[str], only: str | None = None) -> list[Check]:
    """Give the checks of these suites in the order of their ids; ``only`` is the beginning of an id, or several."""
    wanted = tuple(only.split(",")) if only else ("",)
    found = [check for check in CHECKS.values() if check.suite in suites]
    return sorted((check for check in found if _fits(check.id, wanted)), key=lambda check: sort_key(check.id))


def sort_key(id_: str) -> tuple[str, int]:
    """Order ids as a reader counts."""
    letter, _, number = id_.rpartition("-")
    return letter, int(number)


def refuse(check: Check, target: Target) -> tuple[Result, str] | None:
    """Tell why a check is not asked of a server, None if it is."""
    if check.inside and target.own is None:
        return Result.NEEDS_INSIDE, "only our own server can be looked into"
    if check.suite == "ietf" and target.interop is None:
        return Result.NOT_ANNOUNCED, "the IETF draft is not spoken"
    if check.extension is not None and check.extension not in target.announced:
        return Result.NOT_ANNOUNCED, f"{check.extension} is not announced"
    return None


def ask(check: Check, target: Target) -> Verdict:
    """Ask one check; the broken invariants stay with the target."""
    verdict = Verdict(id=check.id, level=check.level, result=Result.PASSED, rule=check.rule)
    if (refused := refuse(check, target)) is not None:
        return replace(verdict, result=refused[0], why=refused[1])
    if target.own is not None:
        target.own.revive()
    began = time.monotonic()
    try:
        check.ask(target)
    except NotApplicable as reason:
        result = Result.NOT_ANNOUNCED if str(reason).endswith("not announced") else Result.NOT_APPLICABLE
        verdict = replace(verdict, result=result, why=str(reason))
    except (Failed, OSError) as failure:
        verdict = replace(verdict, result=Result.FAILED, why=" ".join(str(failure).split()))
    finally:
        target.hang_up()
    return replace(verdict, seconds=time.monotonic() - began)


def ask_all(
    checks: Iterable[Check],
    target_for: Callable[[Check], Target],
    ask_one: Callable[[Check], Verdict] | None = None,
) -> Iterator[Verdict]:
    """Ask them all, then tell what became of the invariants. ``ask_one`` asks in another way than ``ask`` does."""
    broken: dict[str, str] = {}
    suites: set[str] = set()
    targets: list[Target] = []
    for check in checks:
        target = target_for(check)
        targets.append(target)
        yield ask(check, target) if ask_one is None else ask_one(check)
        suites.add(check.suite)
        for id_, sentence in target.violations.items():
            broken.setdefault(id_, f"in {check.id}, {sentence}")
        target.violations.clear()
    if "tus" in suites:
        unseen = set()
        if not any(target.memory.looked_at for target in targets):
            unseen.add("G-06")
        if not any(target.origin for target in targets):
            unseen.add("G-11")
        yield from _invariants(broken, unseen)


def not_asked(suites: Iterable[str]) -> Iterator[Verdict]:
    """Give the items that other tests ask."""
    for item in ELSEWHERE.values():
        if ("ietf" if item.id.isdigit() else "tus") in suites:
            result = Result.ELSEWHERE if item.tests else Result.NOT_APPLICABLE
            why = f"{item.why} ({', '.join(item.tests)})" if item.tests else item.why
            yield Verdict(id=item.id, level=item.level, result=result, rule=item.why, why=why)


def _invariants(broken: dict[str, str], unseen: set[str]) -> Iterator[Verdict]:
    for id_, (level, rule) in INVARIANTS.items():
        result, why = Result.PASSED, ""
        if id_ in broken:
            result, why = Result.FAILED, broken[id_]
        elif id_ in unseen:
            result, why = Result.NOT_APPLICABLE, "nothing that came has shown it"
        yield Verdict(id=id_, level=level, result=result, rule=rule, why=why)


def _fits(id_: str, wanted: tuple[str, ...]) -> bool:
    return any(id_ == each or (not each[-1:].isdigit() and id_.startswith(each)) for each in wanted)
