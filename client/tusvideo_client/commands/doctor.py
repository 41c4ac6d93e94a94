"""``doctor``: what stands between this machine and a server, and the line of configuration that mends it."""

import argparse

from tusvideo_client.errors import UploadError
from tusvideo_client.transport import Transport

from . import exits
from .access import keys_of, server_of
from .examination import Examination, timeouts_for
from .interrupt import run_interruptible
from .report import Report


def run(options: argparse.Namespace) -> int:
    """Look for traps and give the exit code: 0 if there are none.

    Raises:
        ValueError: No server is named.
    """
    options.to = options.url or options.to
    base = server_of(options)
    keys = keys_of(options, servers=[base])
    report = Report(as_json=options.json)

    async def examine(_: object) -> int:
        report.note(f"a test upload to {base} goes on for {options.seconds:.0f} s …")
        async with Transport(base, **keys[base], timeouts=timeouts_for(options.seconds)) as transport:
            examination = Examination(transport, base=base, seconds=options.seconds)
            try:
                await examination.run()
            except UploadError as error:
                return report.fail(base, error)
        for found in examination.findings:
            facts = {"trap": found.trap, "message": found.text, "line": found.line}
            report.tell("trap", facts, text=f"{found.trap}: {found.text}\n    {found.line}")
        if not examination.findings:
            report.tell("healthy", {}, text="no trap was found")
        return exits.DIFFERENT if examination.findings else exits.OK

    return report.end(run_interruptible(examine))
