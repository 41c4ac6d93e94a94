"""The command ``upload``: files to a server, resumed by running the same command again.

Exit codes: 0 done · 1 unexpected · 2 usage · 3 some of several files failed · 4 local file missing or changed ·
5 refused by the server · 6 credentials · 7 the bytes on the server differ · 75 gave up for now, run again to resume ·
130 interrupted · 143 terminated.

The HTTP library is loaded when an upload begins, not before: ``--help`` is quick.
"""

import argparse
import asyncio
import logging
import os
import signal
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from .display import Display, choose_display
from .errors import (
    AuthError,
    FileTooLargeError,
    GaveUpError,
    IntegrityError,
    LocalFileError,
    RejectedError,
    UnsupportedTypeError,
    UploadError,
    UploadGoneError,
)
from .model import Progress, UploadResult
from .state import MIB, RetryPolicy

if TYPE_CHECKING:
    from .transport import Token
    from .uploader import AsyncUploader

TO_VARIABLE = "TUSVIDEO_TO"
TOKEN_VARIABLE = "TUSVIDEO_TOKEN"  # noqa: S105  # the name of a variable, not its value

OK, UNEXPECTED, USAGE, SOME_FAILED = 0, 1, 2, 3
EXIT_CODES: tuple[tuple[type[UploadError], int], ...] = (
    (UnsupportedTypeError, 5),
    (FileTooLargeError, 5),
    (LocalFileError, 4),
    (RejectedError, 5),
    (UploadGoneError, 5),
    (AuthError, 6),
    (IntegrityError, 7),
    (GaveUpError, 75),
)
SIGNAL_CODES = {signal.SIGINT: 130, signal.SIGTERM: 143}


class Interrupt:
    """The signal that asked this run to stop, if one did."""

    def __init__(self) -> None:
        self.exit_code: int | None = None


