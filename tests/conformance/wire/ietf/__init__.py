"""The tests of the IETF draft by their numbers; importing this enters them all."""

from tests.conformance.wire.ietf import (
    appends,
    coexistence,
    creations,
    limits,
    progress,
    retrieval,
    syntax,
    takeovers,
    versions,
)

__all__ = [
    "appends",
    "coexistence",
    "creations",
    "limits",
    "progress",
    "retrieval",
    "syntax",
    "takeovers",
    "versions",
]
