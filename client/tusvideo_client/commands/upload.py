"""``upload``: files to a server, resumed by running the same command again."""

import argparse
from pathlib import Path

from .access import server_of
from .round import Job, run_jobs
from .senders import Wish


def run(options: argparse.Namespace) -> int:
    """Send the files that were named and give the exit code.

    Raises:
        ValueError: The options make no sense.
    """
    server = server_of(options)
    return run_jobs([Job(name=name, wish=_wish(name, server, options)) for name in options.files], options=options)


def _wish(name: str, server: str, options: argparse.Namespace) -> Wish:
    return Wish(
        path=Path(name),
        server=server,
        protocol=options.protocol,
        account=options.account,
        profile=options.profile,
        title=options.title,
        description=options.description,
        metadata=dict(options.meta),
        chunk_size=options.chunk_size,
    )