def run(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code.

    Args:
        argv: Arguments without the program's name; those of the process if not given.
    """
    parser = argparse.ArgumentParser(prog="tusvideo_client", description="Resumable uploads that survive a bad link.")
    commands = parser.add_subparsers(dest="command", required=True)
    add_upload_arguments(commands.add_parser("upload", help="upload files", description="Upload files, or resume."))
    try:
        namespace = parser.parse_args(argv)
    except SystemExit as ended:
        return ended.code if isinstance(ended.code, int) else USAGE
    return run_upload(namespace)


def add_upload_arguments(parser: argparse.ArgumentParser) -> None:
    """Give a parser the arguments of ``upload``."""
    add = parser.add_argument
    add("files", nargs="+", metavar="FILE", help="file to upload; the same command again resumes")
    add("--to", metavar="URL", help=f"root of the server, as http://HOST:PORT (or {TO_VARIABLE})")
    add("--title", help="title of the video record")
    add("--description", help="description in the video record")
    add("--profile", help="the server's profile (its default for tus; poster for chunks)")
    add("--protocol", choices=("tus", "chunks"), default="tus", help="default: tus")
    add(
        "--token-file",
        type=Path,
        metavar="F",
        help=f"file with the bearer token, read anew when refused (or {TOKEN_VARIABLE})",
    )
    add("--retry-for", type=_patience, metavar="SECONDS", help="give up after so long without progress, or 'forever'")
    add(
        "--chunk-size", type=_size, metavar="N", help="bytes in a chunk (default 1 MiB), or in one tus request (64 MiB)"
    )
    add("--json", action="store_true", help="events on stdout, one JSON object a line; the last one is the result")
    add("--progress", choices=("auto", "bar", "plain", "none"), default="auto", help="default: auto")
    add("-q", "--quiet", action="store_true", help="only results and errors")
    add("-v", "--verbose", action="store_true", help="log every request to stderr")


def run_upload(namespace: argparse.Namespace) -> int:
    """Do what the arguments of ``upload`` ask for and return the exit code. Call it in the main thread for Ctrl-C."""
    url = namespace.to or os.environ.get(TO_VARIABLE)
    if not url:
        sys.stderr.write(f"no server: give --to URL or set {TO_VARIABLE}\n")
        return USAGE
    if namespace.verbose:
        logging.basicConfig(level=logging.DEBUG, format="%(asctime)s %(name)s %(message)s", stream=sys.stderr)
        logging.getLogger("asyncio").setLevel(logging.WARNING)
    display = choose_display(namespace.progress, as_json=namespace.json, is_quiet=namespace.quiet)
    try:
        return asyncio.run(_Command(namespace, url=url, display=display).run())
    except KeyboardInterrupt:  # before the upload began, or where signals cannot be handled in the loop
        return SIGNAL_CODES[signal.SIGINT]
    except ValueError as error:
        sys.stderr.write(f"{error}\n")
        return USAGE


class _Command:
    """One run over all files."""

    def __init__(self, namespace: argparse.Namespace, *, url: str, display: Display) -> None:
        self._options = namespace
        self._url = url
        self._display = display
        self._retry: RetryPolicy = namespace.retry_for or RetryPolicy()
        self._last: Progress | None = None

    async def run(self) -> int:
        interrupt = Interrupt()
        with _signals_cancel(interrupt):
            code = await self._run_all(interrupt)
        self._display.end(exit_code=code)
        return code

    async def _run_all(self, interrupt: Interrupt) -> int:
        codes = []
        for name in self._options.files:
            self._last = None
            try:
                codes.append(await self._run_one(name))
            except asyncio.CancelledError:
                if interrupt.exit_code is None:
                    raise
                self._display.interrupt(name, now=self._last)
                return interrupt.exit_code
        distinct = set(codes)
        return distinct.pop() if len(distinct) == 1 else SOME_FAILED

    async def _run_one(self, name: str) -> int:
        path = Path(name)
        self._display.begin(name)
        try:
            result = await self._upload(path, name=name)
        except UploadError as error:
            code = exit_code_of(error)
            self._display.fail(name, error=error, exit_code=code)
            return code
        self._display.succeed(name, result=result)
        return OK

    async def _upload(self, path: Path, *, name: str) -> UploadResult:
        options = self._options
        tell = partial(self._tell, name)
        if options.protocol == "chunks":
            from .chunked import AsyncChunkedVideoUploader  # noqa: PLC0415  # loads the HTTP library

            chunked = AsyncChunkedVideoUploader(
                self._url,
                self._token(),
                profile=options.profile or "poster",
                chunk_size=options.chunk_size or MIB,
                retry=self._retry,
            )
            return await chunked.upload(path, title=options.title, description=options.description, progress=tell)
        async with self._tus_uploader() as uploader:
            return await uploader.upload(
                path, title=options.title, description=options.description, profile=options.profile, progress=tell
            )

    def _tus_uploader(self) -> "AsyncUploader":
        from .uploader import AsyncUploader  # noqa: PLC0415  # loads the HTTP library

        return AsyncUploader(
            self._url,
            token=self._token(),
            retry=self._retry,
            request_bytes=self._options.chunk_size or 64 * MIB,
        )

    def _token(self) -> "Token":
        if self._options.token_file:
            return partial(_read_token, self._options.token_file)
        return os.environ.get(TOKEN_VARIABLE) or None

    def _tell(self, name: str, now: Progress) -> None:
        self._last = now
        self._display.progress(name, now=now)


def exit_code_of(error: UploadError) -> int:
    """The exit code that tells a calling program what kind of error it was."""
    return next((code for kind, code in EXIT_CODES if isinstance(error, kind)), UNEXPECTED)


@contextmanager
def _signals_cancel(interrupt: Interrupt) -> Iterator[None]:
    """The first SIGINT or SIGTERM cancels this task, so that it saves its state; the second one ends the process."""
    loop, task = asyncio.get_running_loop(), asyncio.current_task()
    if threading.current_thread() is not threading.main_thread() or sys.platform == "win32" or task is None:
        yield
        return

    def stop(code: int) -> None:
        if interrupt.exit_code is not None:
            os._exit(code)
        interrupt.exit_code = code
        task.cancel()

    for number, code in SIGNAL_CODES.items():
        loop.add_signal_handler(number, stop, code)
    try:
        yield
    finally:
        for number in SIGNAL_CODES:
            loop.remove_signal_handler(number)


def _read_token(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8").strip()
    except OSError as error:
        message = f"the token file {path} cannot be read: {error.strerror or error}"
        raise AuthError(message) from error


def _patience(text: str) -> RetryPolicy:
    if text == "forever":
        return RetryPolicy(no_progress=None, max_offline=None, busy=float("inf"))
    seconds = float(text)
    if not 0 <= seconds < float("inf"):
        message = f"expected seconds or 'forever', got {text}"
        raise argparse.ArgumentTypeError(message)
    return RetryPolicy(no_progress=seconds, max_offline=seconds, busy=seconds)


def _size(text: str) -> int:
    number = int(text)
    if number < 1:
        message = f"expected a positive number of bytes, got {text}"
        raise argparse.ArgumentTypeError(message)
    return number
