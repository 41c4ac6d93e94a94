"""G-01 to G-12: what must hold after every answer of every check.

G-06 (the stored bytes are those that were sent) is judged wherever a check looks at an upload, in ``target``.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from tests.conformance.wire.answer import Answer

if TYPE_CHECKING:
    from tests.conformance.wire.calls import Call
    from tests.conformance.wire.target import Target

_NUMBER: Final = re.compile(r"0|[1-9][0-9]*", re.ASCII)
METHODS: Final = frozenset({"DELETE", "HEAD", "PATCH", "POST"})
"""Those of tus that are always answered with a version."""
NUMBERS: Final = ("Upload-Offset", "Upload-Length", "Tus-Max-Size")
_SECRET: Final = re.compile(
    r"Traceback|(?<![A-Za-z])/(?:home|root|tmp|usr|var|srv|opt|data|etc|work)/\w"
    r"|\b[A-Z]\w*(?:Error|Exception)\b|\bE(?:NOENT|ACCES|EXIST|NOSPC|IO)\b|goroutine \d|\.(?:py|go|js|ts)\b:?\d*"
)
"""Paths, names of exceptions, stacks."""


@dataclass(slots=True)
class Memory:
    """What earlier answers told of each upload."""

    lengths: dict[str, int] = field(default_factory=dict)
    offsets: dict[str, int] = field(default_factory=dict)
    looked_at: int = 0
    """So often stored bytes were compared."""

    def forget(self, path: str) -> None:
        """Forget an upload."""
        self.lengths.pop(path, None)
        self.offsets.pop(path, None)


def judge(target: "Target", call: "Call", answer: Answer, *, allow: Sequence[int]) -> Iterator[tuple[str, str]]:
    """Give the invariants that an answer breaks, each with a sentence."""
    yield from _speaks(call, answer)
    yield from _numbers(target.memory, call, answer)
    if answer.status >= 500 and answer.status not in allow:
        yield "G-07", f"expected no 5xx, got {answer.told}"
    yield from _words(answer)
    yield from _frames(call, answer)
    if target.origin is not None and not call.bare and _asked_by(call, target.origin):
        granted = answer.get("Access-Control-Allow-Origin")
        if granted not in {target.origin, "*"}:
            yield "G-11", f"expected the CORS fields for {target.origin}, got Access-Control-Allow-Origin: {granted}"
    # On errors the protocol does not ask for it; our own answers have it there as well.
    told = call.method == "HEAD" or answer.get("Upload-Offset") is not None
    judged = is_head(call) and told and (200 <= answer.status < 300 or target.own is not None)
    if judged and "no-store" not in (answer.get("Cache-Control") or "").lower():
        yield "G-12", f"expected Cache-Control: no-store, got {answer.get('Cache-Control')} ({answer.status})"


def is_head(call: "Call") -> bool:
    """Tell whether a request asks where an upload stands, by its method or by an override."""
    override = next((line for line in call.fields if line.lower() == "x-http-method-override: head"), None)
    return (call.method == "HEAD" or override is not None) and call.path != call.target.collection


def _speaks(call: "Call", answer: Answer) -> Iterator[tuple[str, str]]:
    # A request that is no tus gets an answer that is none.
    if call.version is None or call.method not in METHODS or call.bare:
        return
    if answer.get("Tus-Resumable") != "1.0.0":
        yield "G-01", f"expected Tus-Resumable: 1.0.0, got {answer.get('Tus-Resumable')} ({answer.status})"


def _numbers(memory: Memory, call: "Call", answer: Answer) -> Iterator[tuple[str, str]]:
    for name in NUMBERS:
        value = answer.get(name)
        if value is not None and _NUMBER.fullmatch(value) is None:
            yield "G-02", f"expected a plain number in {name}, got {value}"
            return
    offset, length = answer.get("Upload-Offset"), answer.get("Upload-Length")
    if length is not None and is_head(call):
        known = memory.lengths.setdefault(call.path, int(length))
        if known != int(length):
            yield "G-04", f"expected Upload-Length: {known} as before, got {length}"
    told = memory.lengths.get(call.path) if length is None else int(length)
    if offset is not None and told is not None and int(offset) > told:
        yield "G-03", f"expected an offset within the length {told}, got {offset}"
    if offset is not None and is_head(call) and answer.status < 300:
        before = memory.offsets.get(call.path, 0)
        memory.offsets[call.path] = int(offset)
        if int(offset) < before:
            yield "G-05", f"expected an offset of {before} or more as before, got {offset}"


def _words(answer: Answer) -> Iterator[tuple[str, str]]:
    if answer.status < 400:
        return
    found = _SECRET.search(answer.body.decode("utf-8", "replace"))
    if found is not None:
        yield "G-08", f"expected no path, exception or stack in the body, got “{found[0]}” in {answer.told}"


def _frames(call: "Call", answer: Answer) -> Iterator[tuple[str, str]]:
    if answer.status == 204 and (length := answer.get("Content-Length")) is not None:
        yield "G-09", f"expected no Content-Length in a 204, got {length}"
    surplus = answer.message.surplus
    if not surplus:
        return
    shown = surplus[:60]
    if call.method == "HEAD" or answer.status == 204:
        yield "G-09", f"expected no body, got {shown!r} behind the head"
    else:
        yield "G-10", f"expected one answer, got {shown!r} behind it"


def _asked_by(call: "Call", origin: str) -> bool:
    told = [line.partition(":")[2].strip() for line in call.fields if line.lower().startswith("origin:")]
    return told in ([], [origin])
