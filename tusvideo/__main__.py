"""``tusvideo`` and ``python -m tusvideo``: the server and the client as commands.

Exit codes of ``serve``: 0 stopped as asked, 1 could not start or go on, 2 mistakes in command line or configuration.
Of ``fsck``: 0 all is well, 3 something to mend, 1 and 2 as above. Those of ``upload`` and its like are the client's.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from tusvideo.cli import SERVER_COMMANDS, build_parser, given_flags
from tusvideo.config import load_config
from tusvideo.errors import ConfigError

USAGE_ERROR = 2


def main(words: Sequence[str] | None = None) -> int:
    """Run one command and give the exit code."""
    words = sys.argv[1:] if words is None else words
    if words and words[0] in SERVER_COMMANDS:
        return _on_data(build_parser(add_client_commands=None).parse_args(words))
    from tusvideo_client.cli import add_commands, run_command

    parser = build_parser(add_client_commands=add_commands)
    return run_command(parser.parse_args(words), parser=parser)


def _on_data(namespace: argparse.Namespace) -> int:
    file = None if namespace.config is None else Path(namespace.config)
    try:
        config = load_config(file=file, flags=given_flags(namespace))
    except ConfigError as error:
        count = "a mistake" if len(error.mistakes) == 1 else f"{len(error.mistakes)} mistakes"
        print(f"tusvideo: the configuration has {count}:", *error.mistakes, sep="\n  ", file=sys.stderr)
        return USAGE_ERROR
    if namespace.command == "fsck":
        from tusvideo.fsck import check

        return check(config)
    from tusvideo.serving import run

    return run(config)


if __name__ == "__main__":
    sys.exit(main())
