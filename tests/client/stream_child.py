"""A process that uploads a stream and prints how much memory it took: ``python stream_child.py URL MIB``."""

import asyncio
import hashlib
import json
import random
import resource
import sys
from collections.abc import AsyncIterator

from tusvideo_client import AsyncUploader

MIB = 1024 * 1024


async def main(url: str, count: int) -> None:
    """Upload ``count`` MiB and print the digest of what was produced, and the growth of memory in KiB."""
    digest = hashlib.sha256()
    peaks: list[int] = []

    async def produce() -> AsyncIterator[bytes]:
        chance = random.Random(1)
        for index in range(count):
            piece = chance.randbytes(MIB)
            digest.update(piece)
            yield piece
            if index == 0:
                peaks.append(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)

    async with AsyncUploader(url) as uploader:
        result = await uploader.upload(produce(), name="stream.bin")
    peaks.append(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
    facts = {"size": result.size, "sha256": digest.hexdigest(), "grown": peaks[1] - peaks[0], "url": result.url}
    sys.stdout.write(json.dumps(facts))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2])))
