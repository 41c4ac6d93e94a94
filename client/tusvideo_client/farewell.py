"""An unfinished upload that is of no more use: removed from its server, if that is easy, else left there to expire."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from http import HTTPStatus

from . import wire
from .control import Control
from .dialect import DIALECTS
from .errors import UploadError
from .intake import Intake
from .journal import Record
from .transport import Interrupted, Reply, Transport

FAREWELL_SECONDS = 5.0
GONE = {HTTPStatus.NO_CONTENT, HTTPStatus.NOT_FOUND, HTTPStatus.GONE}


async def say_farewell(transport: Transport, old: Record) -> bool:
    """Remove what the server has of an upload, if it answers soon; safe to repeat. What is remembered of it stays.

    True if the server has it no more. A finished one is left alone: it is the user's published file.
    """
    if old.address is None:
        return True
    headers = {} if old.place.protocol == "chunks" else DIALECTS[old.protocol].always
    with suppress(Interrupted, UploadError, TimeoutError):
        async with asyncio.timeout(FAREWELL_SECONDS):
            reply = await transport.send("HEAD", old.address, headers=headers)
            if _is_unfinished(old, reply):
                reply = await transport.send("DELETE", old.address, headers=headers)
            return reply.status in GONE
    return False


@asynccontextmanager
async def terminated_if_asked(transport: Transport, intake: Intake, control: Control) -> AsyncIterator[None]:
    """A cancel of what is in this block removes the upload on both sides, if whoever cancels asks for that."""
    try:
        yield
    except asyncio.CancelledError:
        if control.terminates and await say_farewell(transport, intake.record):
            intake.claim.forget()
            control.is_terminated = True
        raise


def _is_unfinished(old: Record, reply: Reply) -> bool:
    if old.place.protocol == "chunks":
        return reply.is_success and wire.CONTENT_LOCATION not in reply.headers
    offset = wire.parse_whole_number(reply.headers.get(wire.UPLOAD_OFFSET))
    told = wire.parse_whole_number(reply.headers.get(wire.UPLOAD_LENGTH))
    length = old.fingerprint.identity.size if told is None else told
    return offset is not None and (offset < length or wire.UPLOAD_DEFER_LENGTH in reply.headers)
