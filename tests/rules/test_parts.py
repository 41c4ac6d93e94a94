"""rules.parts: where parts lie, and which facts agree."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.rules.samples import (
    ANNA,
    ID,
    LIMITS,
    NOW,
    VIDEOS,
    a_part,
    an_upload,
    an_upload_in_parts,
)
from tusvideo.errors import (
    AlreadyComplete,
    Expired,
    FactConflict,
    InvalidField,
    NotFound,
    TooLarge,
    TusvideoError,
    UnsupportedType,
    WrongProtocol,
)
from tusvideo.model import Part, Status
from tusvideo.rules import parts as rules
from tusvideo.rules.parts import PartFacts


@pytest.mark.parametrize(
    ("facts", "index", "position", "exact"),
    [
        (PartFacts(total=1), 0, 0, None),
        (PartFacts(total=1, length=70), 0, 0, 70),
        (PartFacts(total=3), 0, None, None),
        (PartFacts(total=3, size=100), 0, 0, 100),
        (PartFacts(total=3, size=100), 1, 100, 100),
        (PartFacts(total=3, size=100), 2, 200, None),
        (PartFacts(total=3, length=250), 2, None, None),
        (PartFacts(total=3, size=100, length=250), 2, 200, 50),
    ],
)
def test_where_a_part_lies_and_how_long_it_is(
    facts: PartFacts, index: int, position: int | None, exact: int | None
) -> None:
    """As far as the facts tell."""
    assert (facts.position(index), facts.exact_size(index)) == (position, exact)


def test_the_facts_of_an_upload_in_parts() -> None:
    """They stand in its row; another protocol has none."""
    assert rules.facts_of(an_upload_in_parts(part_size=5, length=12)) == PartFacts(total=3, size=5, length=12)
    with pytest.raises(WrongProtocol):
        rules.facts_of(an_upload())


@pytest.mark.parametrize(
    ("stored", "told", "merged"),
    [
        (PartFacts(total=3), PartFacts(total=3), PartFacts(total=3)),
        (PartFacts(total=3, size=5), PartFacts(total=3), PartFacts(total=3, size=5)),
        (PartFacts(total=3), PartFacts(total=3, size=5, length=12), PartFacts(total=3, size=5, length=12)),
        (PartFacts(total=3, length=12), PartFacts(total=3, length=12), PartFacts(total=3, length=12)),
    ],
)
def test_facts_are_put_together(stored: PartFacts, told: PartFacts, merged: PartFacts) -> None:
    """What either knows."""
    assert rules.merge(stored, told) == merged


@pytest.mark.parametrize(
    ("told", "field"),
    [
        (PartFacts(total=4, size=5, length=12), "totalChunks"),
        (PartFacts(total=3, size=6, length=12), "chunkSize"),
        (PartFacts(total=3, size=5, length=13), "fileSize"),
    ],
)
def test_facts_never_change(told: PartFacts, field: str) -> None:
    """The first contradiction is named."""
    with pytest.raises(FactConflict) as caught:
        rules.merge(PartFacts(total=3, size=5, length=12), told)
    assert caught.value.field == field


@pytest.mark.parametrize(
    ("facts", "error"),
    [
        (PartFacts(total=3, length=10_001), TooLarge),
        (PartFacts(total=3, length=0), UnsupportedType),
        (PartFacts(total=3, size=5_000), TooLarge),
        (PartFacts(total=3, length=2), InvalidField),
        (PartFacts(total=3, size=5, length=10), InvalidField),
        (PartFacts(total=3, size=5, length=16), InvalidField),
        (PartFacts(total=1, size=5, length=6), InvalidField),
    ],
)
def test_facts_that_no_file_has_are_refused(facts: PartFacts, error: type[TusvideoError]) -> None:
    """Too large, empty, or a count that does not fit."""
    with pytest.raises(error):
        rules.check(facts, profile=VIDEOS)


@pytest.mark.parametrize(
    "facts",
    [
        PartFacts(total=3, length=10_000),
        PartFacts(total=3, size=4_999),
        PartFacts(total=3, length=3),
        PartFacts(total=3, size=5, length=11),
        PartFacts(total=3, size=5, length=15),
        PartFacts(total=1, size=5, length=2),
    ],
)
def test_facts_that_a_file_may_have_are_taken(facts: PartFacts) -> None:
    """Up to the limit, and whatever is open."""
    rules.check(facts, profile=VIDEOS)


@pytest.mark.parametrize(
    ("facts", "index", "size", "learned"),
    [
        pytest.param(PartFacts(total=3), 0, 5, PartFacts(total=3, size=5), id="a full part"),
        pytest.param(PartFacts(total=3, size=5), 1, 5, PartFacts(total=3, size=5), id="another full part"),
        pytest.param(PartFacts(total=1), 0, 5, PartFacts(total=1, length=5), id="the only part"),
        pytest.param(PartFacts(total=3, size=5), 2, 2, PartFacts(total=3, size=5, length=12), id="the last part"),
        pytest.param(PartFacts(total=3), 2, 2, PartFacts(total=3), id="the last part alone"),
        pytest.param(
            PartFacts(total=3, length=12), 2, 2, PartFacts(total=3, size=5, length=12), id="the last and the length"
        ),
        pytest.param(
            PartFacts(total=3, length=15), 2, 5, PartFacts(total=3, size=5, length=15), id="a last part that is full"
        ),
    ],
)
def test_a_part_teaches(facts: PartFacts, index: int, size: int, learned: PartFacts) -> None:
    """Its size tells what was open."""
    assert rules.learn(facts, index=index, size=size, profile=VIDEOS) == learned


@pytest.mark.parametrize(
    ("facts", "index", "size", "error"),
    [
        pytest.param(PartFacts(total=3), 0, 0, InvalidField, id="empty"),
        pytest.param(PartFacts(total=3, size=5), 0, 4, InvalidField, id="short"),
        pytest.param(PartFacts(total=3, size=5), 2, 6, InvalidField, id="last larger than the others"),
        pytest.param(PartFacts(total=3, size=5, length=12), 2, 3, FactConflict, id="last other than fileSize leaves"),
        pytest.param(PartFacts(total=3, length=13), 2, 2, InvalidField, id="others not equal"),
        pytest.param(PartFacts(total=3, length=12), 2, 6, InvalidField, id="others smaller than the last"),
        pytest.param(PartFacts(total=3, length=12), 2, 12, InvalidField, id="nothing left for the others"),
        pytest.param(PartFacts(total=1, length=5), 0, 6, FactConflict, id="the only part other than fileSize"),
        pytest.param(PartFacts(total=3), 0, 5_000, TooLarge, id="others too large together"),
        pytest.param(PartFacts(total=3, length=12), 0, 3, InvalidField, id="a size that needs another count"),
    ],
)
def test_a_part_that_cannot_be_is_refused(facts: PartFacts, index: int, size: int, error: type[TusvideoError]) -> None:
    """Its own size, or what follows from it, contradicts what is known."""
    with pytest.raises(error):
        rules.learn(facts, index=index, size=size, profile=VIDEOS)


@given(length=st.integers(1, 10_000), size=st.integers(1, 10_000), data=st.data())
def test_any_order_of_any_cut_teaches_the_truth(length: int, size: int, data: st.DataObject) -> None:
    """Whatever order the parts of a file come in, no fact learned is ever wrong and none is refused."""
    total = -(-length // size)
    true_size = size if total > 1 else None
    facts = PartFacts(total=total)
    order = data.draw(st.permutations(range(min(total, 6))))
    for index in [*order, total - 1]:
        own = size if index < total - 1 else length - (total - 1) * size
        facts = rules.learn(facts, index=index, size=own, profile=VIDEOS)
        assert facts.size in {None, true_size}
        assert facts.length in {None, length}
        assert facts.exact_size(index) in {None, own}
        assert facts.position(index) in {None, index * size}


@pytest.mark.parametrize(
    ("facts", "index", "most"),
    [
        (PartFacts(total=3), 0, 1000),
        (PartFacts(total=3, size=100), 2, 100),
        (PartFacts(total=3, size=100, length=250), 2, 50),
        (PartFacts(total=3, size=2000), 0, 1000),
        (PartFacts(total=3, size=2000), 2, 1000),
        (PartFacts(total=1, length=9000), 0, 1000),
    ],
)
def test_a_part_is_read_up_to_its_bound(facts: PartFacts, index: int, most: int) -> None:
    """Its own size if that is known, and never beyond the limit of a part."""
    assert rules.most_bytes(facts, index=index, profile=VIDEOS, limits=LIMITS) == most


def test_a_part_is_never_larger_than_the_file() -> None:
    """A small limit of the file bounds its parts, too."""
    small = replace(VIDEOS, max_length=30)
    assert rules.most_bytes(PartFacts(total=3), index=0, profile=small, limits=LIMITS) == 30


def test_a_last_part_waits_beyond_the_largest_file() -> None:
    """Where no other part of a file that is taken can lie."""
    assert rules.parking_position(profile=VIDEOS) == 10_000


def test_the_first_request_begins_an_upload() -> None:
    """With the facts that it tells."""
    command = a_part(part_size=5, length=12)
    upload = rules.new_parts_upload(command, profile=VIDEOS, limits=LIMITS, owner=ANNA, upload_id=ID, now=NOW)
    assert upload == an_upload_in_parts(part_size=5, length=12, client_key="key")
    with pytest.raises(TooLarge):
        rules.new_parts_upload(a_part(length=10_001), profile=VIDEOS, limits=LIMITS, owner=ANNA, upload_id=ID, now=NOW)


def judged(upload: dict[str, Any], command: dict[str, Any]) -> Any:
    """Judge a part against a session."""
    return rules.judge_part(an_upload_in_parts(**upload), a_part(**command), profile=VIDEOS)


def test_a_request_adds_its_facts() -> None:
    """The session with them is given back; without new ones it is the same."""
    assert judged({}, {"part_size": 5}) == an_upload_in_parts(part_size=5)
    assert judged({"part_size": 5}, {"part_size": 5}) == an_upload_in_parts(part_size=5)


@pytest.mark.parametrize("status", [Status.FINALIZING, Status.COMPLETE])
def test_past_being_open_nothing_is_added(status: Status) -> None:
    """The part can be compared, new facts cannot be told."""
    assert judged({"status": status}, {}).status is status
    with pytest.raises(AlreadyComplete):
        judged({"status": status}, {"part_size": 5})


@pytest.mark.parametrize(
    ("upload", "command", "error"),
    [
        ({"status": Status.FAILED}, {}, NotFound),
        ({"status": Status.EXPIRED}, {}, Expired),
        ({"profile": "video"}, {}, FactConflict),
        ({}, {"total_parts": 4}, FactConflict),
        ({}, {"part_size": 5000}, TooLarge),
    ],
)
def test_a_part_that_does_not_belong_is_refused(
    upload: dict[str, Any], command: dict[str, Any], error: type[TusvideoError]
) -> None:
    """Gone, late, elsewhere, or contradicting."""
    with pytest.raises(error):
        judged(upload, command)


def some_parts(*indexes: int) -> list[Part]:
    """Parts of five bytes in their places."""
    return [Part(index=index, size=5, position=5 * index) for index in indexes]


def test_the_whole_is_what_is_stored() -> None:
    """And must be what fileSize told."""
    assert rules.whole_length(PartFacts(total=3), stored=15) == 15
    assert rules.whole_length(PartFacts(total=3, length=15), stored=15) == 15
    with pytest.raises(FactConflict):
        rules.whole_length(PartFacts(total=3, length=14), stored=15)


@pytest.mark.parametrize(
    ("stored", "missing", "runs"),
    [
        ((), ((0, 5),), ()),
        ((0, 1, 2, 3, 4, 5), (), ((0, 5),)),
        ((0, 1, 4), ((2, 3), (5, 5)), ((0, 1), (4, 4))),
        ((5,), ((0, 4),), ((5, 5),)),
        ((1, 2), ((0, 0), (3, 5)), ((1, 2),)),
    ],
)
def test_gaps_and_runs(
    stored: tuple[int, ...], missing: tuple[tuple[int, int], ...], runs: tuple[tuple[int, int], ...]
) -> None:
    """Both ends of each are included."""
    assert rules.missing_of(some_parts(*stored), total=6) == missing
    assert rules.runs_of(some_parts(*stored)) == runs


def test_a_part_that_waits_is_found() -> None:
    """Only the last can: of any other the size, and with that its place, is known as soon as it came."""
    facts = PartFacts(total=3, size=5)
    assert not rules.is_misplaced(Part(index=2, size=3, position=10), facts=facts)
    assert rules.is_misplaced(Part(index=2, size=3, position=10_000), facts=facts)
    assert not rules.is_misplaced(Part(index=0, size=3, position=0), facts=PartFacts(total=1))
