"""The bytes on the server's side, compared with a file here: by digests where the server tells them, else read."""

import asyncio
from collections import OrderedDict
from http import HTTPStatus
from typing import Protocol

from tusvideo_client import proof, wire
from tusvideo_client.errors import GaveUpError, ProtocolError, RejectedError, UploadError
from tusvideo_client.source import Source
from tusvideo_client.state import MIB
from tusvideo_client.transport import Transport

from . import remote

BLOCKS_KEPT = 16
SLOWEST_LINK = 4096  # bytes a second; a slow link is no dead one
NO_DIGESTS = {HTTPStatus.BAD_REQUEST, HTTPStatus.NOT_FOUND, HTTPStatus.METHOD_NOT_ALLOWED, HTTPStatus.NOT_IMPLEMENTED}


class Far(Protocol):
    """The other side of a comparison; ``step`` is how many bytes to ask about at once."""

    step: int

    async def is_equal(self, start: int, end: int) -> bool:
        """Tell whether the bytes from ``start`` up to ``end`` are those of the file."""
        ...


class Digests:
    """Compares by SHA-256 of ranges: nothing but digests crosses the link, and unfinished uploads can be asked too."""

    step = proof.AT_ONCE

    def __init__(self, transport: Transport, url: str, *, source: Source) -> None:
        self._transport = transport
        self._url = url
        self._source = source

    async def is_known(self, length: int) -> bool:
        """Tell whether the server tells digests of this upload.

        Raises:
            UploadError: It cannot be asked.
        """
        try:
            await self._ask(0, min(1, length))
        except UploadError as error:
            if error.status in NO_DIGESTS or isinstance(error, ProtocolError):
                return False
            raise
        return True

    async def is_equal(self, start: int, end: int) -> bool:
        ours, theirs = await asyncio.gather(proof.digest_of(self._source, start, end), self._ask(start, end))
        return ours == theirs

    async def _ask(self, start: int, end: int) -> str:
        patience = (end - start) / proof.SLOWEST_DIGEST
        url = wire.digest_url(self._url, start=start, end=end)
        reply = await remote.request(self._transport, "GET", url, headers={}, patience=patience)
        told = proof.digest_told(reply)
        if told is None:
            message = "the server answered without a SHA-256 digest"
            raise ProtocolError(message, status=reply.status)
        return told.digest


class Published:
    """Compares by reading the published file; for servers that tell no digests, and for addresses of files."""

    step = MIB

    def __init__(self, transport: Transport, url: str, *, source: Source) -> None:
        self._transport = transport
        self._url = url
        self._source = source
        self._blocks: OrderedDict[int, bytes] = OrderedDict()

    async def is_equal(self, start: int, end: int) -> bool:
        block = start // MIB
        theirs = (await self._block(block))[start - block * MIB : end - block * MIB]
        return theirs == await self._source.read(start, size=end - start)

    async def _block(self, number: int) -> bytes:
        if number not in self._blocks:
            self._blocks[number] = await self._read(number * MIB, (number + 1) * MIB - 1)
            if len(self._blocks) > BLOCKS_KEPT:
                self._blocks.popitem(last=False)
        return self._blocks[number]

    async def _read(self, first: int, last: int) -> bytes:
        """The bytes from first to last, fewer at the end of the file."""
        headers = {"Range": f"bytes={first}-{last}"}
        patience = (last - first + 1) / SLOWEST_LINK
        reply = await remote.request(self._transport, "GET", self._url, headers=headers, patience=patience)
        if reply.status == HTTPStatus.OK and first == 0 and len(reply.body) <= last:
            return reply.body  # a server without ranges, and a file that fits into one
        told = reply.headers.get("Content-Range", "")
        if reply.status != HTTPStatus.PARTIAL_CONTENT or not told.startswith(f"bytes {first}-"):
            message = f"the server gives no ranges of {self._url}: it answered {reply.status} {told}".rstrip()
            raise RejectedError(message, status=reply.status, hint="give the address of the upload instead, or its id")
        if "content-length" in reply.headers and len(reply.body) != int(reply.headers["content-length"]):
            message = "the file was cut short on its way"
            raise GaveUpError(message, hint="try again")
        return reply.body
