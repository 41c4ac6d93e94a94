"""Loaded by schemathesis: every other valid request is about something that the server has, so that it gets answers.

``TUSVIDEO_KNOWN`` names by operation what may stand in its requests, as JSON; see test_described.py.
"""

import itertools
import json
import os
from typing import Any

import schemathesis
from schemathesis import Case, GenerationMode, HookContext

KNOWN: dict[str, list[dict[str, dict[str, Any]]]] = json.loads(os.environ["TUSVIDEO_KNOWN"])
_turns = {name: itertools.cycle([None, *values]) for name, values in KNOWN.items()}


@schemathesis.hook
def before_call(_: HookContext, case: Case[Any], kwargs: dict[str, Any]) -> None:
    """Put what is known into a valid request, in turns with what was made up."""
    if case.meta is None or case.meta.generation.mode != GenerationMode.POSITIVE:
        return
    known = next(_turns.get(f"{case.method} {case.path}", itertools.repeat(None)))
    for place, values in (known or {}).items():
        found = getattr(case, place)
        if isinstance(found, dict):
            found.update(values)
