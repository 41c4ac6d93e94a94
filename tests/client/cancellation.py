"""Calls and commands that are ended while the server has some of their bytes."""

import asyncio
import signal
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

import pytest

from tests.client.peer import Fault, Peer
from tests.client.processes import start
from tusvideo_client.journal import Journal
from tusvideo_client.state import MIB


async def cancelled_in_the_middle(peer: Peer, call: Coroutine[Any, Any, object]) -> None:
    """Cancel a call once the server holds it up, as a fault with ``hold_after`` says, and see it end by that."""
    task = asyncio.create_task(call)
    await peer.reached.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def leave(peer: Peer, video: Path, *, protocol: str = "tus", after: int = MIB) -> str:
    """Begin an upload, interrupt it when the server has so many bytes of a request, and give its id."""
    method, path = ("PATCH", "") if protocol == "tus" else ("POST", "chunk")
    peer.faults = [Fault(method, path=path, hold_after=after, skip=1)]
    more = ["--meta", "a=b=c"] if protocol == "tus" else []
    process = await start(
        str(video), "--to", peer.url, "--protocol", protocol, "--chunk-size", "1M", "--title", "Talk", *more
    )
    await peer.reached.wait()
    peer.reached.clear()
    process.send_signal(signal.SIGINT)
    _, err = await process.communicate()
    assert (process.returncode, "run the same command to resume" in err.decode()) == (130, True)
    peer.faults = []
    places = [(entry.record.place, entry.key) for entry in Journal().entries()]
    (key,) = [key for place, key in places if (place.endpoint, place.protocol) == (peer.url, protocol)]
    return key
