"""The words of every command, described for argparse; nothing here starts anything, or takes long to load."""

import argparse
import os
from collections.abc import Callable, Mapping
from typing import Any, Final

from . import exits, values

TO_VARIABLE = "TUSVIDEO_TO"
TOKEN_VARIABLE = "TUSVIDEO_TOKEN"  # noqa: S105  # the name of a variable, not its value
PASSWORD_VARIABLE = "TUSVIDEO_PASSWORD"  # noqa: S105  # a name, too
STATE_DIR_VARIABLE = "TUSVIDEO_STATE_DIR"

AddParser = Callable[..., argparse.ArgumentParser]


def add_commands(add_parser: AddParser) -> None:
    """Describe the commands; ``add_parser`` is that of the subparsers they are to belong to."""
    for name, (line, text, describe) in _COMMANDS.items():
        describe(
            add_parser(
                name,
                help=line,
                description=text,
                epilog=f"{_VARIABLES}\n\n{exits.as_text()}",
                formatter_class=argparse.RawDescriptionHelpFormatter,
                allow_abbrev=False,
            )
        )


def _option(parser: argparse._ActionsContainer, *names: str, variable: str | None = None, **facts: Any) -> None:  # noqa: ANN401  # what argparse takes
    """Add an option whose value may come from the environment; a flag wins over it, and an empty variable is none."""
    if variable is not None:
        facts["help"] = f"{facts['help']} (or {variable})"
        facts["default"] = os.environ.get(variable) or facts.get("default")
    parser.add_argument(*names, **facts)


def _add_upload(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "files",
        nargs="+",
        metavar="FILE",
        help="file to upload, or - for standard input; the same command again resumes, but no pipe",
    )
    folders = parser.add_argument_group("folders")
    folders.add_argument(
        "-r",
        "--recursive",
        action="store_true",
        help="folders, too: all files in them but those whose names begin with a dot",
    )
    for flag, text in (("--include", "only files in folders that fit"), ("--exclude", "not those that fit")):
        folders.add_argument(
            flag,
            action="append",
            default=[],
            metavar="PATTERN",
            help=f"{text}, as '*.mp4' (names) or '2026/*' (places in the folder); repeatable",
        )
    folders.add_argument("--dry-run", action="store_true", help="only list the files that would be sent")
    _add_server(parser)
    sending = parser.add_argument_group("what is sent")
    sending.add_argument("--title", help="title of the video, which puts it into the server's library")
    sending.add_argument("--description", help="description of the video; goes with --title")
    sending.add_argument(
        "--name",
        type=values.something,
        metavar="NAME",
        help="name to send instead of the file's own; needed for -",
    )
    sending.add_argument(
        "--size",
        type=values.size,
        metavar="N",
        help="how many bytes standard input gives, as 700m; fewer are an error then, and not the end",
    )
    sending.add_argument(
        "--follow",
        action="store_true",
        help="send a file that is still being written, as it grows, until it has ended (with tus or the IETF draft)",
    )
    sending.add_argument(
        "--until-quiet",
        type=values.seconds,
        metavar="TIME",
        help="with --follow: the file has ended when it did not grow for so long (default 10s)",
    )
    sending.add_argument(
        "--until-exit",
        type=values.count,
        metavar="PID",
        help="with --follow: the file has ended when this process is gone, however quiet it was before",
    )
    sending.add_argument(
        "--meta",
        type=values.pair,
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="a further pair of metadata, with tus or the IETF draft; repeatable",
    )
    sending.add_argument(
        "--replaces",
        type=values.video_id,
        metavar="ID",
        help="become the file of this video, which keeps its id and its texts; the old file goes after that",
    )
    _option(
        sending,
        "--profile",
        variable="TUSVIDEO_PROFILE",
        type=values.something,
        metavar="NAME",
        help="profile of the server, which rules types, sizes and places (default: its own choice; with chunks poster)",
    )
    _option(
        sending,
        "--protocol",
        variable="TUSVIDEO_PROTOCOL",
        type=values.OneOf("auto", "tus", "ietf", "chunks"),
        default="auto",
        metavar="{auto,tus,ietf,chunks}",
        help="what to speak: tus, the IETF draft, or the numbered chunks of /api (default auto: the server is"
        " asked for one of the first two)",
    )
    _add_link(parser)
    _add_display(parser)


