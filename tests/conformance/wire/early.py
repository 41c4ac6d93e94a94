"""Refusals that come before the body: the client learns at once, and what it had in mind to send is not read."""

from typing import Final

from tests.conformance.wire.answer import Answer
from tests.conformance.wire.calls import Upload, append_fields, path_of
from tests.conformance.wire.target import Target

GIB: Final = 1 << 30
PATIENCE: Final = 3.0
"""Seconds within which a refusal that waits for nothing must be there."""
_MOST: Final = 64 << 20
"""A server that reads on so far has no bound."""
_ZEROS: Final = bytes(1 << 18)


def refused_early(
    target: Target, method: str, path: str, *fields: str, length: int = GIB, version: str | None = "1.0.0"
) -> Answer:
    """Announce a long body and send nothing of it: the refusal must come all the same, without 100 Continue, and a
    client that sends nevertheless is read to a bound or cut off. Give the refusal."""
    lines = (*fields, f"Content-Length: {length}")
    with target.begin(method, path, *lines, "Expect: 100-continue", version=version) as call:
        waited = call.answer(seconds=PATIENCE)
        waited.require(not waited.interim, "no 100 before a refusal")
    with target.begin(method, path, *lines, version=version) as call:
        answer = call.answer(seconds=PATIENCE)
        if answer.status < 300:
            return answer
        went = call.connection.push(_ZEROS, most=min(length, _MOST), seconds=1.0)
        answer.require(went < _MOST, "that a refused body is read to a bound", got=f"{went >> 20} MiB read of it")
    return answer


def patch_refused_early(target: Target, upload: Upload | str, *fields: str, at: int, version: str = "1.0.0") -> Answer:
    """As ``refused_early``, for a PATCH of 1 GiB."""
    return refused_early(target, "PATCH", path_of(upload), *append_fields(fields, at=at), version=version)
