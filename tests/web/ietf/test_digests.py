"""Digests of the IETF draft; numbers are those of the fact sheet's conformance tests."""

import hashlib

import google_crc32c

from tests.web.conftest import Served
from tests.web.ietf.client import FULL, MORE, C, append, create, digest, query, size, staged_or_published


async def test_content_is_checked_before_it_counts(served: Served) -> None:
    """IETF 113: wrong content is not appended, right content is; no progress is told of either."""
    path = (await create(served, MORE, digest("Content-Digest", b"hello"), body=b"hello")).headers["Location"]
    wrong = await append(served, path, 5, FULL, digest("Content-Digest", b"world"), body=b"wOrld")
    assert (wrong.status, wrong.headers["Upload-Complete"]) == (400, "?0")
    assert wrong.json["type"].endswith("#digest-mismatched-values")
    assert (await query(served, path)).headers["Upload-Offset"] == "5"
    right = await append(served, path, 5, FULL, digest("Content-Digest", b"world"), body=b"world")
    assert (right.status, right.interim) == (201, ())


async def test_a_creation_with_wrong_content_vanishes(served: Served) -> None:
    """IETF 113: nothing of it is left."""
    answer = await create(served, FULL, digest("Content-Digest", b"hello"), body=b"hellO")
    assert (answer.status, answer.headers["Upload-Complete"]) == (400, "?0")
    assert staged_or_published(served) == 0


async def test_the_whole_is_checked_before_it_is_published(served: Served) -> None:
    """IETF 114: a wrong Repr-Digest is the last word, and nothing is published."""
    path = (await create(served, MORE, digest("Repr-Digest", b"helloworld"), body=b"hello")).headers["Location"]
    answer = await append(served, path, 5, FULL, body=b"wOrld")
    assert (answer.status, answer.headers["Upload-Complete"]) == (400, "?1")
    assert answer.json["type"].endswith("#digest-mismatched-values")
    assert (await query(served, path)).status == 404
    assert staged_or_published(served) == 0


async def test_the_digest_of_the_whole_is_told_when_it_is_wanted(served: Served) -> None:
    """IETF 114: in the last answer, and in its replay."""
    wanted = ("Want-Repr-Digest: sha-256=10", digest("Repr-Digest", b"helloworld"))
    path = (await create(served, MORE, *wanted, body=b"hello")).headers["Location"]
    for body, offset in ((b"world", 5), (b"", 10)):
        answer = await append(served, path, offset, FULL, body=body)
        assert f"Repr-Digest: {answer.headers['Repr-Digest']}" == digest("Repr-Digest", b"helloworld")
    plain = await served.ask(C, "Want-Repr-Digest: sha-256=1", size(5), body=b"hello")
    assert f"Repr-Digest: {plain.headers['Repr-Digest']}" == digest("Repr-Digest", b"hello")


async def test_stored_bytes_can_be_proven(served: Served) -> None:
    """A client that comes back asks what its prefix amounts to before it goes on."""
    path = (await create(served, MORE, body=b"helloworld")).headers["Location"]
    answer = await served.ask(f"GET {path}/digest HTTP/1.1")
    assert (answer.status, answer.json["digest"]) == (200, hashlib.sha256(b"helloworld").hexdigest())
    part = await served.ask(f"GET {path}/digest?from=2&to=7 HTTP/1.1")
    assert (part.json["from"], part.json["to"]) == (2, 7)
    assert part.json["digest"] == hashlib.sha256(b"llowo").hexdigest()
    cheap = await served.ask(f"GET {path}/digest?from=2&to=7&prefer=crc32c HTTP/1.1")
    assert (cheap.json["algorithm"], cheap.json["digest"]) == ("crc32c", f"{google_crc32c.value(b'llowo'):08x}")
    empty = await served.ask(f"GET {path}/digest?from=0&to=0&prefer=crc32c HTTP/1.1")
    assert (empty.json["algorithm"], empty.json["digest"]) == ("crc32c", "00000000")
    strange = await served.ask(f"GET {path}/digest?from=2&to=7&prefer=md4 HTTP/1.1")
    assert strange.json == part.json
    for query_, status in (("from=3&to=2", 400), ("to=11", 400), ("from=x", 400), ("from=1&from=1", 400)):
        assert (await served.ask(f"GET {path}/digest?{query_} HTTP/1.1")).status == status
    await append(served, path, 10, FULL)
    assert (await served.ask(f"GET {path}/digest?to=5 HTTP/1.1")).json["digest"] == hashlib.sha256(b"hello").hexdigest()
    assert (await served.ask(f"GET /files/{'0' * 32}/digest HTTP/1.1")).status == 404
