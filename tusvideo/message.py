"""HTTP heads as values: what a dialect reads and what it answers, without a socket."""

from dataclasses import dataclass, field
from typing import Final

from multidict import CIMultiDict, CIMultiDictProxy, MultiDict, MultiDictProxy

from tusvideo.errors import InvalidField


def _no_headers() -> CIMultiDictProxy[str]:
    return CIMultiDictProxy(CIMultiDict())


NO_QUERY: Final[MultiDictProxy[str]] = MultiDictProxy(MultiDict())
"""The query of a target that has none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestHead:
    """Method, raw path, query and header fields of a request; nothing of its body has been read."""

    method: str
    """Upper case, after X-HTTP-Method-Override was applied."""
    path: str
    """Raw: percent-encoding is kept, so that an encoded slash never becomes one."""
    headers: CIMultiDictProxy[str] = field(default_factory=_no_headers)
    query: MultiDictProxy[str] = field(default_factory=lambda: NO_QUERY)
    content_length: int | None = None
    """Bytes of the body; None when it is chunked or there is none (see has_body)."""
    has_body: bool = False

    def one(self, name: str) -> str | None:
        """Give the only value of a header field, or None when it is absent.

        Raises InvalidField when the field is repeated: two components might read two values.
        """
        value = self.headers.get(name)
        if value is not None and len(values := self.headers.getall(name)) > 1:
            raise InvalidField(name, expected="the field once", got=f"{len(values)} times")
        return value

    def one_query(self, name: str) -> str | None:
        """Give the only value of a query parameter, or None when it is absent; repeated raises InvalidField."""
        values = self.query.getall(name, [])
        if len(values) > 1:
            raise InvalidField(name, expected="the parameter once", got=f"{len(values)} times")
        return values[0] if values else None


@dataclass(frozen=True, slots=True, kw_only=True)
class ResponseHead:
    """Status, header fields and a short body of an answer. HEAD answers and 204 have an empty body."""

    status: int
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
