"""The life of a server, from start to stop: recover, listen, serve, keep house, and end when a signal says so."""

import asyncio
import errno
import logging
import os
import signal
import socket
import sys
import threading
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import asdict, replace
from functools import partial
from typing import Final, TypeVar

from aiohttp import http_parser, web

from tusvideo import __version__, descriptors
from tusvideo.allocator import collect_seldom, keep_freed_blocks
from tusvideo.config import Address, Config
from tusvideo.errors import ConfigError, TusvideoError, Unavailable
from tusvideo.log import cause_of, configure_log, event
from tusvideo.model import Durability
from tusvideo.service.concatenating import Concatenated
from tusvideo.service.inspecting import Inspected
from tusvideo.service.removing import Removed
from tusvideo.service.sweeper import Swept
from tusvideo.service.syncing import Synced
from tusvideo.web.app import make_runner
from tusvideo.web.keys import House
from tusvideo.wiring import Server, house_of, opened

_logger: Final = logging.getLogger(__name__)

T = TypeVar("T")

_SIGNALS: Final = (signal.SIGTERM, signal.SIGINT)
_WHY_NOT: Final = {
    errno.EADDRINUSE: "another program listens there; stop it, or choose another port with --listen",
    errno.EACCES: "this user may not take that port; choose one above 1023",
    errno.EADDRNOTAVAIL: "this machine has no such address",
}
_NO_C_PARSER: Final = (
    "aiohttp has no C parser here, and that one is what is tested;"
    " install a wheel of aiohttp for this platform, and unset AIOHTTP_NO_EXTENSIONS"
)

SYNC_SECONDS: Final = 10.0
"""So often bytes are synced that were acknowledged before; half a minute is promised."""
FORCED_STOP_SECONDS: Final = 9.7
"""After so long a stop that hangs, on a disk that does not answer for one, is cut short: what is stored is stored."""


def run(config: Config) -> int:
    """Run a server until it is told to stop, and give the exit code: 0 stopped as asked, 1 could not start."""
    configure_log(level=config.log.level, form=config.log.format)
    keep_freed_blocks()
    collect_seldom()
    try:
        return asyncio.run(serve(config))
    except TusvideoError as error:
        print(f"tusvideo: {error}", file=sys.stderr)  # noqa: T201  # for the person who typed the command
        return 1


async def serve(config: Config) -> int:
    """Recover, listen, tell on stdout that the server is ready, and serve until SIGTERM or SIGINT.

    Raises TusvideoError, with a sentence for the operator, when the server cannot start; everything is closed then.
    """
    require_c_parser()
    stop = _stop_signals()
    async with opened(config) as server:
        if await _recover(server, stop):
            await _serve_until(stop, server, config)
    event(_logger, logging.INFO, "server_stopped")
    return 0


def require_c_parser() -> None:
    """Refuse to go on without aiohttp's parser in C: the one in Python reads requests differently, and slowly."""
    if http_parser.HttpRequestParser is http_parser.HttpRequestParserPy:
        raise ConfigError([_NO_C_PARSER])


async def _recover(server: Server, stop: asyncio.Event) -> bool:
    """Bring rows and files together; False when the stop came first, which is safe at any moment."""
    try:
        recovered = await unless(stop, server.recovery.run())
        await server.concatenating.run()
    except Unavailable as error:
        reason = error.__cause__ or error
        raise ConfigError([f"cannot bring session table and files together after the last stop: {reason}"]) from error
    if recovered is None:
        return False
    event(_logger, logging.INFO, "recovery_done", **asdict(recovered))
    return True


async def _serve_until(stop: asyncio.Event, server: Server, config: Config) -> None:
    house = _within_descriptors(house_of(server, config))
    # aiohttp grants its time twice: to requests, and once more after it has ended their bodies.
    runner = make_runner(house, stop_seconds=config.server.stop_seconds / 2)
    await runner.setup()
    rounds = [
        asyncio.create_task(
            _again_and_again("sweep", server.sweeper.run, wait=partial(asyncio.sleep, config.storage.sweep_seconds))
        ),
        asyncio.create_task(
            _again_and_again(
                "concatenation", server.concatenating.run, wait=partial(asyncio.sleep, config.storage.sweep_seconds)
            )
        ),
        asyncio.create_task(_again_and_again("sync", server.syncing.run, wait=partial(asyncio.sleep, SYNC_SECONDS))),
        asyncio.create_task(_again_and_again("removal", server.removing.run, wait=server.removing.wait)),
        asyncio.create_task(_again_and_again("inspection", server.inspecting.run, wait=server.inspecting.wait)),
    ]
    try:
        site = await _listen(runner, config.server.listen)
        _announce(config, port=site.port, most_transfers=house.limits.max_transfers)
        await stop.wait()
        house.stopping.set()
        await site.stop()
        server.locks.stop_all()
    finally:
        for task in rounds:
            task.cancel()
        await asyncio.wait(rounds)
        await runner.cleanup()
        await server.syncing.run()