def _add_resume(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "uploads", nargs="*", metavar="ID|FILE", help="which uploads, by the id that `ls` shows or by the file"
    )
    parser.add_argument("--all", action="store_true", help="all uploads that this machine remembers")
    _add_server(parser)
    _add_link(parser)
    _add_display(parser)


def _add_ls(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--offline", action="store_true", help="ask no server: tell what is remembered")
    _add_server(parser)
    _add_report(parser)


def _add_status(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("upload", metavar="ID|FILE|URL", help="the upload: id of `ls`, its file, or its address")
    _add_server(parser)
    _add_report(parser)


def _add_rm(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("uploads", nargs="+", metavar="ID|FILE|URL", help="the uploads: ids of `ls`, files, addresses")
    parser.add_argument("--forget", action="store_true", help="ask no server: only forget, and let it expire there")
    _add_server(parser)
    _add_report(parser)


def _add_verify(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", metavar="FILE", help="the file on this side")
    parser.add_argument(
        "upload",
        nargs="?",
        metavar="ID|URL",
        help="the upload, or the published file; default: the unfinished upload of FILE",
    )
    _add_server(parser)
    _add_report(parser)


def _add_doctor(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("url", nargs="?", type=values.server, metavar="URL", help="root of the server, instead of --to")
    parser.add_argument(
        "--seconds",
        type=values.seconds,
        default=20.0,
        metavar="TIME",
        help="how long the test upload lasts, half of it in silence (default 20s); finds time limits below the half",
    )
    _add_server(parser)
    _add_report(parser)


def _add_completion(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("shell", choices=("bash", "zsh", "fish"), help="whose completion")


def _add_server(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("server")
    _option(
        group,
        "--to",
        variable=TO_VARIABLE,
        type=values.server,
        metavar="URL",
        help="root of the server, as http://HOST:PORT",
    )
    _option(
        group,
        "--token-file",
        variable="TUSVIDEO_TOKEN_FILE",
        type=values.file,
        metavar="F",
        help=f"file with the bearer token, read anew when refused; {TOKEN_VARIABLE} holds a token itself",
    )
    _option(
        group,
        "--token-command",
        variable="TUSVIDEO_TOKEN_COMMAND",
        type=values.command,
        metavar="COMMAND",
        help="program that prints the bearer token, run without a shell, and again when the token is refused",
    )
    _option(
        group,
        "--user",
        variable="TUSVIDEO_USER",
        type=values.user,
        metavar="NAME",
        help="instead of a token: whose password to send (Basic), as proxies ask for it; it is taken from"
        f" {PASSWORD_VARIABLE}, from the netrc file (mode 600), or asked for at a terminal",
    )
    _option(
        group,
        "--account",
        variable="TUSVIDEO_ACCOUNT",
        default="",
        metavar="NAME",
        help="keeps uploads of several accounts on one server apart",
    )


def _add_link(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group(
        "link", "TIME is in seconds, or as 90s, 15m, 6h or 2d; bytes may be told as 512k, 8m or 2g, in powers of 1024."
    )
    _option(
        group,
        "--jobs",
        variable="TUSVIDEO_JOBS",
        type=values.count,
        default=1,
        metavar="N",
        help="files at a time to each server (default 1: on a thin link several only starve each other)",
    )
    _option(
        group,
        "--retry-for",
        variable="TUSVIDEO_RETRY_FOR",
        type=values.patience,
        metavar="TIME",
        help="give up after so long without progress, or 'forever' for never (default 15m, or 1h while the server"
        " is out of reach)",
    )
    _option(
        group,
        "--chunk-size",
        variable="TUSVIDEO_CHUNK_SIZE",
        type=values.size,
        metavar="N",
        help="bytes in a request: the most with tus or the IETF draft (default 64m), those of each where an upload"
        " begins with --protocol chunks (default 256k, or 1m where there is but one connection)",
    )
    _option(
        group,
        "--connections",
        variable="TUSVIDEO_CONNECTIONS",
        type=values.connections,
        default="auto",
        metavar="auto|N",
        help="chunks of a file at a time, 1 to 4, where it goes in chunks (default auto: several while that is"
        " faster, one with --limit-rate)",
    )
    _option(
        group,
        "--limit-rate",
        variable="TUSVIDEO_LIMIT_RATE",
        type=values.rate,
        metavar="RATE",
        help="bytes a second for all files together, as 512k, or a timetable: '22:00-06:00 unlimited, 512k' (default:"
        " no limit)",
    )
    _option(
        group,
        "--stall",
        variable="TUSVIDEO_STALL",
        type=values.seconds,
        metavar="TIME",
        help="give a request up, and try again, when nothing moved for so long (default 15s; with chunks 30s)",
    )
    _option(
        group,
        "--connect-timeout",
        variable="TUSVIDEO_CONNECT_TIMEOUT",
        type=values.seconds,
        default=10.0,
        metavar="TIME",
        help="a connection may take so long to come about (default 10s)",
    )
    _option(
        group,
        "--integrity",
        variable="TUSVIDEO_INTEGRITY",
        type=values.OneOf("auto", "always", "never"),
        default="auto",
        metavar="{auto,always,never}",
        help="when to compare what arrives with what is sent (default auto: without TLS; with chunks: always)",
    )


def _add_display(parser: argparse.ArgumentParser) -> None:
    group = _add_report(parser)
    _option(
        group,
        "--progress",
        variable="TUSVIDEO_PROGRESS",
        type=values.OneOf("auto", "bar", "plain", "none"),
        default="auto",
        metavar="{auto,bar,plain,none}",
        help="default: a bar on a terminal, else a line every ten seconds or ten per cent",
    )
    group.add_argument("-q", "--quiet", action="store_true", help="only results and errors")


def _add_report(parser: argparse.ArgumentParser) -> argparse._ArgumentGroup:
    group = parser.add_argument_group("output")
    group.add_argument("--json", action="store_true", help="one JSON object a line on stdout; the last one sums up")
    group.add_argument("-v", "--verbose", action="store_true", help="log every request to stderr")
    return group


_UPLOAD = (
    "Upload files, or go on with uploads that were cut, killed or interrupted: the same command again resumes, with no"
    " flag.\nThe server may be any that speaks tus or the IETF draft: --to is its root, or the address where it makes"
    " uploads.\nResults (the URLs of the files) go to stdout, everything else to stderr."
)
_LS = (
    "List the unfinished uploads that this machine remembers, with what the server has stored of each. A ? behind that:"
    " the\nserver was not asked, or did not tell, and so much was stored when it last did."
)
_RESUME = "Go on with uploads that this machine remembers: those that are named, or with --all every one."
_STATUS = "Ask the server where one upload stands: what is stored of it, of how much, and until when it is kept."
_RM = (
    "Remove unfinished uploads from the server, and forget them here. A file that is published already stays: then the"
    " upload\nis only forgotten."
)
_VERIFY = (
    "Compare a file with what the server has of it: unfinished uploads as far as they are stored, and published files."
    " Where\nthe server tells digests of stored bytes, nothing else crosses the link. Bytes that differ are named,"
    " counted\nfrom 0. The exit code is 0 only if the server has all of the file and no byte more."
)
_DOCTOR = (
    "Send a paced test upload, which is removed again, and name what stands in the way: a body limit, a proxy that"
    "\nholds bodies back, time limits, stripped header fields, a clock that is wrong; each with the line of"
    "\nconfiguration that mends it."
)
_COMPLETION = (
    "Print a script that lets a shell complete commands, options, files and the ids of unfinished uploads. Try it in"
    " bash:\n  source <(tusvideo completion bash)"
)
_VARIABLES = (
    "environment: a variable named above gives the value of an option that is not given. "
    f"{STATE_DIR_VARIABLE} is the folder in\nwhich unfinished uploads are remembered (default: the system's own for"
    " that, mostly ~/.local/state/tusvideo)."
)
_COMMANDS: Final[Mapping[str, tuple[str, str, Callable[[argparse.ArgumentParser], None]]]] = {
    "upload": ("send files to a server, or go on with them", _UPLOAD, _add_upload),
    "ls": ("list the unfinished uploads that this machine remembers", _LS, _add_ls),
    "resume": ("go on with unfinished uploads", _RESUME, _add_resume),
    "status": ("ask the server where an upload stands", _STATUS, _add_status),
    "rm": ("remove unfinished uploads from the server", _RM, _add_rm),
    "verify": ("compare a file with what the server has of it", _VERIFY, _add_verify),
    "doctor": ("find what stands between here and a server", _DOCTOR, _add_doctor),
    "completion": ("print a completion script for a shell", _COMPLETION, _add_completion),
}
COMMANDS: Final = tuple(_COMMANDS)
