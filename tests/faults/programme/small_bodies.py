"""What the server does with bodies of many MiB, done with those of the programme, which are a thousand times smaller.

Chosen by TUSVIDEO_TEST_SMALL_BODIES, which only the launchers of the programme read. Half of all rounds run like that:
else no body of the programme were long enough to be taken over, or received by the thread that writes it.
"""

import sys
from collections.abc import Mapping
from types import ModuleType
from typing import Any, Final

from tusvideo.service import gathering, uploads
from tusvideo.web import intake, takeover

SHORT: Final = 10_000
LEAST: Final = 20_000
BLOCK: Final = 8_000
ENOUGH: Final = 4_000
COPIED: Final = 2_000


def apply(environment: Mapping[str, str]) -> None:
    """Shrink the bounds of this process, if the environment says so."""
    if environment.get("TUSVIDEO_TEST_SMALL_BODIES", "") == "":
        return
    shrink("SHORT_BYTES", SHORT, gathering, uploads)
    shrink("ENOUGH_BYTES", ENOUGH, intake)
    shrink("COPIED_BYTES", COPIED, intake)
    shrink("FAST_BYTES", BLOCK, takeover)
    shrink_default("least_bytes", LEAST, takeover.RawBody)
    shrink_default("size", BLOCK, intake.Blocks)


def shrink(name: str, value: int, *modules: ModuleType) -> None:
    """Shrink the bound that these modules read, and no others: else an AssertionError names those that do."""
    readers = {each for path, each in sys.modules.items() if path.startswith("tusvideo.") and name in vars(each)}
    assert readers == set(modules), f"{name}: expected {modules}, got {readers}; name the modules that read it"
    for module in modules:
        assert vars(module)[name] > value, f"{name}: expected a bound above {value}, got {vars(module)[name]}"
        setattr(module, name, value)


def shrink_default(name: str, value: int, made: type[Any]) -> None:
    """Shrink the bound that a class has when nobody says another; an AssertionError when it has none."""
    defaults = defaults_of(made)
    assert defaults.get(name, 0) > value, f"{name}: expected a default above {value}, got {defaults}"
    defaults[name] = value


def defaults_of(made: type[Any]) -> dict[str, Any]:
    """Give the bounds that a class has when nobody says others, by their names, to be changed."""
    found: dict[str, Any] = made.__init__.__kwdefaults__
    return found
