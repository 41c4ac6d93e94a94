"""The bytes of one part as they pass: counted, bounded, hashed; and compared with bytes that are stored."""

import asyncio
import hashlib
from collections.abc import AsyncGenerator, AsyncIterator

from tusvideo.checksums import ALGORITHMS, BESIDE_BYTES
from tusvideo.errors import ChecksumMismatch, TooLarge
from tusvideo.streams import BytesBody


class PartStream:
    """Blocks of a part on their way, with a count, a bound and, if asked for, a SHA-256."""

    def __init__(self, blocks: AsyncIterator[bytes], *, most: int, hashes: bool) -> None:
        self._blocks = blocks
        self._most = most
        self._digest = hashlib.sha256() if hashes else None
        self.size = 0

    async def __aiter__(self) -> AsyncIterator[bytes]:
        """Give the blocks. Raises TooLarge as soon as there are more than ``most`` bytes."""
        async for block in self._blocks:
            self.size += len(block)
            if self.size > self._most:
                raise TooLarge("the chunk", limit=self._most)
            if self._digest is not None:
                self._digest.update(block)
            yield block

    async def drain(self) -> None:
        """Let the rest pass unseen, for the sake of count and checksum; raises what ``__aiter__`` raises."""
        async for _ in self:
            pass

    @property
    def checksum(self) -> str | None:
        """Lower-case hex SHA-256 of what passed, None when it was not asked for."""
        return None if self._digest is None else self._digest.hexdigest()


async def blocks_of(body: BytesBody) -> AsyncIterator[bytes]:
    """Give a body's blocks to its end; raises what ``Body.read`` raises."""
    while block := await body.read():
        yield block


async def same_bytes(came: AsyncIterator[bytes], stored: AsyncIterator[bytes]) -> bool:
    """Compare two runs of bytes block by block, each read once; stops at the first difference."""
    held = b""
    try:
        async for block in came:
            while len(held) < len(block):
                more = await anext(stored, b"")
                if not more:
                    return False
                held += more
            if held[: len(block)] != block:
                return False
            held = held[len(block) :]
        return not held and not await anext(stored, b"")
    finally:
        if isinstance(stored, AsyncGenerator):
            await stored.aclose()


async def checksum_of(blocks: AsyncIterator[bytes], *, algorithm: str = "sha256") -> str:
    """Give the lower-case hex digest of a run of bytes, of large blocks in a thread beside the next read."""
    digest = ALGORITHMS[algorithm].begin()
    computing: asyncio.Future[None] | None = None
    async for block in blocks:
        if computing is not None:
            await computing
            computing = None
        if len(block) > BESIDE_BYTES:
            computing = asyncio.get_running_loop().run_in_executor(None, digest.update, block)
        else:
            digest.update(block)
    if computing is not None:
        await computing
    return digest.digest().hex()


def verify(what: str, *, expected: str | None, got: str) -> None:
    """Raise ChecksumMismatch unless the checksums agree; nothing expected agrees with everything."""
    if expected is not None and expected != got:
        raise ChecksumMismatch(what, expected=expected, got=got)
