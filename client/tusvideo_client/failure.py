"""How an upload ends that the planner stops: its word and the server's become one error, with advice."""

from . import refusal, wire
from .errors import (
    KEPT,
    AuthError,
    GaveUpError,
    IntegrityError,
    ProtocolError,
    RejectedError,
    UploadError,
    UploadGoneError,
)
from .state import Kind, Stop
from .transport import Reply

ERRORS: dict[Kind, tuple[type[UploadError], str | None]] = {
    Kind.AUTH: (AuthError, f"give a valid token; {KEPT}"),
    Kind.UNTRUSTED: (AuthError, "check the address, or install the certificate of the server's authority"),
    Kind.REJECTED: (RejectedError, None),
    Kind.GONE: (UploadGoneError, "ask the operator why uploads vanish"),
    Kind.INTEGRITY: (IntegrityError, "upload the file again"),
    Kind.DAMAGED: (IntegrityError, "the link damages bytes: use https, or another network"),
    Kind.PROTOCOL: (ProtocolError, "check that the address is the root of a server that speaks this protocol"),
    Kind.GAVE_UP: (GaveUpError, KEPT),
}


def failure(stop: Stop, reply: Reply | None, *, upload_url: str | None, offset: int) -> UploadError:
    """The error for the caller: what the planner says, or the server where its answer says more.

    Args:
        stop: The planner's last word.
        reply: The answer that led to it; None if there was none.
        upload_url: Address of the upload, if it has one.
        offset: Bytes that are stored.
    """
    kind, hint = ERRORS[stop.kind]
    told = None if reply is None else refusal.read(reply.status, headers=reply.headers, body=reply.body)
    why = stop.why if told is None else stop.why.replace(refusal.SERVER, told.who, 1)
    if told and told.hint and stop.kind in (Kind.AUTH, Kind.REJECTED):
        hint = f"{told.hint}; {KEPT}" if stop.kind is Kind.AUTH else told.hint
    return kind(
        f"{why}: {told.reason}" if told and told.reason else why,
        upload_url=upload_url,
        offset=offset,
        status=reply.status if reply else None,
        request_id=reply.headers.get(wire.REQUEST_ID) if reply else None,
        hint=hint,
    )
