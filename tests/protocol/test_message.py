"""Request heads: a field is read once or not at all."""

import pytest

from tests.protocol.heads import head
from tusvideo.errors import InvalidField
from tusvideo.message import RequestHead


def test_a_bare_head_has_no_fields() -> None:
    """A head that is made of a method and a path has neither fields nor query."""
    bare = RequestHead(method="GET", path="/")
    assert (bare.one("Host"), bare.one_query("limit")) == (None, None)


def test_a_single_value_is_given() -> None:
    """Names of fields compare without case, names of parameters with."""
    request = head("GET", ("Host", "a"), query=[("limit", "5")])
    assert (request.one("host"), request.one_query("limit"), request.one_query("Limit")) == ("a", "5", None)


def test_repeated_values_are_refused() -> None:
    """S-04: of two values nobody knows which one counts, so the first is never taken silently."""
    request = head("GET", ("Host", "a"), ("host", "a"), query=[("limit", "5"), ("limit", "5")])
    with pytest.raises(InvalidField, match="Host cannot be used: expected the field once, got '2 times'"):
        request.one("Host")
    with pytest.raises(InvalidField, match="limit cannot be used: expected the parameter once, got '2 times'"):
        request.one_query("limit")
