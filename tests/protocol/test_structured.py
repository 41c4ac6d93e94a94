"""Structured fields (RFC 9651) as the IETF dialect needs them; IETF tests 1 to 9 of the fact sheet."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tusvideo.protocol import structured

INTEGERS = ["5", "0", "0005", " 5 ", "5;x=1", "5;x", "-0", "999999999999999", '5;a="b";c=?0']
BOOLEANS = ["?1", "?0", " ?1", "?1;foo=bar"]
DICTIONARIES = ["sha-256=:YQ==:", "sha-256=:YQ==:, sha-512=:Yg==:;x", "a=:YQ:"]


@pytest.mark.parametrize(("text", "value"), [*zip(INTEGERS, [5, 0, 5, 5, 5, 5, 0, 10**15 - 1, 5], strict=True)])
def test_integers(text: str, value: int) -> None:
    """IETF 9: digits, 15 at most, leading zeros and parameters allowed."""
    assert structured.parse_integer([text]) == value


@pytest.mark.parametrize(
    "text",
    [
        "",
        "-1",
        "+5",
        "5.0",
        "5,6",
        "5 6",
        '"5"',
        "5;",
        "abc",
        "?1",
        "9999999999999999",
        "5\t",
        "٥",
        ":NQ==:",
        "@5",
        "5e1",
    ],
)
def test_what_is_no_integer_is_as_if_absent(text: str) -> None:
    """IETF 4, 5, 7, 8: any other value, of another type, negative or too long, makes the field unusable."""
    assert structured.parse_integer([text]) is None


def test_a_field_that_comes_twice_is_no_item() -> None:
    """IETF 6: lines of one name are one list, and a list is no Item."""
    assert structured.parse_integer(["5", "5"]) is None
    assert structured.parse_boolean(["?1", "?1"]) is None
    assert structured.parse_integer([]) is None
    assert structured.parse_boolean([]) is None


@pytest.mark.parametrize(("text", "value"), [*zip(BOOLEANS, [True, False, True, True], strict=True)])
def test_booleans(text: str, value: bool) -> None:
    """IETF 1: ?1 and ?0; parameters are ignored."""
    assert structured.parse_boolean([text]) is value


@pytest.mark.parametrize("text", ["", "true", "1", "0", "?2", "?", "?1?", "yes", "?1;", "(?1)"])
def test_what_is_no_boolean_is_as_if_absent(text: str) -> None:
    """IETF 2, 3: nothing else says whether an upload is complete."""
    assert structured.parse_boolean([text]) is None


def test_dictionaries() -> None:
    """Lines are joined, the last of equal keys counts, parameters are ignored, none are an empty one."""
    assert structured.parse_dictionary(["a=1", "b=2;x", "a=3"], int) == {"a": 3, "b": 2}
    assert structured.parse_dictionary([], int) == {}


@pytest.mark.parametrize("text", ["a", "a=?1", "a=(1 2)", 'a="1"', "A=1", "a=1,", "a=1 b=2", "=1", "a=1.5"])
def test_a_dictionary_is_of_one_kind(text: str) -> None:
    """One member of another type, and the field says nothing."""
    assert structured.parse_dictionary([text], int) is None


def test_round_trips() -> None:
    """IETF 10: what is written is read back."""
    assert structured.build_boolean(True) == "?1"
    assert structured.build_boolean(False) == "?0"
    assert structured.parse_dictionary([structured.build_dictionary({"a": 1, "b": 0})], int) == {"a": 1, "b": 0}
    assert structured.parse_dictionary([structured.build_dictionary({"a": b"\x00\xff"})], bytes) == {"a": b"\x00\xff"}


def test_numbers_that_do_not_fit_are_cut() -> None:
    """IETF 10: an Integer has 15 digits; a limit above that limits nothing."""
    assert structured.build_dictionary({"max-size": 2**63}) == "max-size=999999999999999"


@pytest.mark.parametrize("text", [*INTEGERS, *BOOLEANS, *DICTIONARIES])
def test_every_truncation_is_read_or_not(text: str) -> None:
    """A field that was cut anywhere is some value or none; nothing is raised."""
    for end in range(len(text)):
        structured.parse_integer([text[:end]])
        structured.parse_boolean([text[:end]])
        structured.parse_dictionary([text[:end]], bytes)


@given(st.lists(st.text(max_size=40), max_size=3))
def test_any_text_is_read_or_not(lines: list[str]) -> None:
    """Whatever comes, nothing is raised."""
    number = structured.parse_integer(lines)
    assert number is None or 0 <= number <= structured.MAX_INTEGER
    assert structured.parse_boolean(lines) in {None, True, False}
    structured.parse_dictionary(lines, int)


@given(st.lists(st.text(alphabet='0123456789?;:=,. abzA-Z"()@%\\\t*/_+', max_size=20), max_size=2))
def test_any_text_of_the_grammars_letters_is_read_or_not(lines: list[str]) -> None:
    """As above, nearer to what is meant."""
    structured.parse_integer(lines)
    structured.parse_boolean(lines)
    structured.parse_dictionary(lines, bytes)
