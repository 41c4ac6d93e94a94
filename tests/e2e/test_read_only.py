"""A disk that lets nothing be written any more, as a file system does that was mounted read-only after an error."""

from pathlib import Path

import pytest

from tests.e2e import tus
from tests.e2e.conftest import Start
from tests.e2e.disk import published
from tests.faults.strace import Strace, why_not

WRITES = "pwrite64,pwritev,pwritev2,ftruncate,fallocate,fdatasync,fsync,mkdir,mkdirat,link,linkat,unlink,unlinkat"

pytestmark = pytest.mark.skipif(why_not() is not None, reason=str(why_not()))


async def test_what_is_stored_is_still_told_and_served(start: Start, tmp_path: Path) -> None:
    """F-17: POST and PATCH are refused with a reason, HEAD and GET work.

    When the disk takes bytes again, the upload goes on from its offset.
    """
    server = await start()
    path = await tus.create(server.port, 10)
    assert (await tus.patch(server.port, path, at=0, body=b"hello")).status == 204
    whole = await tus.create(server.port, 3)
    assert (await tus.patch(server.port, whole, at=0, body=b"abc")).status == 204

    async with Strace(server.pid, path=tmp_path / "calls", fails=(WRITES, "EROFS")):
        for answer in (
            await tus.patch(server.port, path, at=5, body=b"world"),
            await tus.ask(server.port, "POST /files/ HTTP/1.1", tus.TUS, "Upload-Length: 5"),
        ):
            assert (answer.status, answer.json["code"]) == (503, "storage_failed")
            assert "kept" in answer.json["detail"]
        told = await tus.head(server.port, path)
        assert (told.status, told.headers["Upload-Offset"]) == (200, "5")
        assert (await tus.ask(server.port, f"GET {whole} HTTP/1.1")).body == b"abc"
        assert (await tus.ask(server.port, "GET /healthz HTTP/1.1")).status == 200

    assert (await tus.patch(server.port, path, at=5, body=b"world")).status == 204
    assert sorted(file.read_bytes() for file in published(server.data_dir, "files")) == [b"abc", b"helloworld"]
