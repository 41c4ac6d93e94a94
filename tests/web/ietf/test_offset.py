"""Where an upload of the IETF draft stands; numbers are those of the fact sheet's conformance tests."""

import pytest

from tests.web.conftest import TUS, Served
from tests.web.ietf.client import FULL, MORE, V9, append, create, query, size


@pytest.mark.parametrize("method", ["HEAD", "GET"])
async def test_where_an_upload_stands(served: Served, method: str) -> None:
    """IETF 47, 48, 50, 51: the same fields for both, nothing to be stored by a cache, no body."""
    path = (await create(served, MORE, body=b"hello")).headers["Location"]
    answer = await query(served, path, method=method)
    assert (answer.status, answer.body, answer.headers["Upload-Offset"]) == (204, b"", "5")
    assert (answer.headers["Upload-Complete"], answer.headers["Cache-Control"]) == ("?0", "no-store")
    assert answer.headers["Upload-Limit"].startswith("max-size=")
    done = await append(served, path, 5, FULL)
    assert (await query(served, path)).headers["Upload-Complete"] == "?1"
    assert (await query(served, path)).headers["Content-Location"] == done.headers["Content-Location"]
    assert (await query(served, path, method="GET")).body == b"hello"


async def test_get_without_a_version_is_a_download(served: Served) -> None:
    """S-20: an unfinished upload has no file."""
    path = (await create(served, MORE, body=b"hello")).headers["Location"]
    assert (await served.ask(f"GET {path} HTTP/1.1")).status == 404


async def test_an_unknown_upload(served: Served) -> None:
    """IETF 52: 404 without an offset, whatever is asked."""
    path = f"/files/{'0' * 32}"
    for answer in (await query(served, path), await append(served, path, 0, FULL), await query(served, path, TUS)):
        assert (answer.status, "Upload-Offset" in answer.headers) == (404, False)
    refused = await served.ask(f"PATCH {path} HTTP/1.1", V9, "Content-Type: text/plain", size(0))
    assert refused.status == 404


@pytest.mark.parametrize(("number", "status"), [(6, 400), (9, 204)])
async def test_fields_on_a_query(served: Served, number: int, status: int) -> None:
    """IETF 56: refused in version 6, ignored in version 9."""
    path = (await create(served, MORE)).headers["Location"]
    answer = await query(served, path, f"Upload-Draft-Interop-Version: {number}", "Upload-Offset: 0")
    assert answer.status == status
