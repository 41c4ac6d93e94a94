"""Is what the server stores the beginning of this file? Asked once in a call that goes on with an older upload.

The fingerprint of a file can be fooled (an editor that keeps size and time, a clock that was set back); the digests of
the stored bytes cannot. Servers that tell no digests are believed, and the caller is told for how many bytes.
"""

import hashlib

from . import wire
from .content import Content
from .plan import is_passing
from .state import MIB, Answer, Broken, Differs, Event
from .transfer import Transfer
from .transport import Reply

AT_ONCE = 64 * MIB
SLOWEST_DIGEST = 5 * MIB
"""A server may have to read a range from a disk that is busy: so slow is no sign of a dead connection."""


async def prove(transfer: Transfer, *, source: Content, url: str, offset: int) -> Event | int:
    """Compare the first ``offset`` bytes; gives how many of them had to be believed: 0 if the server told every digest.

    Otherwise an event: :class:`Differs`, or a request that has to be made again.

    Raises:
        LocalFileError: The file cannot be read, or was changed.
    """
    for start in range(0, offset, AT_ONCE):
        end = min(start + AT_ONCE, offset)
        event = await transfer.request(
            "GET",
            wire.digest_url(url, start=start, end=end),
            headers={},
            patience=(end - start) / SLOWEST_DIGEST,
            read=transfer.answer,
        )
        if isinstance(event, Broken):
            return event
        told = _digest_in(transfer.reply, event)
        if told is None:
            return event if isinstance(event, Answer) and is_passing(event) else offset - start
        if told != await digest_of(source, start, end):
            return Differs(at=event.at)
    return 0


def _digest_in(reply: Reply | None, event: Event) -> str | None:
    return digest_told(reply) if isinstance(event, Answer) else None


def digest_told(reply: Reply | None) -> str | None:
    """The SHA-256 that an answer tells as hex digits, or None if it tells none."""
    if reply is None or not reply.is_success:
        return None
    told = reply.facts.get("digest")
    is_sha256 = reply.facts.get("algorithm", wire.SHA_256) == wire.SHA_256
    return told.lower() if is_sha256 and isinstance(told, str) else None


async def digest_of(source: Content, start: int, end: int) -> str:
    """SHA-256 of the bytes from ``start`` up to ``end``, in hex.

    Raises:
        LocalFileError: They cannot be read.
    """
    digest = hashlib.sha256()
    await source.feed(digest, start, end=end)
    return digest.hexdigest()
