"""The command line: words into a namespace, and the module of the command that they name.

The HTTP library is loaded when a command needs it, not before: ``--help`` is quick.
"""

import argparse
import contextlib
import errno
import logging
import os
import signal
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import NoReturn

from .commands import exits
from .commands.arguments import add_commands
from .errors import UploadError

UNWRITABLE = frozenset(
    getattr(errno, name) for name in ("ENOSPC", "EDQUOT", "EFBIG", "EIO", "EBADF") if hasattr(errno, name)
)
"""What a disk, or whatever else stdout and stderr lead to, answers to who writes; EDQUOT is unknown to Windows."""

__all__ = ["add_commands", "run", "run_command"]


class Parser(argparse.ArgumentParser):
    """Tells a mistake in the words in one line, without the whole usage."""

    def error(self, message: str) -> NoReturn:
        self.exit(exits.USAGE, f"{self.prog}: {message.removeprefix('argument ')}; try --help\n")


def run(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code. Call it in the main thread for Ctrl-C.

    Args:
        argv: Arguments without the program's name; those of the process if not given.
    """
    parser = Parser(
        prog="tusvideo_client",
        description="Resumable uploads that survive a bad link.",
        epilog=exits.as_text(),
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    add_commands(parser.add_subparsers(dest="command", metavar="COMMAND", required=True).add_parser)
    try:
        namespace = parser.parse_args(argv)
    except SystemExit as ended:
        return ended.code if isinstance(ended.code, int) else exits.USAGE
    return run_command(namespace, parser=parser)


def run_command(namespace: argparse.Namespace, *, parser: argparse.ArgumentParser) -> int:
    """Do what a parsed command asks for and return the exit code.

    Args:
        namespace: What the parser made of the words.
        parser: The parser; ``completion`` tells a shell what it takes.
    """
    namespace.parser = parser
    _open_what_is_closed()
    if getattr(namespace, "verbose", False):
        logging.basicConfig(level=logging.DEBUG, format="%(asctime)s %(name)s %(message)s", stream=sys.stderr)
        logging.getLogger("asyncio").setLevel(logging.WARNING)
    try:
        command = import_module(f"{__package__}.commands.{namespace.command}")
        code: int = command.run(namespace)
        sys.stdout.flush()
    except KeyboardInterrupt:  # before a command began, or where signals cannot be handled in the loop
        return exits.SIGNAL_CODES[signal.SIGINT]
    except BrokenPipeError:  # the reader of stdout has seen enough
        _write_no_more()
        return exits.UNEXPECTED
    except OSError as error:
        if error.filename is not None or error.errno not in UNWRITABLE:
            raise
        _write_no_more()
        with contextlib.suppress(OSError):  # stderr may lie on the same disk
            sys.stderr.write(f"the results cannot be written: {error.strerror or error}\n")
        return exits.UNEXPECTED
    except ValueError as error:
        sys.stderr.write(f"{error}\n")
        return exits.USAGE
    except UploadError as error:  # before any upload: the state on this side cannot be read
        sys.stderr.write(f"{error}\n" + (f"  {error.hint}\n" if error.hint else ""))
        return exits.exit_code_of(error)
    return code


def _open_what_is_closed() -> None:
    """Let what is written to a closed stdout or stderr (``>&-``) go nowhere: the work is done all the same."""
    if sys.stdout is None:
        sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115, PTH123  # for the rest of the process
    if sys.stderr is None:
        sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115, PTH123  # as above


def _write_no_more() -> None:
    """Let what waits for stdout go nowhere, so that the end of the process does not fail over it once more."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)
