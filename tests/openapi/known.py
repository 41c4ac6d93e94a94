"""Loaded by schemathesis: every other valid request is about something that the server has, so that it gets answers.

``TUSVIDEO_KNOWN`` names by operation what may stand in its requests, as JSON; see test_described.py.
"""

import itertools
import json
import os
from typing import Any

import schemathesis
from schemathesis import Case, GenerationMode, HookContext, SerializationContext
from schemathesis.generation.meta import TestPhase

KNOWN: dict[str, list[dict[str, Any]]] = json.loads(os.environ["TUSVIDEO_KNOWN"])
_turns = {name: itertools.cycle([None, *values]) for name, values in KNOWN.items()}


@schemathesis.hook
def before_call(_: HookContext, case: Case[Any], kwargs: dict[str, Any]) -> None:
    """Put what is known into a valid request, in turns with what was made up."""
    if case.meta is None:
        return
    if case.meta.generation.mode != GenerationMode.POSITIVE:
        if case.meta.phase.name == TestPhase.STATEFUL:
            # An earlier answer may stand in the place of what was made wrong: nobody knows whether it is still wrong.
            case.meta.generation.mode = GenerationMode.POSITIVE
        return
    known = next(_turns.get(f"{case.method} {case.path}", itertools.repeat(None)))
    for place, values in (known or {}).items():
        found = getattr(case, place)
        if isinstance(found, dict):
            found.update(values)
        elif place == "body":
            case.body = values


@schemathesis.serializer("text/vtt", "application/x-subrip")
def text(_: SerializationContext, value: object) -> bytes:
    """Send a text as it is, and anything else as JSON."""
    return (value if isinstance(value, str) else json.dumps(value)).encode(errors="replace")
