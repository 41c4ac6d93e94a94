"""The library resumable-upload."""

from typing import Any

from resumable_upload import TusClient

PIECE = 256 * 1024
"""Of a chunk that was cut it sends all of it again, before it looks where the upload stands."""


def client_of(url: str, **options: Any) -> TusClient:
    """Make a client that retries soon."""
    return TusClient(f"{url}/files", **{"chunk_size": PIECE, "checksum": False, "retry_delay": 0.2, **options})
