"""GET /files/{id}/digest: which bytes are asked for, and what they amount to."""

import json
from types import ModuleType, SimpleNamespace
from typing import cast

import pytest

from tests.protocol.heads import ID, head, told, upload
from tusvideo.checksums import ALGORITHMS, algorithms
from tusvideo.commands import Proven, ProveRange
from tusvideo.errors import InvalidField
from tusvideo.protocol import proof


@pytest.mark.parametrize(
    ("query", "start", "stop"),
    [
        ([], 0, None),
        ([("from", "3")], 3, None),
        ([("to", "7")], 0, 7),
        ([("from", "3"), ("to", "7")], 3, 7),
        ([("from", "3"), ("to", "3")], 3, 3),
    ],
)
def test_the_range(query: list[tuple[str, str]], start: int, stop: int | None) -> None:
    """From the first byte and up to the offset, unless told otherwise; the end is exclusive."""
    assert proof.parse(head("GET", query=query), upload_id=ID) == ProveRange(upload_id=ID, start=start, stop=stop)


@pytest.mark.parametrize(
    "query",
    [
        [("from", "x")],
        [("to", "-1")],
        [("from", "3"), ("to", "2")],
        [("from", "1"), ("from", "1")],
        [("prefer", "crc32c"), ("prefer", "crc32c")],
    ],
)
@pytest.mark.parametrize("known", [{"sha256", "crc32c"}, {"sha256"}])
def test_what_is_no_range(query: list[tuple[str, str]], known: set[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Numbers, in order, once; whatever this server can compute."""
    monkeypatch.setattr(proof, "ALGORITHMS", dict.fromkeys(known, ALGORITHMS["sha256"]))
    with pytest.raises(InvalidField):
        proof.parse(head("GET", query=query), upload_id=ID)


@pytest.mark.parametrize(
    ("query", "has_crc32c", "algorithm"),
    [
        ([], True, "sha256"),
        ([("prefer", "crc32c")], True, "crc32c"),
        ([("prefer", "crc32c")], False, "sha256"),
        ([("prefer", "sha-256")], True, "sha256"),
        ([("prefer", "md5")], True, "sha256"),
        ([("prefer", "sha256")], True, "sha256"),
    ],
)
def test_a_wish_is_a_wish(
    query: list[tuple[str, str]], has_crc32c: bool, algorithm: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """CRC-32C where it is wished for and there is code for it; otherwise SHA-256, and no error."""
    known = {"sha256": ALGORITHMS["sha256"], **({"crc32c": ALGORITHMS["sha256"]} if has_crc32c else {})}
    monkeypatch.setattr(proof, "ALGORITHMS", known)
    assert proof.parse(head("GET", query=query), upload_id=ID).algorithm == algorithm


@pytest.mark.parametrize("wish", [None, "sha-256", "crc32c"])
def test_whatever_is_wished_for_is_computed_and_has_a_name(wish: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    """The names of clients and those of the checksums are each other's; no wish leads to one that nobody knows."""
    with_both = algorithms(cast("ModuleType", SimpleNamespace(implementation="c")))
    monkeypatch.setattr(proof, "ALGORITHMS", with_both)
    command = proof.parse(head("GET", query=[] if wish is None else [("prefer", wish)]), upload_id=ID)
    assert command.algorithm in with_both
    assert proof.NAMES[command.algorithm] == (wish or "sha-256")


def test_the_answer_says_by_what() -> None:
    """The name is that of the registry."""
    answer = proof.render(Proven(upload=upload(), start=0, stop=3, digest="01234567", algorithm="crc32c"))
    assert json.loads(answer.body)["algorithm"] == "crc32c"


def test_the_answer() -> None:
    """The digest and what it is of; not to be kept by a cache."""
    answer = proof.render(Proven(upload=upload(), start=1, stop=3, digest="ab" * 32))
    assert (answer.status, told(answer)["Cache-Control"]) == (200, "no-store")
    assert json.loads(answer.body) == {
        "success": True,
        "uploadId": ID,
        "from": 1,
        "to": 3,
        "algorithm": "sha-256",
        "digest": "ab" * 32,
    }
