"""Which checksum is used, and that it is the one of that name."""

import runpy
import sys
from types import ModuleType, SimpleNamespace

import pytest

from tusvideo_client import checksum
from tusvideo_client.checksum import ALGORITHMS, DIGESTS, choose, digests


@pytest.mark.parametrize(
    ("algorithm", "digest"),
    [
        ("sha256", "c0535e4be2b79ffd93291305436bf889314e4a3faec05ecffcbb7df31ad9e51a"),
        ("sha512", "f6cde2a0f819314cdde55fc227d8d7dae3d28cc556222a0a8ad66d91ccad4aad6094f517a2182360c9aacf6a3dc32316"),
        ("sha1", "d3486ae9136e7856bc42212385ea797094475802"),
        ("md5", "86fb269d190d2c85f6e0468ceca42a20"),
        ("crc32", "1b851995"),
    ],
)
def test_known_answers(algorithm: str, digest: str) -> None:
    """Those of the text ``Hello world!``, taken in two pieces."""
    running = ALGORITHMS[algorithm]()
    running.update(b"Hello ")
    running.update(b"world!")
    assert running.digest().hex().startswith(digest)


@pytest.mark.parametrize(
    ("algorithm", "digest"),
    [
        ("sha-256", "c0535e4be2b79ffd93291305436bf889314e4a3faec05ecffcbb7df31ad9e51a"),
        ("crc32c", "7b98e751"),
    ],
)
def test_known_digests(algorithm: str, digest: str) -> None:
    """Those of the text ``Hello world!``, taken in two pieces."""
    running = DIGESTS[algorithm]()
    running.update(b"Hello ")
    running.update(b"world!")
    assert running.digest().hex() == digest


@pytest.mark.parametrize(
    ("module", "names"),
    [
        (None, ["sha-256"]),
        (SimpleNamespace(implementation="python"), ["sha-256"]),
        (SimpleNamespace(implementation="c"), ["crc32c", "sha-256"]),
    ],
)
def test_the_cheap_one_only_where_it_is_cheap(module: ModuleType | None, names: list[str]) -> None:
    """Without the extra, or with one that has no code in C, digests are SHA-256."""
    assert list(digests(module)) == names


def test_without_the_extra_there_is_sha_256(monkeypatch: pytest.MonkeyPatch) -> None:
    """The module can be read where google-crc32c is not installed."""
    monkeypatch.setitem(sys.modules, "google_crc32c", None)
    alone = runpy.run_path(checksum.__file__)
    assert list(alone["DIGESTS"]) == ["sha-256"]


@pytest.mark.parametrize(
    ("announced", "among", "chosen"),
    [
        (("sha1", "sha256"), ALGORITHMS, "sha256"),
        (("crc32", "SHA1"), ALGORITHMS, "sha1"),
        (("crc32c", "blake3"), ALGORITHMS, None),
        ((), ALGORITHMS, None),
        (("sha1", "sha256"), ("sha256",), "sha256"),
        (("sha1",), ("sha256",), None),
    ],
)
def test_the_best_that_both_sides_compute(announced: tuple[str, ...], among: tuple[str, ...], chosen: str) -> None:
    """What is not known here is passed over."""
    assert choose(announced, among=among) == chosen
