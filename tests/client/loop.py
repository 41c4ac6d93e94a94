"""Uploads over tus by the loop alone, and what they leave."""

from pathlib import Path

from tests.client.peer import Peer
from tusvideo_client import AsyncUploader, RetryPolicy, UploadResult

IMPATIENT = RetryPolicy(no_progress=0, max_offline=0, busy=0)


async def upload(peer: Peer, path: Path, **options: object) -> UploadResult:
    """One call of ``upload`` with an uploader of its own, as a run of a script makes it; nothing is asked before.

    Nothing is compared either: these are the requests of the loop alone (see test_integrity and test_damage).
    """
    made = {
        name: options.pop(name)
        for name in ("token", "retry", "request_bytes", "stall_timeout", "clock") & options.keys()
    }
    async with AsyncUploader(peer.url, protocol="tus", integrity="never", **made) as uploader:  # type: ignore[arg-type]  # a row of a table
        return await uploader.upload(path, **options)  # type: ignore[arg-type]  # a row of a table


def records(state_dir: Path) -> list[Path]:
    """The journal's files."""
    return sorted((state_dir / "uploads").glob("*.json"))


def no_byte_was_sent_below_the_stored_offset(peer: Peer) -> bool:
    """True if every PATCH began where the one before ended for the server."""
    starts = [seen.start for seen in peer.seen if seen.method == "PATCH"]
    return starts == sorted(start for start in starts if start is not None)
