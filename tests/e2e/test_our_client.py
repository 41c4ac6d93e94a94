"""Our command line against our server, through a link that breaks, and through its own death."""

import asyncio
import json
from pathlib import Path

import pytest

from tests.demo.__main__ import PROMISES, passed_by
from tests.e2e.disk import MIB, place_of, published, staged
from tests.faults.processes import ServerProcess, run_upload
from tests.faults.proxy import FaultProxy, seeded_faults
from tests.media.clip import make_mp4

PROTOCOLS = {"tus": "files", "chunks": "posters"}
SIZE = 5 * MIB + 4321
CUTS = 3
FIELDS = 64 * 1024
"""Bytes of a few forms that are not file."""
PATIENCE_SECONDS = 60


async def uploaded(source: Path, *, to: str, protocol: str, state: Path) -> str:
    """Run the command line to its good end; give the path under which the file is served."""
    client = await run_upload(str(source), "--to", to, "--protocol", protocol, "--json", state_dir=state)
    async with asyncio.timeout(PATIENCE_SECONDS):
        out, errors = await client.communicate()
    assert client.returncode == 0, errors.decode()
    url: str = json.loads(out.splitlines()[-1])["files"][0]["url"]
    return url.removeprefix(to)


def whole(server: ServerProcess, url: str, source: Path, *, directory: str) -> None:
    """Hold the server to one whole file in the user's folder, and nothing else."""
    file = place_of(server.data_dir, url)
    assert published(server.data_dir, directory) == [file]
    assert file.read_bytes() == source.read_bytes()


async def through_faults(server: ServerProcess, protocol: str, *, folder: Path, seed: int) -> None:
    """Upload once through seeded cuts, and compare file and cost."""
    source = make_mp4(folder / f"{protocol}.mp4", size=SIZE, seed=seed)
    faults = seeded_faults(seed, count=CUTS, size=SIZE)
    print(f"seed {seed}, {protocol}: {faults}")  # noqa: T201  # shown when the test fails
    async with FaultProxy(("127.0.0.1", server.port), faults=faults, rate=16 * MIB) as proxy:
        url = await uploaded(source, to=proxy.url, protocol=protocol, state=folder / "state")
        assert proxy.cuts >= 1
        assert proxy.body_bytes <= PROMISES[protocol].allows(size=SIZE, cuts=proxy.cuts, server_kills=0) + FIELDS
    whole(server, url, source, directory=PROTOCOLS[protocol])


@pytest.mark.parametrize("seed", range(5))
async def test_uploads_go_through_a_link_that_breaks(seed: int, server: ServerProcess, tmp_path: Path) -> None:
    """Both protocols, three cuts each: one run of the command delivers the file, and little is sent twice."""
    await asyncio.gather(*(through_faults(server, protocol, folder=tmp_path, seed=seed) for protocol in PROTOCOLS))
    assert staged(server.data_dir) == []


async def killed_at(source: Path, proxy: FaultProxy, *, protocol: str, state: Path, body_bytes: int) -> None:
    """Run the command line, and kill it when so many bytes have crossed."""
    client = await run_upload(str(source), "--to", proxy.url, "--protocol", protocol, "--json", state_dir=state)
    await passed_by(client, proxy, body_bytes)
    client.kill()
    await client.communicate()


@pytest.mark.parametrize("protocol", PROTOCOLS)
async def test_a_killed_client_goes_on_when_it_is_run_again(
    protocol: str, server: ServerProcess, tmp_path: Path
) -> None:
    """kill -9 twice, then the same command again: the file is whole, and what was stored was not sent again."""
    source = make_mp4(tmp_path / "holiday.mp4", size=SIZE)
    async with FaultProxy(("127.0.0.1", server.port), rate=16 * MIB) as proxy:
        for body_bytes in (SIZE // 3, SIZE // 3 * 2):
            await killed_at(source, proxy, protocol=protocol, state=tmp_path / "state", body_bytes=body_bytes)
        url = await uploaded(source, to=proxy.url, protocol=protocol, state=tmp_path / "state")
        assert proxy.body_bytes <= PROMISES[protocol].allows(size=SIZE, cuts=2, server_kills=0) + FIELDS
    whole(server, url, source, directory=PROTOCOLS[protocol])


@pytest.mark.parametrize("protocol", PROTOCOLS)
async def test_a_file_that_was_edited_between_two_runs_is_never_spliced(
    protocol: str, server: ServerProcess, tmp_path: Path
) -> None:
    """Half of the old content is stored when the file changes: what is published is the new content alone."""
    source = make_mp4(tmp_path / "holiday.mp4", size=SIZE, seed=1)
    async with FaultProxy(("127.0.0.1", server.port), rate=16 * MIB) as proxy:
        await killed_at(source, proxy, protocol=protocol, state=tmp_path / "state", body_bytes=SIZE // 2)
        make_mp4(source, size=SIZE, seed=2)
        url = await uploaded(source, to=proxy.url, protocol=protocol, state=tmp_path / "state")
    whole(server, url, source, directory=PROTOCOLS[protocol])


async def test_the_client_survives_the_death_of_the_server(server: ServerProcess, tmp_path: Path) -> None:
    """The server dies in mid-upload and comes back: the running client goes on by itself, over both protocols."""

    async def through_a_kill(protocol: str) -> None:
        source = make_mp4(tmp_path / f"{protocol}.mp4", size=SIZE)
        async with FaultProxy(("127.0.0.1", server.port), rate=16 * MIB) as proxy:
            running = asyncio.ensure_future(uploaded(source, to=proxy.url, protocol=protocol, state=tmp_path / "state"))
            await proxy.passed(SIZE // 2)
            half.release()
            url = await running
            assert proxy.body_bytes <= PROMISES[protocol].allows(size=SIZE, cuts=1, server_kills=1) + FIELDS
        whole(server, url, source, directory=PROTOCOLS[protocol])

    async def kill() -> None:
        for _ in PROTOCOLS:
            await half.acquire()
        await server.kill()
        await server.start()

    half = asyncio.Semaphore(0)
    await asyncio.gather(kill(), *(through_a_kill(protocol) for protocol in PROTOCOLS))
