"""``upload``: files to a server, resumed by running the same command again."""

import argparse
import sys
from pathlib import Path

from tusvideo_client.display import printable
from tusvideo_client.errors import LocalFileError
from tusvideo_client.follow import Follow

from . import exits, files
from .access import server_of
from .files import STANDARD_INPUT
from .round import Job, run_jobs
from .rounds import Ledger
from .senders import Wish

RELATIVE_PATH = "relativePath"


def run(options: argparse.Namespace) -> int:
    """Send the files that were named and give the exit code.

    Raises:
        ValueError: The options make no sense.
    """
    server = server_of(options)
    _judge(options)
    try:
        found = files.named(options)
    except LocalFileError as error:
        sys.stderr.write(f"{error}\n")
        return exits.LOCAL
    if options.dry_run:
        sys.stdout.writelines(f"{printable(file.name)}\n" for file in found)
        return exits.OK
    if not found:
        sys.stderr.write("no file fits: nothing was sent\n")
        return exits.LOCAL
    jobs = [Job(name=file.name, wish=_wish(file, server, options)) for file in found]
    is_one = len(options.files) == 1 and found[0].relative is None
    return run_jobs(jobs, options=options, ledger=None if is_one else _ledger(server, options))


def _ledger(server: str, options: argparse.Namespace) -> Ledger:
    where = (server, options.protocol, options.account, options.profile or "")
    return Ledger([*where, *(str(Path(word).absolute()) for word in options.files)])


def _judge(options: argparse.Namespace) -> None:
    """Standard input has no name, ends but once, and no two files go under one name."""
    reads_input = STANDARD_INPUT in options.files
    message = _several(options) or _untold(options)
    if message:
        raise ValueError(message)
    if reads_input and not options.name:
        message = "standard input has no name: give --name talk.mp4"
    elif reads_input and sys.stdin is None:  # its number may be that of any file that was opened since
        message = "standard input is closed; expected a pipe or a file: `program | tusvideo upload - --name talk.mp4`"
    elif reads_input and sys.stdin.isatty():
        message = (
            "standard input is a terminal; expected a pipe or a file: `program | tusvideo upload - --name talk.mp4`"
        )
    elif options.follow and (reads_input or options.protocol == "chunks"):
        message = "--follow is for files, and not for the chunk API"
    elif not options.follow and (options.until_quiet or options.until_exit):
        message = "--until-quiet and --until-exit say when --follow ends; give --follow as well"
    elif options.until_quiet and options.until_exit:
        message = "--until-quiet and --until-exit both say when --follow ends; give one of them"
    elif options.size is not None and not reads_input:
        message = "--size is for standard input, which is named -"
    if message:
        raise ValueError(message)


def _several(options: argparse.Namespace) -> str | None:
    """Say what is meant for one file and said of several; None when nothing is."""
    if options.name and len(options.files) > 1:
        return f"--name is for one file, not for {len(options.files)}"
    if options.name and options.recursive:
        return "--name is for one file, not for those of a folder"
    if options.replaces and (len(options.files) > 1 or options.recursive):
        return "--replaces is for one file: a video has but one"
    return None


def _untold(options: argparse.Namespace) -> str | None:
    """Say what would be lost without a word, because there is no place for it; None when there is nothing."""
    if options.meta and options.protocol == "chunks":
        return "--meta is not for the chunk API, which takes a title and a description only; or give --protocol tus"
    if options.description and not options.title and not options.replaces:
        return "--description is kept with a title: give --title as well"
    return None


def _follow(options: argparse.Namespace) -> Follow | None:
    if not options.follow:
        return None
    return Follow(quiet=options.until_quiet or Follow().quiet, pid=options.until_exit)


def _wish(file: files.Found, server: str, options: argparse.Namespace) -> Wish:
    place = {} if file.relative is None or "/" not in file.relative else {RELATIVE_PATH: file.relative}
    return Wish(
        path=file.path,
        server=server,
        protocol=options.protocol,
        account=options.account,
        profile=options.profile,
        name=options.name,
        size=options.size,
        follow=_follow(options),
        title=options.title,
        description=options.description,
        metadata={**place, **dict(options.meta)},
        replaces=options.replaces,
        chunk_size=options.chunk_size,
    )
