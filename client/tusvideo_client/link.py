"""One connection seen from below HTTP: what the other end has acknowledged, and how to end it at once.

Everything here is a courtesy of the platform: where it tells nothing, the caller goes by what was handed over.
"""

import contextlib
import socket
import struct
import sys
from typing import Protocol

if sys.platform == "linux":
    import fcntl
    import termios

NOT_SENT_AT_MOST = 128 * 1024
NOT_SENT_WHEN_SWIFT = 512 * 1024
KEEPALIVE_IDLE, KEEPALIVE_PACE, KEEPALIVE_COUNT = 15, 5, 3
NOT_SENT = 0x894B  # SIOCOUTQNSD, which the standard library does not name
RTT_AT = 68  # tcpi_rtt in struct tcp_info, microseconds

_NUMBER = struct.Struct("=i")
_MICROSECONDS = struct.Struct("=I")


class Descriptor(Protocol):
    """A socket, or asyncio's view of one."""

    def fileno(self) -> int: ...

    def getsockopt(self, level: int, name: int, length: int, /) -> bytes: ...

    def setsockopt(self, level: int, name: int, value: bytes, /) -> None: ...


def make_socket(family: int, kind: int, proto: int) -> socket.socket:
    """A socket that shows early whether bytes move, and that notices a dead peer.

    Little waits unsent in the kernel, so that what was handed over is close to what has left. No ``TCP_USER_TIMEOUT``:
    a peer that reads steadily, but never enough to open its window for a whole segment, is taken for dead by it (seen
    at 64 kbit/s). What was acknowledged is looked at while a request runs, and tells the two apart.
    """
    made = socket.socket(family=family, type=kind, proto=proto)
    made.setblocking(False)  # noqa: FBT003  # the standard library's own signature
    made.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    if sys.platform == "linux":
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, KEEPALIVE_IDLE)
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, KEEPALIVE_PACE)
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT, KEEPALIVE_COUNT)
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, NOT_SENT_AT_MOST)
    return made


def hold_more(link: Descriptor) -> None:
    """Let more wait unsent in the kernel: on a swift link it leaves within a blink, and we wake less often."""
    if sys.platform == "linux":
        with contextlib.suppress(OSError, ValueError):
            link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, _NUMBER.pack(NOT_SENT_WHEN_SWIFT))


def unacknowledged(link: Descriptor) -> int | None:
    """Bytes that the kernel holds because the peer has not acknowledged them; None where it does not tell.

    These are always the newest ones: what was handed over before them has arrived.
    """
    return None if sys.platform != "linux" else _count(link, termios.TIOCOUTQ)  # SIOCOUTQ has the same number


def unsent(link: Descriptor) -> int | None:
    """Bytes that the kernel holds and has not sent even once; None where it does not tell."""
    return None if sys.platform != "linux" else _count(link, NOT_SENT)


def _count(link: Descriptor, question: int) -> int | None:
    if sys.platform != "linux":
        return None
    try:
        answer = fcntl.ioctl(link.fileno(), question, bytes(_NUMBER.size))
    except (OSError, ValueError):
        return None  # closed in the meantime
    return int(_NUMBER.unpack(answer)[0])


def round_trip(link: Descriptor) -> float | None:
    """The kernel's estimate of the round trip in seconds; None where it does not tell."""
    if sys.platform != "linux":
        return None
    try:
        facts = link.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, RTT_AT + _MICROSECONDS.size)
        return float(_MICROSECONDS.unpack_from(facts, RTT_AT)[0]) / 1e6
    except (OSError, struct.error):
        return None


def forsake(link: Descriptor) -> None:
    """Let the next close be a reset: nothing is sent any more, and the peer frees what it holds for us."""
    try:
        link.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    except (OSError, ValueError):
        return  # closed in the meantime, or no TCP
