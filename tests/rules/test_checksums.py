"""Checksums: the vectors of the checklist, and what disagrees."""

import base64
from types import ModuleType

import pytest

from tusvideo.checksums import ALGORITHMS, Checksum, algorithms
from tusvideo.errors import ChecksumMismatch

HELLO = b"hello world"
VECTORS = {
    "md5": "XrY7u+Ae7tCTyyK7j1rNww==",
    "sha1": "Kq5sNclPz7QV2+lfQIuc6R7oRu0=",
    "sha256": "uU0nuZNNPgilLlLX2n2r+sSE7+N6U4DukIj3rOLvzek=",
    "sha512": "MJ7MSJwS1utMxA9QyQLytNDtd+5RGnx6m808qG1M2G+YndNbxf9JlnDaNCVbRbDP2DDoH2Bdz33FVC6TrpzXbw==",
    "crc32": "DUoRhQ==",
    "crc32c": "yZRlqg==",
}


def checksum(algorithm: str, *, vector: str = "") -> Checksum:
    """Name the checksum of "hello world"."""
    return Checksum(algorithm=algorithm, digest=base64.b64decode(vector or VECTORS[algorithm]))


NAMES = [
    *(name for name in VECTORS if name != "crc32c"),
    pytest.param(
        "crc32c", marks=pytest.mark.skipif("crc32c" not in ALGORITHMS, reason="the extra crc32c is not installed")
    ),
]


def test_nothing_is_announced_that_no_vector_proves() -> None:
    """K-05: every algorithm has a vector."""
    assert set(ALGORITHMS) <= set(VECTORS)


@pytest.mark.parametrize("algorithm", NAMES)
@pytest.mark.parametrize("cuts", [[HELLO], [b"", b"hello", b" ", b"world"], [memoryview(bytearray(HELLO))]])
def test_the_vectors_come_out(algorithm: str, cuts: list[bytes | memoryview]) -> None:
    """K-05: in one block or in many, of whatever memory, most significant byte first."""
    expected = checksum(algorithm)
    running = expected.begin()
    for cut in cuts:
        running.update(cut)
    expected.verify(running)
    assert len(running.digest()) == ALGORITHMS[algorithm].size


@pytest.mark.parametrize("algorithm", NAMES)
def test_other_bytes_disagree(algorithm: str) -> None:
    """K-05: one byte too many is another checksum; the error names both in base64."""
    running = checksum(algorithm).begin()
    running.update(HELLO + b"!")
    with pytest.raises(ChecksumMismatch, match=r"checksum of the body does not match: expected '.+, got .+; send it"):
        checksum(algorithm).verify(running)


def test_nothing_has_a_checksum_too() -> None:
    """K-12: that of no bytes."""
    empty = checksum("sha1", vector="2jmj7l5rSw0yVb/vlWAYkK/YBwk=")
    empty.verify(empty.begin())


def a_module(implementation: str) -> ModuleType:
    """Make a module for CRC-32C that tells how it computes."""
    module = ModuleType("google_crc32c")
    module.implementation = implementation  # type: ignore[attr-defined]  # the one thing that is looked at
    return module


@pytest.mark.parametrize(("module", "there"), [(None, False), (a_module("python"), False), (a_module("c"), True)])
def test_crc32c_needs_code_in_c(module: ModuleType | None, there: bool) -> None:
    """Without the extra, or where it has nothing but Python to offer, CRC-32C is not announced."""
    assert ("crc32c" in algorithms(module)) is there
