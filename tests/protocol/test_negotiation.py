"""Forms of the same thing: who gets a page, and who gets it compressed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tusvideo.protocol.negotiation import choose_coding, wants_page

BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8"


@pytest.mark.parametrize(
    ("accept", "page"),
    [
        ([BROWSER], True),
        (["text/html"], True),
        (["TEXT/HTML;charset=utf-8; q=0.1"], True),
        (["application/json", "text/html"], True),
        ([], False),
        ([""], False),
        (["*/*"], False),
        (["text/*"], False),
        (["application/json"], False),
        (["text/html;q=0"], False),
        (["text/html;q=2"], False),
        (["text/html;q=high"], False),
    ],
)
def test_who_names_html_gets_a_page(accept: list[str], page: bool) -> None:
    """RFC 9110 §12.5.1: browsers name text/html; curl and programs, which say */* or nothing, get text."""
    assert wants_page(accept) is page


@pytest.mark.parametrize(
    ("accept", "coding"),
    [
        (["gzip, deflate, br, zstd"], "br"),
        (["gzip, deflate"], "gzip"),
        (["GZIP"], "gzip"),
        (["gzip", "br"], "br"),
        (["br;q=0, gzip;q=0.5"], "gzip"),
        (["br;q=0.001"], "br"),
        (["*"], "br"),
        (["*, br;q=0"], "gzip"),
        (["*;q=0"], "identity"),
        (["identity"], "identity"),
        (["br;q=nine"], "identity"),
        ([], "identity"),
        ([""], "identity"),
    ],
)
def test_the_smallest_form_that_is_taken(accept: list[str], coding: str) -> None:
    """RFC 9110 §12.5.3: weight 0 is "not that one", a star stands for what is not named."""
    assert choose_coding(accept, offered=("br", "gzip")) == coding


def test_what_is_not_offered_is_not_chosen() -> None:
    """A picture that does not shrink has no compressed form."""
    assert choose_coding(["br, gzip"], offered=()) == "identity"


@given(st.lists(st.text()))
def test_any_text_is_read(values: list[str]) -> None:
    """Whatever comes, something is sent."""
    assert wants_page(values) in {True, False}
    assert choose_coding(values, offered=("br", "gzip")) in {"br", "gzip", "identity"}
