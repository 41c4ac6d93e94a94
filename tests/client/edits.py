"""Files that are changed behind the client's back."""

import os
from pathlib import Path

from tusvideo_client.source import TELLS_CHANGES


def rewrite(path: Path, start: int) -> None:
    """Change a byte, and give the file its old time back."""
    facts = path.stat()
    with path.open("r+b") as file:
        file.seek(start)
        byte = file.read(1)[0]
        file.seek(start)
        file.write(bytes([byte ^ 1]))
    os.utime(path, ns=(facts.st_atime_ns, facts.st_mtime_ns))
    while TELLS_CHANGES and path.stat().st_ctime_ns == facts.st_ctime_ns:  # the system's clock has ticks
        os.utime(path, ns=(facts.st_atime_ns, facts.st_mtime_ns))
