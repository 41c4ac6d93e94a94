"""Which checksum is used, and that it is the one of that name."""

import pytest

from tusvideo_client.checksum import ALGORITHMS, choose


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