def _within_descriptors(house: House) -> House:
    """Refuse transfers before there is no descriptor left to accept a connection, or to open a file, with."""
    most = min(house.limits.max_transfers, descriptors.take_all())
    return replace(house, limits=replace(house.limits, max_transfers=most))


async def _listen(runner: web.ServerRunner, address: Address) -> web.TCPSite:
    try:
        host = address.host
        if not address.port:
            # A name with several addresses would get a free port for each of them, and only one can be told.
            found = await asyncio.get_running_loop().getaddrinfo(host, 0, type=socket.SOCK_STREAM)
            host = str(found[0][4][0])
        site = web.TCPSite(runner, host, address.port)
        await site.start()
    except socket.gaierror as error:
        raise ConfigError([f"cannot listen on {address}: no address is known for {address.host}"]) from error
    except OSError as error:
        number = error.errno or 0
        reason = _WHY_NOT.get(number, os.strerror(number).lower())
        raise ConfigError([f"cannot listen on {address}: {reason}"]) from error
    return site


def _announce(config: Config, *, port: int, most_transfers: int) -> None:
    address = Address(config.server.listen.host, port)
    if not address.is_loopback:
        event(_logger, logging.WARNING, "insecure_anonymous", listen=str(address), effect="everybody may do everything")
    if config.storage.durability is Durability.RELAXED:
        effect = "a power cut may take half a minute of unfinished uploads"
        event(_logger, logging.WARNING, "durability_relaxed", effect=effect)
    durability = config.storage.durability.value
    event(
        _logger,
        logging.INFO,
        "server_started",
        version=__version__,
        listen=str(address),
        durability=durability,
        max_transfers=most_transfers,
    )
    print(f"listening on http://{address}", flush=True)  # noqa: T201  # programs wait for this line


async def _again_and_again(
    name: str,
    work: Callable[[], Awaitable[Swept | Synced | Concatenated | Inspected | Removed]],
    *,
    wait: Callable[[], Awaitable[object]],
) -> None:
    """Do a piece of house-keeping in rounds; one that fails is told, and the next one may work."""
    while True:
        await wait()
        try:
            done = asdict(await work())
        except TusvideoError as error:
            event(_logger, logging.WARNING, f"{name}_failed", code=error.code, cause=cause_of(error))
        except Exception:  # the root of a task
            _logger.exception("%s_failed", name)
        else:
            if any(done.values()):
                event(_logger, logging.INFO, f"{name}_done", **done)


def _stop_signals() -> asyncio.Event:
    """Give what the first SIGTERM or SIGINT sets; a second one ends the process at once."""
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()

    def begin(number: signal.Signals) -> None:
        if stop.is_set():
            return  # came before the lines below had been reached
        for each in _SIGNALS:
            loop.remove_signal_handler(each)
            signal.signal(each, signal.SIG_DFL)
        event(_logger, logging.INFO, "server_stopping", signal=number.name)
        forced = threading.Timer(FORCED_STOP_SECONDS, _stop_by_force)
        forced.daemon = True
        forced.start()
        stop.set()

    for each in _SIGNALS:
        loop.add_signal_handler(each, begin, each)
    return stop


def _stop_by_force() -> None:
    event(_logger, logging.ERROR, "stop_forced", after_seconds=FORCED_STOP_SECONDS)
    os._exit(1)


async def unless(stop: asyncio.Event, work: Coroutine[None, None, T]) -> T | None:
    """Do work that is safe to interrupt; None when the stop came first."""
    working, waiting = asyncio.create_task(work), asyncio.create_task(stop.wait())
    await asyncio.wait([working, waiting], return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()
    if not working.done():
        working.cancel()
        await asyncio.wait([working])
        return None
    return working.result()
