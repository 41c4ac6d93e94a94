"""Our own servers, one for each of the settings that checks need; started when the first check asks for it."""

import contextlib
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from tests.conformance.wire.calls import ORIGIN
from tests.conformance.wire.catalogue import LEAST, LIMIT, House
from tests.conformance.wire.own import Own
from tests.conformance.wire.shared import REVOKED
from tests.conformance.wire.target import Target

ROOT: Final = Path(__file__).parents[3]
_EVERYWHERE: Final = f'[server]\nallowed_origins = ["{ORIGIN}"]\nallowed_hosts = ["files.example"]\n'
_SMALL: Final = f"max_length = {LIMIT}\n"

SETTINGS: Final = {
    House.PLAIN: "",
    House.LIMITED: "".join(f"[profiles.{name}]\n{_SMALL}" for name in ("files", "video", "poster")),
    House.NARROW: f"[limits]\nmax_append_bytes = {LIMIT}\nmin_append_bytes = {LEAST}\n",
    House.HASTY: (
        "[storage]\nsweep_seconds = 0.1\n"
        "[limits]\nexpiry_seconds = 1\nstall_seconds = 0.5\ntakeover_seconds = 0.3\ncheckpoint_seconds = 0.1\n"
    ),
    House.SHARED: "",
    House.MORTAL: "[limits]\ncheckpoint_seconds = 0.05\n",
}


class Houses:
    """The servers that run, and the targets that speak to them; a context that ends them all."""

    def __init__(self, folder: Path | None = None) -> None:
        self._stack = contextlib.ExitStack()
        self._folder = folder
        self._targets: dict[House, Target] = {}

    def __enter__(self) -> Self:
        if self._folder is None:
            self._folder = Path(self._stack.enter_context(tempfile.TemporaryDirectory(prefix="conformance-")))
        return self

    def __exit__(self, _: type[BaseException] | None, __: BaseException | None, ___: TracebackType | None) -> None:
        self._stack.close()

    def target(self, house: House) -> Target:
        """Give the target with these settings."""
        if house not in self._targets:
            self._targets[house] = self._open(house)
        return self._targets[house]

    def logs(self) -> dict[House, str]:
        """Give what each server has told on stderr."""
        return {house: target.inside.log for house, target in self._targets.items()}

    def _open(self, house: House) -> Target:
        assert self._folder is not None
        program = (
            ("-m", "tests.conformance.wire.shared", "serve") if house is House.SHARED else ("-m", "tusvideo", "serve")
        )
        own = Own(
            folder=self._folder / house.value,
            settings=_EVERYWHERE + SETTINGS[house],
            program=program,
            environment={"PYTHONPATH": str(ROOT), REVOKED: str(self._folder / house.value / "revoked")},
        )
        self._stack.enter_context(own)
        target = Target(url=own.url, own=own)
        target.discover()
        return target
