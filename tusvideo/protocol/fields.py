"""Header fields of tus and of HTTP, one ``parse_`` / ``build_`` pair each."""

from collections.abc import Sequence
from datetime import datetime

from multidict import CIMultiDictProxy


def parse_number(text: str, *, field: str) -> int:
    """Read a non-negative integer, strictly: one spelling per number, at most 2^63 - 1. Raises InvalidField."""
    raise NotImplementedError


def parse_expect(text: str | None) -> bool:
    """Tell whether the client waits for 100 Continue. Raises ExpectationFailed for anything else in the field."""
    raise NotImplementedError


def effective_method(method: str, headers: CIMultiDictProxy[str]) -> str:
    """Give the method that counts: X-HTTP-Method-Override in upper case if it is there and not empty, else ``method``.

    Raises MethodNotAllowed for a method that does not exist here, InvalidField when the field is repeated.
    """
    raise NotImplementedError


def is_content_type(value: str | None, expected: str) -> bool:
    """Compare media types: case does not matter, parameters are ignored; None is no type."""
    raise NotImplementedError


def parse_http_date(text: str, *, field: str) -> datetime:
    """Read an IMF-fixdate. Raises InvalidField."""
    raise NotImplementedError


def build_http_date(moment: datetime) -> str:
    """Write an IMF-fixdate; fractions of a second are cut off."""
    raise NotImplementedError


def build_timestamp(moment: datetime) -> str:
    """Write an RFC 3339 time in UTC with milliseconds, as the JSON answers have it."""
    raise NotImplementedError


def parse_idempotency_key(text: str) -> str:
    """Check an Idempotency-Key: 1 to 200 visible ASCII characters. Raises InvalidField."""
    raise NotImplementedError


def decode_text(raw: bytes, *, field: str) -> str:
    """Read the value of a form field as UTF-8. Raises InvalidField."""
    raise NotImplementedError


def allow(methods: Sequence[str]) -> tuple[str, str]:
    """Write an Allow field."""
    raise NotImplementedError
