"""What the kernel is really asked, and in which order: one write, sync and publish under strace."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

PROGRAM = """
import asyncio, sys
from pathlib import Path
from tusvideo.model import Location, UploadId
from tusvideo.stores.disk import DiskStore

async def main():
    store = await DiskStore.open(Path(sys.argv[1]))
    upload = UploadId("1" * 32)
    writer = await store.open_writer(upload, position=0, fresh=True)
    await writer.write(b"x" * 100_000)
    await writer.sync()
    await writer.close()
    place = Location(directory="posters", folder="local", filename="video_1.mp4")
    assert await store.publish(upload, length=100_000, location=place)
    await store.discard(upload)
    await store.close()

asyncio.run(main())
"""


@pytest.fixture(scope="module")
def trace(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """The calls that matter, in order, with the names of the files."""
    if shutil.which("strace") is None:
        pytest.skip("strace is not installed")
    folder = tmp_path_factory.mktemp("trace")
    probe = subprocess.run(["strace", "-o", "/dev/null", "true"], capture_output=True, text=True, check=False)
    if probe.returncode:
        pytest.skip(f"strace may not be used here: {probe.stderr.strip()}")
    log = folder / "log"
    wanted = "trace=openat,mkdir,pwrite64,fdatasync,fsync,ftruncate,fchmod,link,linkat,unlink,unlinkat"
    command = ["strace", "-f", "-y", "-e", wanted, "-o", str(log), sys.executable, "-c", PROGRAM, str(folder / "data")]
    subprocess.run(command, cwd=ROOT, check=True)
    return [line.replace(str(folder), "") for line in log.read_text().splitlines() if "/data" in line]


def at(trace: list[str], pattern: str, *, after: int = -1) -> int:
    """Find the first call after a place that matches; the trace is shown when there is none."""
    for number, line in enumerate(trace):
        if number > after and re.search(pattern, line):
            return number
    pytest.fail(f"no {pattern} after call {after} in:\n" + "\n".join(trace))


STAGED = r"\S*<?/data/staging/1{32}"


def test_bytes_are_written_then_synced(trace: list[str]) -> None:
    """The entry is durable before the first byte is written, and every pwrite comes before the fdatasync."""
    made = at(trace, r'openat\(.*"/data/staging/1{32}", .*O_NOFOLLOW.*O_CLOEXEC, 0600\)')
    entry = at(trace, r"fsync\(\d+</data/staging>\)", after=made)
    written = at(trace, rf"pwrite64\(\d+{STAGED[3:]}>", after=entry)
    at(trace, rf"fdatasync\(\d+{STAGED[3:]}>\)", after=written)


def test_a_file_is_durable_before_its_name(trace: list[str]) -> None:
    """The order is fdatasync, fchmod, fsync of the file, link, fsync of the folder, unlink of the staging name."""
    synced = at(trace, r"fdatasync\(\d+</data/staging/1{32}>\)")
    sealed = at(trace, r"fchmod\(\d+</data/staging/1{32}>, 0440\)", after=synced)
    durable = at(trace, r"fsync\(\d+</data/staging/1{32}>\)", after=sealed)
    linked = at(trace, r'link(at)?\(.*"/data/staging/1{32}",.*"/data/uploads/posters/local/video_1.mp4"', after=durable)
    folder = at(trace, r"fsync\(\d+</data/uploads/posters/local>\)", after=linked)
    at(trace, r'unlink(at)?\(.*"/data/staging/1{32}"', after=folder)
    assert linked == at(trace, r"video_1.mp4")


def test_new_folders_are_synced_in_theirs(trace: list[str]) -> None:
    """Each new folder is synced in the folder above before the file gets its name."""
    linked = at(trace, r"link(at)?\(.*video_1.mp4")
    for made, above in (
        ("/data/uploads/posters", "/data/uploads"),
        ("/data/uploads/posters/local", "/data/uploads/posters"),
    ):
        synced = at(trace, rf"fsync\(\d+<{above}>\)", after=at(trace, rf'mkdir\("{made}", 0750\) += 0'))
        assert synced < linked
