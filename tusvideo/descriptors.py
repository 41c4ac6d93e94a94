"""How many connections and files the system lets this process have open at once."""

import resource
from typing import Final

_EACH: Final = 2
"""A body on its way has a connection and a file."""
_OTHERS: Final = 200
"""For the database, published files on their way out, and connections that only ask."""


def take_all() -> int:
    """Take as many descriptors as the system grants; give for how many bodies at once they suffice, at least 1."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return max(1, (hard - _OTHERS) // _EACH)
