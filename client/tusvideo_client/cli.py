"""The command line: words into a namespace, and the module of the command that they name.

The HTTP library is loaded when a command needs it, not before: ``--help`` is quick.
"""

import argparse
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
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return exits.UNEXPECTED
    except ValueError as error:
        sys.stderr.write(f"{error}\n")
        return exits.USAGE
    except UploadError as error:  # before any upload: the state on this side cannot be read
        sys.stderr.write(f"{error}\n" + (f"  {error.hint}\n" if error.hint else ""))
        return exits.exit_code_of(error)
    return code
