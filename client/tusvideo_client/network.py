"""News of this machine's network: a wait for it to come back ends early when an address or a route changes."""

import asyncio
import socket
import sys

RTMGRP_LINK = 0x1
RTMGRP_IPV4_IFADDR, RTMGRP_IPV4_ROUTE = 0x10, 0x40
RTMGRP_IPV6_IFADDR, RTMGRP_IPV6_ROUTE = 0x100, 0x400
NEWS = RTMGRP_LINK | RTMGRP_IPV4_IFADDR | RTMGRP_IPV4_ROUTE | RTMGRP_IPV6_IFADDR | RTMGRP_IPV6_ROUTE

SETTLE_SECONDS = 0.2


async def changed() -> None:
    """Return a moment after the next change of an address or a route; never, where the platform tells nothing.

    Safe to cancel.
    """
    news = _listen()
    if news is None:
        await asyncio.Event().wait()
        return
    with news:
        await asyncio.get_running_loop().sock_recv(news, 64 * 1024)
    await asyncio.sleep(SETTLE_SECONDS)  # an address comes before its route


def _listen() -> socket.socket | None:
    if sys.platform != "linux":
        return None
    try:
        news = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, socket.NETLINK_ROUTE)
    except OSError:
        return None  # forbidden in this sandbox
    try:
        news.setblocking(False)  # noqa: FBT003  # the standard library's own signature
        news.bind((0, NEWS))
    except OSError:
        news.close()
        return None
    return news
