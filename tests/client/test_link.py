"""What the kernel tells of one connection, on real sockets."""

import asyncio
import contextlib
import fcntl
import socket
import sys
import termios
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any, cast

import pytest

from tusvideo_client import link, network
from tusvideo_client.movement import Movement

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells what the peer has acknowledged")

Pair = tuple[socket.socket, socket.socket]


@pytest.fixture
def pair() -> Iterator[Pair]:
    """A connection made as the client makes it, and its other end, which has small buffers and reads nothing."""
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        with link.make_socket(socket.AF_INET, socket.SOCK_STREAM, 0) as ours:
            ours.setblocking(True)
            ours.connect(listener.getsockname())
            theirs, _ = listener.accept()
            with theirs:
                yield ours, theirs


def test_what_the_peer_does_not_read_stays_unacknowledged(pair: Pair) -> None:
    """A buffer of ours that is full is no progress; what the peer reads is."""
    ours, theirs = pair
    assert link.unacknowledged(ours) == 0
    ours.setblocking(False)
    sent = 0
    with contextlib.suppress(BlockingIOError):
        while True:
            sent += ours.send(bytes(65536))
    held, unsent = link.unacknowledged(ours), link.unsent(ours)
    assert held is not None
    assert unsent is not None
    assert 0 < unsent <= held  # what the peer has no room for does not leave
    assert 0 < held <= sent
    got = 0
    theirs.settimeout(5)
    while got < sent:
        got += len(theirs.recv(65536))
    assert (link.unacknowledged(ours), link.unsent(ours)) == (0, 0)


def test_little_waits_unsent(pair: Pair) -> None:
    """The options that show movement early; a peer that reads slowly is not taken for dead by the kernel."""
    ours, _ = pair
    assert ours.getsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT) == 128 * 1024
    assert ours.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == 0
    assert ours.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)


@pytest.mark.parametrize(("seconds", "most"), [(0.5, 512 * 1024), (1.5, 128 * 1024)])
def test_more_waits_unsent_on_a_swift_link(seconds: float, most: int, pair: Pair) -> None:
    """When much was acknowledged within a blink, the kernel may hold more: that costs less time of the processor."""
    ours, _ = pair
    transport = SimpleNamespace(is_closing=lambda: False, get_extra_info=lambda _: ours)
    tracker = SimpleNamespace(bytes_written=20 * 1024 * 1024)
    movement = Movement(tracker=cast("Any", tracker), length=2**30, at=0.0)
    movement.attach(cast("Any", transport), now=10.0)
    assert movement.look(10.0 + seconds)
    assert ours.getsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT) == most


async def test_what_the_transport_still_keeps_is_not_acknowledged(pair: Pair) -> None:
    """When the last byte was handed over, some are still in the process: a peer that reads slowly is seen to read."""
    ours, theirs = pair
    length, got = 1024 * 1024, 0
    theirs.settimeout(5)
    ours.setblocking(False)
    transport, _ = await asyncio.get_running_loop().create_connection(asyncio.Protocol, sock=ours)
    transport.write(bytes(length))
    tracker = SimpleNamespace(bytes_written=length)  # as the library counts as soon as nothing is left to hand over
    movement = Movement(tracker=cast("Any", tracker), length=length, at=0.0)
    movement.attach(transport, now=0.0)
    seen = []
    while got < length:
        movement.look(0.0)
        assert movement.acked <= got + _arrived(theirs)
        seen.append(movement.acked)
        got += len(theirs.recv(length // 16))
        await asyncio.sleep(0)  # let the transport hand over more
    assert len(set(seen)) > 4
    assert not movement.is_whole or movement.acked == length
    transport.close()


def _arrived(theirs: socket.socket) -> int:
    return int.from_bytes(fcntl.ioctl(theirs, termios.FIONREAD, bytes(4)), sys.byteorder)


def test_the_round_trip_of_loopback_is_short(pair: Pair) -> None:
    """The kernel measured the handshake."""
    measured = link.round_trip(pair[0])
    assert measured is not None
    assert 0 < measured < 1


def test_a_forsaken_connection_ends_with_a_reset(pair: Pair) -> None:
    """The peer learns at once that nothing more comes."""
    ours, theirs = pair
    link.forsake(ours)
    ours.close()
    with pytest.raises(ConnectionResetError):
        theirs.recv(1)


def test_a_closed_socket_tells_nothing(pair: Pair) -> None:
    """Looking at a connection that has just ended is no error."""
    ours, _ = pair
    ours.close()
    assert (link.unacknowledged(ours), link.round_trip(ours)) == (None, None)
    link.forsake(ours)
    link.hold_more(ours)


async def test_a_quiet_network_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without news the wait goes on, also where the system refuses to tell; cancelling it is safe."""
    for refuses in (False, True):
        if refuses:
            monkeypatch.setattr(network, "_listen", lambda: None)
        wait = asyncio.ensure_future(network.changed())
        assert not (await asyncio.wait({wait}, timeout=0.05))[0]
        wait.cancel()
        await asyncio.wait({wait})
        assert wait.cancelled()


async def test_news_of_the_network_end_the_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the system says about addresses and routes is reason enough to try."""
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    monkeypatch.setattr(network, "_listen", lambda: ours)
    wait = asyncio.ensure_future(network.changed())
    theirs.send(b"news")
    await asyncio.wait_for(wait, 5)
    theirs.close()
