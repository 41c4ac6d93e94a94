"""The works, and what each must reach."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from tests.bench.suite import growth, requests, transfers
from tests.bench.suite.requests import FORM, RAW
from tests.bench.suite.transfers import FLOOR, RELAXED, STRICT
from tests.bench.suite.work import Bench, Figures

FLAT: Final = 1.2
"""Up to here two medians count as equal."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A bound on a quantity of one column: on its ratio to another column, or on the quantity itself."""

    quantity: str
    column: str
    bound: float
    against: str | None = None
    at_most: bool = True

    def value(self, figures: Figures) -> float | None:
        """Give what is bounded, None when it was not measured."""
        if self.against is None:
            return figures.median(self.quantity, self.column)
        return figures.ratio(self.quantity, self.column, against=self.against)

    def is_met(self, value: float) -> bool:
        """Tell whether a value is within the bound."""
        return value <= self.bound if self.at_most else value >= self.bound


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """A row of the table."""

    title: str
    run: Callable[[Bench], Figures]
    targets: tuple[Target, ...]


def _beside(quantity: str, column: str, *bounds: tuple[str, float], at_most: bool = True) -> tuple[Target, ...]:
    return tuple(
        Target(quantity=quantity, column=column, against=against, bound=bound, at_most=at_most)
        for against, bound in bounds
    )


WORKS: Final[Mapping[str, Work]] = {
    "one-patch": Work(
        title="one long PATCH",
        run=transfers.one_patch,
        targets=(
            *_beside("CPU s/GiB", RELAXED, (FLOOR, 2.0), ("@tus/server", 0.4), ("tusd", 1.0)),
            *_beside("MB/s", RELAXED, ("@tus/server", 2.5), ("tusd", 1.0), at_most=False),
        ),
    ),
    "eight-uploads": Work(
        title="8 uploads at once",
        run=transfers.eight_at_once,
        targets=(
            *_beside("MB/s", RELAXED, ("@tus/server", 2.0), ("tusd", 0.9), at_most=False),
            *_beside("MB/s", STRICT, ("@tus/server", 2.0), ("tusd", 0.9), at_most=False),
        ),
    ),
    "small-patches": Work(
        title="1 MiB PATCHes on one connection",
        run=transfers.small_patches,
        targets=_beside("MB/s", STRICT, ("@tus/server", 1.5), ("tusd", 0.8), at_most=False),
    ),
    "chunk-route": Work(
        title="documented chunk route, 1 MiB multipart, strict",
        run=requests.chunk_route,
        targets=_beside("CPU ms/MiB", FORM, (RAW, 1.6)),
    ),
    "creates": Work(
        title="creates over 32 connections",
        run=requests.creates,
        targets=_beside("creates/s", STRICT, ("@tus/server", 2.5), ("tusd", 0.8), at_most=False),
    ),
    "finalize": Work(
        title="finalize of 5 GiB against 50 MiB, strict",
        run=growth.finalize,
        targets=(
            *_beside("ms", growth.LONG, (growth.SHORT, 1.5)),
            Target(quantity="ms", column=growth.LONG, bound=20),
        ),
    ),
    "download": Work(
        title="download by GET",
        run=transfers.download,
        targets=_beside("CPU s/GiB", RELAXED, ("nginx", 1.5)),
    ),
    "head-latency": Work(
        title="HEAD latency against the number of rows, strict",
        run=growth.heads,
        targets=_beside("p50 ms", growth.MANY, (growth.FEW, FLAT)),
    ),
    "append-cost": Work(
        title="append of 1 MiB against the offset, strict",
        run=growth.appends,
        targets=_beside("ms each", growth.FAR, (growth.NEAR, FLAT)),
    ),
    "start-up": Work(
        title="clean start-up",
        run=growth.starts,
        targets=(Target(quantity="s", column=growth.FULL, bound=5),),
    ),
}
