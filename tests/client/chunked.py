"""Uploads over the chunk API, and what arrived of them."""

from tests.client.conftest import Waits
from tests.client.peer import Peer
from tusvideo_client import AsyncChunkedVideoUploader

CHUNKS = 3  # of the fixture's 2.5 MiB and 7 bytes


def uploader(peer: Peer, waits: Waits | None = None, **options: object) -> AsyncChunkedVideoUploader:
    """An uploader whose waits take no time."""
    return AsyncChunkedVideoUploader(peer.url, clock=waits and waits.clock, **options)  # type: ignore[arg-type]  # a row of a table


def chunks_sent(peer: Peer) -> list[int | None]:
    """The indexes of the chunks that arrived whole, in order."""
    return [seen.start for seen in peer.seen if seen.method == "POST" and seen.path.endswith("chunk")]
