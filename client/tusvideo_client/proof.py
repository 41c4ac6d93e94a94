"""Is what the server stores the beginning of this file? Asked once in a call that goes on with an older upload.

The fingerprint of a file can be fooled (an editor that keeps size and time, a clock that was set back); the digests of
the stored bytes cannot. Servers that tell no digests are believed, and the caller is told for how many bytes.
"""

from collections.abc import Container
from dataclasses import dataclass

from . import wire
from .checksum import DIGESTS
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
        told = digest_told(transfer.reply) if isinstance(event, Answer) else None
        if told is None:
            return event if isinstance(event, Answer) and is_passing(event) else offset - start
        if told.digest != await digest_of(source, start, end):
            return Differs(at=event.at)
    return 0


@dataclass(frozen=True, slots=True)
class Told:
    """A digest in hex, and by what it was computed: a key of :data:`DIGESTS`."""

    digest: str
    algorithm: str


def digest_told(reply: Reply | None, *, among: Container[str] = (wire.SHA_256,)) -> Told | None:
    """The digest that an answer tells, or None if it tells none of these."""
    if reply is None or not reply.is_success:
        return None
    told, algorithm = reply.facts.get("digest"), reply.facts.get("algorithm", wire.SHA_256)
    if not isinstance(told, str) or not isinstance(algorithm, str) or algorithm not in among:
        return None
    return Told(told.lower(), algorithm)


async def digest_of(source: Content, start: int, end: int, *, algorithm: str = wire.SHA_256) -> str:
    """The digest of the bytes from ``start`` up to ``end``, in hex.

    Raises:
        LocalFileError: They cannot be read.
    """
    running = DIGESTS[algorithm]()
    await source.feed(running, start, end=end)
    return running.digest().hex()
