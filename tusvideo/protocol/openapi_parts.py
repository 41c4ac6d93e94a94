"""What every description of a route is made of.

Spec: OpenAPI 3.1.1 § Operation Object.
"""

from collections.abc import Mapping
from http import HTTPStatus
from types import MappingProxyType
from typing import Final

from tusvideo.protocol.openapi_schemas import Schema, ref

JSON: Final = "application/json"
FORM: Final = "multipart/form-data"
URLENCODED: Final = "application/x-www-form-urlencoded"
PROBLEM_TYPE: Final = "application/problem+json"
IDENTITY: Final[Schema] = {
    "name": "id",
    "in": "path",
    "required": True,
    "schema": {"type": "string", "pattern": "^[0-9a-f]{32}$"},
}
_RETRY_AFTER: Final[Schema] = {
    "Retry-After": {"description": "Seconds to wait.", "schema": {"type": "integer", "minimum": 0}}
}
_TOO_MANY: Final = 429
_LATER: Final = (503, 507)
"""Statuses of any route that touches disk or table: nothing is wrong with the request, later it may work."""


def operation(  # noqa: PLR0913 - the parts of an operation object, each named where it is given
    name: str,
    summary: str,
    *,
    answers: Mapping[int, tuple[str, Schema | None]],
    refusals: tuple[int, ...],
    later: tuple[int, ...] = _LATER,
    parameters: list[Schema] | None = None,
    body: Mapping[str, Schema] | None = None,
    fields: Schema | None = None,
    bare: bool = False,
    more: Mapping[str, Schema] = MappingProxyType({}),
) -> Schema:
    """Put an operation together; a ``bare`` one has no body in any answer, ``more`` are answers without JSON."""
    found: dict[str, Schema] = dict(more)
    for status, (sentence, schema) in answers.items():
        content = {} if schema is None else {"content": {JSON: {"schema": schema}}}
        found[str(status)] = {"description": sentence, **content, **({"headers": fields} if fields else {})}
    for status in (*refusals, *later):
        content = {} if bare else {"content": {PROBLEM_TYPE: {"schema": ref("Problem")}}}
        headers = {"headers": _RETRY_AFTER} if status in {*_LATER, _TOO_MANY} else {}
        found[str(status)] = {"description": f"{HTTPStatus(status).phrase}.", **content, **headers}
    described: dict[str, object] = {"operationId": name, "summary": summary, "responses": found}
    if parameters:
        described["parameters"] = parameters
    if body:
        taken = {media_type: {"schema": schema} for media_type, schema in body.items()}
        described["requestBody"] = {"required": True, "content": taken}
    return described


def query(name: str, sentence: str, schema: Schema) -> Schema:
    """Describe a parameter of the query that may be absent."""
    return {"name": name, "in": "query", "description": sentence, "schema": schema}
