"""Programs that send, run to their end."""

import asyncio

from tests.clients.journey import (
    PATIENCE_SECONDS,
)


async def run(program: str, *arguments: str) -> tuple[str, str]:
    """Run a program to its good end; give what it wrote to stdout and stderr."""
    process = await asyncio.create_subprocess_exec(
        program, *arguments, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    async with asyncio.timeout(PATIENCE_SECONDS):
        out, errors = await process.communicate()
    assert process.returncode == 0, errors
    return out.decode(), errors.decode()


async def curl(*arguments: str) -> tuple[str, str]:
    """Run curl; give stdout, and what -v told."""
    return await run("curl", "--silent", "--show-error", "--verbose", "--max-time", "20", *arguments)
