"""The command line: words into a namespace; nothing here starts anything."""

import argparse
from collections.abc import Callable
from typing import Final, NoReturn

from tusvideo import __version__
from tusvideo.config import FLAGS

_HELP: Final = {
    "--listen": ("HOST:PORT", "where to listen; port 0 takes any that is free (default: 127.0.0.1:8080)"),
    "--data-dir": ("DIR", "folder of uploads, staging and the database (default: data)"),
    "--log-level": ("LEVEL", "the least that is told on stderr: debug, info, warning or error (default: info)"),
    "--log-format": ("FORMAT", "text or json (default: text)"),
}


AddParser = Callable[..., argparse.ArgumentParser]


class Parser(argparse.ArgumentParser):
    """Tells a mistake in the words in one line, without the whole usage."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {message.removeprefix('argument ')}; try --help\n")


def build_parser(*, add_client_commands: Callable[[AddParser], None] | None) -> argparse.ArgumentParser:
    """Describe the commands. ``upload`` and its like are the client's to describe; None leaves them out."""
    parser = Parser(
        prog="tusvideo",
        description="Resumable upload server for video and other large files, and its client.",
        epilog="tusvideo COMMAND --help tells what a command takes.",
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"tusvideo {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    _add_serve(commands.add_parser("serve", help="run the server", allow_abbrev=False, description=_SERVE))
    line = "tell what the next start of the server would mend"
    _add_fsck(commands.add_parser("fsck", help=line, allow_abbrev=False, description=_FSCK))
    if add_client_commands is not None:
        add_client_commands(commands.add_parser)
    return parser


def given_flags(namespace: argparse.Namespace) -> dict[str, str]:
    """Collect the flags that set an option, as text by flag, those only that were given."""
    values = {flag: getattr(namespace, flag.removeprefix("--").replace("-", "_"), None) for flag in FLAGS}
    return {flag: value for flag, value in values.items() if value is not None}


SERVER_COMMANDS: Final = frozenset({"serve", "fsck"})

_SERVE: Final = (
    "Run the server until SIGTERM or SIGINT. Flags win over the environment (TUSVIDEO_SERVER_LISTEN and so on), which"
    " wins over the file; conf/tusvideo.toml in the source shows every option."
)


_FSCK: Final = (
    "Compare the session table with the files, tell what the next start of the server would do about it, and which"
    " published files are gone; nothing is changed. The server must be stopped. Exit codes: 0 all is well, 3 something"
    " was told, 1 it could not be looked at."
)


def _add_fsck(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--config", metavar="FILE", help="TOML file with settings (default: none)")
    parser.add_argument("--data-dir", metavar="DIR", help=_HELP["--data-dir"][1])


def _add_serve(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--config", metavar="FILE", help="TOML file with settings (default: none)")
    for flag, (metavar, text) in _HELP.items():
        parser.add_argument(flag, metavar=metavar, help=text)
    parser.add_argument(
        "--insecure-anonymous",
        action="store_const",
        const="true",
        help="listen elsewhere than on loopback although there are no accounts: whoever reaches the server may do all",
    )
