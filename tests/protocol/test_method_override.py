"""X-HTTP-Method-Override (group M): the overriding method counts, whatever the real one is."""

import pytest

from tests.protocol.heads import headers
from tusvideo.errors import InvalidField, MethodNotAllowed
from tusvideo.protocol.fields import METHODS, effective_method

OVERRIDE = "X-HTTP-Method-Override"


@pytest.mark.parametrize(
    ("real", "value", "effective"),
    [
        pytest.param("POST", "PATCH", "PATCH", id="M-01: POST as PATCH"),
        pytest.param("POST", "DELETE", "DELETE", id="M-02: POST as DELETE"),
        pytest.param("GET", "HEAD", "HEAD", id="M-03: GET as HEAD"),
        pytest.param("PUT", "HEAD", "HEAD", id="M-03: PUT as HEAD"),
        pytest.param("PATCH", "DELETE", "DELETE", id="M-04: PATCH as DELETE"),
        pytest.param("POST", "patch", "PATCH", id="M-06: lower case"),
        pytest.param("POST", " PATCH ", "PATCH", id="M-06: spaces around"),
        pytest.param("POST", "", "POST", id="M-09: empty is ignored"),
        pytest.param("POST", "  ", "POST", id="M-09: blank is ignored"),
    ],
)
def test_the_override_counts(real: str, value: str, effective: str) -> None:
    """M-01 to M-04, M-06, M-09: the field wins over any real method unless it is empty."""
    assert effective_method(real, headers((OVERRIDE, value))) == effective


def test_without_the_field_the_real_method_counts() -> None:
    """A method that nobody knows is the router's business as long as nothing overrides it."""
    assert effective_method("BREW", headers()) == "BREW"


@pytest.mark.parametrize("value", ["FOO", "PATCH, DELETE", "PATCH\x00", "CONNECT", "ＰＡＴＣＨ", "x" * 10_000])
def test_unknown_methods_are_refused(value: str) -> None:
    """M-05: an unknown method is MethodNotAllowed and the error lists those that exist."""
    with pytest.raises(MethodNotAllowed) as caught:
        effective_method("POST", headers((OVERRIDE, value)))
    assert caught.value.allowed == METHODS


def test_a_repeated_field_is_refused() -> None:
    """S-04: two components could read two methods."""
    with pytest.raises(InvalidField, match="2 times"):
        effective_method("POST", headers((OVERRIDE, "PATCH"), (OVERRIDE, "DELETE")))
