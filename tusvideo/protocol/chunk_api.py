"""The documented chunk routes, ``/api/{profile}/video/…``: form fields become commands, outcomes become JSON.

Spec: the table in the design, "The documented API".
"""

from collections.abc import Mapping, Sequence

from tusvideo.commands import Finalize, Finalized, PartsListed, PartStored, PutPart, QueryParts, TerminateParts
from tusvideo.errors import TusvideoError
from tusvideo.message import RequestHead, ResponseHead
from tusvideo.model import Limits, Profile

Fields = Mapping[str, Sequence[str]]
"""Form fields: each name with all its values, in order. Unknown names are ignored."""


def parse_part(fields: Fields, *, profile: Profile, limits: Limits) -> PutPart:
    """Turn the fields of a chunk form into a command; the file itself (``chunk``) is not among them.

    May be called before the file with the fields that came so far: MissingField then means "not yet", any other
    RequestError is final. Safe to repeat.
    """
    raise NotImplementedError


def parse_query(head: RequestHead, *, profile: Profile) -> QueryParts:
    """Turn HEAD or GET ``…/chunk?uploadId=ID`` into a command."""
    raise NotImplementedError


def parse_terminate(head: RequestHead, *, profile: Profile) -> TerminateParts:
    """Turn DELETE ``…/chunk?uploadId=ID`` into a command."""
    raise NotImplementedError


def parse_finalize(fields: Fields, *, profile: Profile, limits: Limits) -> Finalize:
    """Turn the fields of a finalize form into a command."""
    raise NotImplementedError


def parse_finalize_json(document: Mapping[str, object], *, profile: Profile, limits: Limits) -> Finalize:
    """Turn the JSON object of a finalize (see json_body.parse_object) into a command."""
    raise NotImplementedError


def render_part(outcome: PartStored) -> ResponseHead:
    """Answer a stored part: 200 with JSON."""
    raise NotImplementedError


def render_head(outcome: PartsListed, *, content_location: str | None) -> ResponseHead:
    """Answer HEAD: 200 with Upload-Offset and its companions; ``content_location`` is shown once complete."""
    raise NotImplementedError


def render_status(outcome: PartsListed) -> ResponseHead:
    """Answer GET: 200 with JSON about what is stored and what is missing."""
    raise NotImplementedError


def render_finalized(outcome: Finalized, *, url: str) -> ResponseHead:
    """Answer a finalize: 200 with JSON; ``url`` is the path of the published file."""
    raise NotImplementedError


def render_terminated() -> ResponseHead:
    """Answer DELETE: 204."""
    raise NotImplementedError


def render_error(error: TusvideoError, *, head_only: bool = False) -> ResponseHead:
    """Answer an error with its status, its fields and (unless ``head_only``) problem details."""
    raise NotImplementedError


def render_unexpected(request_id: str, *, head_only: bool = False) -> ResponseHead:
    """Answer an exception that nobody foresaw: 500 with a fixed sentence and the request id."""
    raise NotImplementedError
