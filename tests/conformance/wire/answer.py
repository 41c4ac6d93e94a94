"""An answer that a check asks about; whatever is not as expected becomes one sentence."""

import re
from dataclasses import dataclass
from typing import NoReturn, Self

from multidict import CIMultiDict

from tests.conformance.wire.connection import Message
from tests.conformance.wire.verdict import Failed

SHOWN = 120
"""Characters of a body or a field that a sentence repeats."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One final answer, and what it answers."""

    sent: str
    """What was sent, in words."""
    message: Message

    @property
    def status(self) -> int:
        """The status code."""
        return self.message.status

    @property
    def headers(self) -> CIMultiDict[str]:
        """The header fields."""
        return self.message.headers

    @property
    def body(self) -> bytes:
        """The body, free of its framing."""
        return self.message.body

    @property
    def interim(self) -> tuple[int, ...]:
        """The statuses of the interim answers before it."""
        return tuple(each.status for each in self.message.interim)

    @property
    def closes(self) -> bool:
        """True when it says that the connection ends here."""
        return self.headers.get("Connection", "").lower() == "close"

    def get(self, name: str) -> str | None:
        """Give a header field; several lines are one list."""
        found = self.headers.getall(name, [])
        return ", ".join(found) if found else None

    def number(self, name: str) -> int:
        """Give a header field that must be a number."""
        value = self.get(name)
        if value is None or not value.isascii() or not value.isdigit():
            self.fail(f"a number in {name}", got=f"{name}: {value}" if value is not None else f"no {name}")
        return int(value)

    def expect(self, *statuses: int) -> Self:
        """Fail unless the status is one of these."""
        if self.status not in statuses:
            self.fail(" or ".join(map(str, statuses)))
        return self

    def expect_refusal(self) -> Self:
        """Fail unless it is a 4xx."""
        if not 400 <= self.status < 500:
            self.fail("a 4xx")
        return self

    def expect_success(self) -> Self:
        """Fail unless it is a 2xx."""
        if not 200 <= self.status < 300:
            self.fail("a 2xx")
        return self

    def expect_field(self, name: str, value: str | None = None) -> Self:
        """Fail unless the header field is there, and has this value if one is given."""
        found = self.get(name)
        if found is None or (value is not None and found != value):
            wanted = name if value is None else f"{name}: {value}"
            self.fail(wanted, got=f"no {name}" if found is None else f"{name}: {found[:SHOWN]}")
        return self

    def expect_no_field(self, *names: str) -> Self:
        """Fail if one of these header fields is there."""
        for name in names:
            if (found := self.get(name)) is not None:
                self.fail(f"no {name}", got=f"{name}: {found[:SHOWN]}")
        return self

    def expect_match(self, name: str, pattern: str) -> Self:
        """Fail unless the whole of a header field fits a pattern."""
        found = self.get(name)
        if found is None or re.fullmatch(pattern, found, re.ASCII) is None:
            self.fail(f"{name} like {pattern}", got=f"{name}: {found}")
        return self

    def expect_word(self, name: str, word: str) -> Self:
        """Fail unless a header field that is a list has this member, whatever its case."""
        if word.lower() not in words(self.get(name)):
            self.fail(f"{word} in {name}", got=f"{name}: {self.get(name)}")
        return self

    def require(self, condition: object, expected: str, *, got: str | None = None) -> Self:
        """Fail unless a condition holds, which was not ours to word."""
        if not condition:
            self.fail(expected, got=got)
        return self

    def fail(self, expected: str, *, got: str | None = None) -> NoReturn:
        """Fail: this was expected, that came."""
        where = f" ({self.status})" if got is not None else ""
        came = clipped(got if got is not None else self.told)
        raise Failed(f"{self.sent}: expected {clipped(expected)}, got {came}{where}")

    @property
    def told(self) -> str:
        """The answer in few words."""
        told = [f"{self.status}"]
        if self.interim:
            told.append(f"after {', '.join(map(str, self.interim))}")
        if (offset := self.get("Upload-Offset")) is not None:
            told.append(f"with Upload-Offset: {offset}")
        if self.body and self.status >= 300:
            text = " ".join(self.body[:SHOWN].decode("utf-8", "replace").split())
            told.append(f"“{text}”")
        return " ".join(told)


def clipped(text: str) -> str:
    """Cut what is too long for a sentence."""
    return text if len(text) <= 2 * SHOWN else f"{text[: 2 * SHOWN]}…"


def words(value: str | None) -> frozenset[str]:
    """Split a header field that is a list; in lower case."""
    return frozenset(word.strip().lower() for word in (value or "").split(",") if word.strip())
