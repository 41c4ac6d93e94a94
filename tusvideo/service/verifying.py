"""Digests of whole uploads, computed from the stored bytes once all of them are there."""

import asyncio

from tusvideo.checksums import ALGORITHMS, DIGEST_NAMES
from tusvideo.errors import ChecksumMismatch
from tusvideo.model import Digests, Upload
from tusvideo.ports import UploadStore


def must_be_verified(upload: Upload) -> bool:
    """Tell whether a digest of the whole was claimed or is wanted."""
    return bool(upload.digests) or upload.wants_digest is not None


async def verified_digests(upload: Upload, *, store: UploadStore) -> Digests:
    """Read the staged bytes once, and give the digests that were claimed and the one that is wanted.

    Raises ChecksumMismatch when the bytes are not those that the client claims, StorageFailed.
    """
    claimed = dict(upload.digests)
    wanted = {*claimed, *([] if upload.wants_digest is None else [upload.wants_digest])}
    running = {name: ALGORITHMS[DIGEST_NAMES[name]].begin() for name in sorted(wanted)}
    if upload.offset:  # what never had a byte has no staged file
        async for block in store.read_staged(upload.id, start=0, stop=upload.offset):
            for each in running.values():
                await asyncio.to_thread(each.update, block)
    found = {name: each.digest().hex() for name, each in running.items()}
    for name, value in claimed.items():
        if value != found[name]:
            raise ChecksumMismatch("file", expected=value, got=found[name])
    return tuple(found.items())
