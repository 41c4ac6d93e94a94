"""Older versions of the IETF draft; numbers are those of the fact sheet's conformance tests."""

import pytest

from tests.web.conftest import Served
from tests.web.ietf.client import FULL, MORE, PARTIAL, C, create, query, size


async def test_version_3(served: Served) -> None:
    """IETF 98, 99, 100: the inverted field, HEAD with 204, and an append of any type that completes by default."""
    v3 = "Upload-Draft-Interop-Version: 3"
    answer = await served.ask(C, v3, "Upload-Incomplete: ?0", size(5), body=b"hello")
    assert (answer.interim, answer.status, answer.headers["Upload-Incomplete"]) == ((104,), 201, "?0")
    assert answer.headers["Upload-Offset"] == "5"
    begun_ = await served.ask(C, v3, "Upload-Incomplete: ?1", size(5), body=b"hello")
    assert (begun_.status, begun_.headers["Upload-Incomplete"], begun_.headers["Upload-Offset"]) == (201, "?1", "5")
    path = begun_.headers["Location"]
    found = await query(served, path, v3)
    assert (found.status, found.headers["Upload-Incomplete"]) == (204, "?1")
    done = await served.ask(f"PATCH {path} HTTP/1.1", v3, "Upload-Offset: 5", size(5), body=b"world")
    assert (done.status, done.headers["Upload-Incomplete"]) == (201, "?0")
    assert done.json["size"] == 10


@pytest.mark.parametrize("number", [5, 6])
async def test_versions_5_and_6(served: Served, number: int) -> None:
    """IETF 69, 101, 102: 201 for appends, complete at the length, an empty file with no byte sent."""
    version = f"Upload-Draft-Interop-Version: {number}"
    path = (await served.ask(C, version, MORE, "Upload-Length: 10", size(0))).headers["Location"]
    patch = (f"PATCH {path} HTTP/1.1", version, PARTIAL, MORE)
    first = await served.ask(*patch, "Upload-Offset: 0", size(5), body=b"hello")
    assert (first.status, first.headers["Upload-Offset"], first.headers["Upload-Complete"]) == (201, "5", "?0")
    last = await served.ask(*patch, "Upload-Offset: 5", size(5), body=b"world")
    assert (last.status, last.headers["Upload-Complete"], last.json["size"]) == (201, "?1", 10)
    empty = await served.ask(C, version, MORE, "Upload-Length: 0", size(0))
    assert (empty.status, empty.headers["Upload-Complete"]) == (201, "?1")
    assert ("expires=" in first.headers.get("Upload-Limit", "")) is False
    found = await query(served, (await served.ask(C, version, MORE, size(0))).headers["Location"], version)
    assert ("expires=" in found.headers.get("Upload-Limit", "")) is (number == 6)


async def test_version_6_wants_the_media_type(served: Served) -> None:
    """IETF 63, 102: version 5 does not."""
    path = (await create(served, MORE)).headers["Location"]
    for number, status in ((6, 415), (5, 201)):
        lines = (f"PATCH {path} HTTP/1.1", f"Upload-Draft-Interop-Version: {number}", MORE, "Upload-Offset: 0")
        assert (await served.ask(*lines, size(5), body=b"hello")).status == status


async def test_version_8_calls_a_complete_upload_so(served: Served) -> None:
    """IETF 103: the problem type of its draft."""
    path = (await create(served, FULL, body=b"hello")).headers["Location"]
    lines = (f"PATCH {path} HTTP/1.1", "Upload-Draft-Interop-Version: 8", PARTIAL, FULL, "Upload-Offset: 5")
    answer = await served.ask(*lines, size(1), body=b"x")
    assert (answer.status, answer.json["type"].rpartition("#")[2]) == (400, "completed-upload")
