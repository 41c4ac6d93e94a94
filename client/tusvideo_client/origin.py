"""What callers may give to be uploaded, and how each of it is opened."""

import inspect
import os
from collections.abc import AsyncIterable, AsyncIterator, Iterable
from pathlib import Path
from typing import Any, BinaryIO

from .content import Content
from .errors import LocalFileError
from .follow import Follow
from .growing import Growing
from .held import Buffer, Held
from .source import Source
from .state import MIB
from .stream import END, Stream, pieces_by_reading, pieces_from_thread, taker_of_file

Uploadable = str | os.PathLike[str] | Buffer | BinaryIO | AsyncIterable[Buffer] | Iterable[Buffer]

SPOOL_BYTES = 64 * MIB
SPOOL_BYTES_AT_LEAST = 64 * 1024


def name_of(what: Uploadable) -> str:
    """The file name that goes with it, if the caller gives none.

    Raises:
        ValueError: It has none.
    """
    if isinstance(what, str | os.PathLike):
        return Path(what).name
    if not isinstance(what, Buffer) and isinstance(name := getattr(what, "name", None), str) and name[:1] != "<":
        return Path(name).name
    message = f"{type(what).__name__} has no file name: give name='talk.mp4'"
    raise ValueError(message)


async def open_content(
    what: Uploadable, *, size: int | None = None, spool_bytes: int = SPOOL_BYTES, follow: Follow | None = None
) -> Content:
    """Open what is to be uploaded; close the content when done.

    Args:
        what: Paths, bytes, file objects and streams.
        size: How many bytes it has, if the caller knows.
        spool_bytes: How much of a stream may wait here for the server.
        follow: When a file that is still growing has ended; None for a file that is finished.

    Raises:
        LocalFileError: It cannot be read.
        TypeError: It is nothing that can be uploaded.
        ValueError: What is to be followed has no path, or a size.
    """
    content: Content
    if follow is not None:
        if not isinstance(what, str | os.PathLike) or size is not None:
            message = "follow is for a path, and without a size"
            raise ValueError(message)
        return await Growing.open(what, follow=follow)
    if isinstance(what, str | os.PathLike):
        content = await Source.open(what)
    elif isinstance(what, Buffer):
        content = await Held.of_bytes(what)
    elif _can_seek(what):
        content = await Held.of_file(what)  # type: ignore[arg-type]  # it has what a file object has
    else:
        return await _open_stream(what, size=size, capacity=spool_bytes)
    if size not in {None, content.size}:
        await content.close()
        message = f"{content.label} has {content.size} bytes; expected {size}, as told"
        raise LocalFileError(message)
    return content


async def _open_stream(what: Any, *, size: int | None, capacity: int) -> Stream:  # noqa: ANN401  # whatever was given
    label = f"the stream {name!r}" if isinstance(name := getattr(what, "name", None), str) else "the stream"
    return await Stream.open(_pieces_of(what), label=label, size=size, capacity=capacity)


def _can_seek(what: Any) -> bool:  # noqa: ANN401  # whatever the caller gave
    if inspect.iscoroutinefunction(getattr(what, "read", None)) or not hasattr(what, "read"):
        return False
    return bool(getattr(what, "seekable", bool)())


def _pieces_of(what: Any) -> AsyncIterator[Any]:  # noqa: ANN401  # whatever the caller gave
    if inspect.iscoroutinefunction(read := getattr(what, "read", None)):
        return pieces_by_reading(read)
    if callable(read):
        return pieces_from_thread(taker_of_file(what))
    if isinstance(what, AsyncIterable):
        return aiter(what)
    if isinstance(what, Iterable):
        pieces = iter(what)
        return pieces_from_thread(lambda: next(pieces, END))
    message = (
        f"{type(what).__name__} cannot be uploaded; expected a path, bytes, a binary file object or a stream of bytes"
    )
    raise TypeError(message)
