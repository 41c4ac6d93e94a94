"""The items of tus 1.0.0, a module for each group; importing this enters them all."""

from tests.conformance.wire.tus import (
    heads,
    options,
    patches,
    versions,
)

__all__ = ["heads", "options", "patches", "versions"]
