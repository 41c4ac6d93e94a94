"""What the server does with bodies of many MiB, done with those of the programme, which are a thousand times smaller.

Chosen by TUSVIDEO_TEST_SMALL_BODIES, which only the launchers of the programme read. Half of all rounds run like that:
else no body of the programme were long enough to be taken over, or received by the thread that writes it.
"""

from collections.abc import Mapping
from typing import Any, Final

from tusvideo.service import gathering, uploads
from tusvideo.web import takeover

SHORT: Final = 10_000
LEAST: Final = 20_000
BLOCK: Final = 8_000
ENOUGH: Final = 4_000
COPIED: Final = 2_000


def apply(environment: Mapping[str, str]) -> None:
    """Shrink the bounds of this process, if the environment says so."""
    if environment.get("TUSVIDEO_TEST_SMALL_BODIES", "") == "":
        return
    gathering.SHORT_BYTES = uploads.SHORT_BYTES = SHORT  # type: ignore[misc, attr-defined]  # no server changes them
    takeover.ENOUGH_BYTES, takeover.COPIED_BYTES, takeover.FAST_BYTES = ENOUGH, COPIED, BLOCK  # type: ignore[misc]  # ditto
    _defaults(takeover.RawBody)["least_bytes"] = LEAST
    _defaults(takeover.Blocks)["size"] = BLOCK


def _defaults(made: type[Any]) -> dict[str, Any]:
    found: dict[str, Any] = made.__init__.__kwdefaults__
    return found
