"""The IETF draft and the other dialects over one ledger; numbers are those of the fact sheet's conformance tests."""

from tests.web.conftest import BYTES, TUS, Served, Start, TokenAuthenticator
from tests.web.ietf.client import FULL, MORE, V9, C, append, create, query, size


async def test_the_other_dialect_cannot_write(served: Served) -> None:
    """IETF 108: refused without a change, both ways; HEAD tells the same offset in each."""
    ietf_path = (await create(served, MORE, body=b"hello")).headers["Location"]
    tus_path = await served.create(10)
    refused = await served.ask(f"PATCH {ietf_path} HTTP/1.1", TUS, BYTES, "Upload-Offset: 5", size(4), body=b"evil")
    assert (refused.status, refused.json["code"]) == (403, "wrong_protocol")
    other = await append(served, tus_path, 0, MORE, body=b"evil")
    assert (other.status, other.json["code"]) == (403, "wrong_protocol")
    for path, offset in ((ietf_path, "5"), (tus_path, "0")):
        for fields in ((TUS,), (V9,), ("X: y",)):
            assert (await query(served, path, *fields)).headers["Upload-Offset"] == offset
        assert (await query(served, path, TUS, method="DELETE")).status == 204


async def test_an_answer_has_the_fields_of_its_dialect(served: Served) -> None:
    """IETF 105 (as the design changes it), 107: Tus-Resumable makes it tus, whatever else is there."""
    answer = await served.ask(C, TUS, V9, FULL, "Upload-Length: 5", size(0))
    assert (answer.status, answer.headers["Tus-Resumable"], answer.interim) == (201, "1.0.0", ())
    assert "Upload-Complete" not in answer.headers
    assert "Tus-Resumable" not in (await query(served, answer.headers["Location"])).headers
    assert (await query(served, answer.headers["Location"], TUS)).headers["Tus-Resumable"] == "1.0.0"
    assert (await served.ask(C, "Tus-Resumable: 2.0.0", FULL, size(0))).status == 412


async def test_others_uploads_are_unknown(start: Start) -> None:
    """IETF 110: 404 for everything, by somebody else."""
    served = await start(authenticator=TokenAuthenticator())
    alice, bob = "Authorization: Bearer alice", "Authorization: Bearer bob"
    path = (await create(served, MORE, alice, body=b"hello")).headers["Location"]
    assert len(path.rpartition("/")[2]) == 32
    assert (await append(served, path, 5, FULL, bob)).status == 404
    for method in ("HEAD", "DELETE", "GET"):
        assert (await query(served, path, V9, bob, method=method)).status == 404
    assert (await query(served, f"{path}/digest", bob, method="GET")).status == 404
    assert (await append(served, path, 5, FULL, alice)).status == 201


async def test_options_tells_of_all_dialects(served: Served) -> None:
    """IETF 11, 14, 15: one answer for discovery, limits and preflight; no looser than those of a creation."""
    path = (await create(served, MORE)).headers["Location"]
    for target in ("/files/", path, "/files/a.mp4"):
        answer = await served.ask(f"OPTIONS {target} HTTP/1.1")
        assert (answer.status, answer.headers["Tus-Version"]) == (204, "1.0.0")
        assert answer.headers["Upload-Limit"] == f"max-size={20 * 1024**3}, max-age={7 * 24 * 3600}"
        assert "application/partial-upload" in answer.headers["Accept-Patch"]
        assert "PATCH" in answer.headers["Allow"]
    poster = await served.ask("OPTIONS /files/?profile=poster HTTP/1.1")
    assert poster.headers["Upload-Limit"].startswith(f"max-size={50 * 1024**2},")
    assert (await served.ask("OPTIONS /files/?profile=nothing HTTP/1.1")).status == 400
