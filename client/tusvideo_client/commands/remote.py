"""Short questions to a server about one upload: where it stands, and to remove it."""

from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus

from tusvideo_client import wire
from tusvideo_client.errors import AuthError, GaveUpError, ProtocolError, RejectedError, UploadError, UploadGoneError
from tusvideo_client.plan import FINAL_SERVER_ERRORS, PASSING
from tusvideo_client.refusal import ADVICE
from tusvideo_client.refusal import read as read_refusal
from tusvideo_client.state import Timeouts
from tusvideo_client.transport import Interrupted, Patience, Reply, Transport

TIMEOUTS = Timeouts(connect=5.0, stall=10.0, probe=5.0, response=15.0)
TUS = {wire.TUS_RESUMABLE: wire.TUS_VERSION}


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What a server says of an upload.

    Attributes:
        url: The upload's address.
        offset: Bytes that are stored.
        length: Bytes in all; None if nobody has said so yet.
        expires: When the server removes it if nothing comes, as it says it.
        published: Address of the finished file, if the server names one.
        metadata: What the upload was made with, as far as the server tells.
    """

    url: str
    offset: int
    length: int | None
    expires: str | None
    published: str | None
    metadata: Mapping[str, str]

    @property
    def is_complete(self) -> bool:
        """True if every byte is there."""
        return self.published is not None or self.offset == self.length


async def ask(transport: Transport, url: str) -> Standing:
    """Where an upload stands; at the address of a published file it is complete.

    Raises:
        UploadError: The server cannot be reached, or does not tell.
    """
    reply = await request(transport, "HEAD", url, headers=TUS)
    offset = wire.parse_whole_number(reply.headers.get(wire.UPLOAD_OFFSET))
    if offset is None and (size := _size_of_file(reply)) is not None:
        return Standing(url=url, offset=size, length=size, expires=None, published=url, metadata={})
    if offset is None:
        message = (
            f"the server answered {reply.status} without Upload-Offset: that is no address of an upload, nor of a file"
        )
        raise ProtocolError(message, status=reply.status, hint="expected an id of `ls`, or the address of an upload")
    reference = reply.headers.get(wire.CONTENT_LOCATION)
    try:
        metadata = wire.parse_metadata(reply.headers.get(wire.UPLOAD_METADATA, ""))
    except ValueError:
        metadata = {}
    return Standing(
        url=url,
        offset=offset,
        length=wire.parse_whole_number(reply.headers.get(wire.UPLOAD_LENGTH)),
        expires=reply.headers.get("Upload-Expires"),
        published=None if reference is None else wire.resolve(url, reference),
        metadata=metadata,
    )


def _size_of_file(reply: Reply) -> int | None:
    """Bytes of the file at an address; None if what lies there does not present itself as a file, as a page may not.

    Spec: RFC 9110 § 14.3
    """
    if reply.status != HTTPStatus.OK or reply.headers.get("Accept-Ranges", "").strip().lower() != "bytes":
        return None
    return wire.parse_whole_number(reply.headers.get("Content-Length"))


async def terminate(transport: Transport, url: str) -> None:
    """Remove an upload; safe to repeat.

    Raises:
        UploadGoneError: It is not there.
        UploadError: The server cannot be reached, or refuses.
    """
    await request(transport, "DELETE", url, headers=TUS)


async def request(
    transport: Transport, method: str, url: str, *, headers: Mapping[str, str], patience: float = 0.0
) -> Reply:
    """One request that has to succeed; a token that is refused is renewed once.

    Args:
        transport: The connections.
        method: HTTP method.
        url: Absolute address.
        headers: Fields of the request.
        patience: Seconds that the answer may take on top of the usual.

    Raises:
        UploadError: It did not.
    """
    try:
        reply = await transport.send(method, url, headers=headers, patience=Patience(answer=patience))
        is_refused = reply.status == HTTPStatus.UNAUTHORIZED and transport.can_renew
        if is_refused and await transport.renew_token(reply.bearer):
            reply = await transport.send(method, url, headers=headers, patience=Patience(answer=patience))
    except Interrupted as trouble:
        message = f"the server did not answer: {trouble.detail}"
        raise GaveUpError(message, upload_url=url, hint="try again when it can be reached") from trouble
    if reply.is_success:
        return reply
    raise refusal(reply, url=url)


def refusal(reply: Reply, *, url: str) -> UploadError:
    """The error that an answer other than success means."""
    kind: type[UploadError]
    if reply.status == HTTPStatus.UNAUTHORIZED:
        kind, hint = AuthError, None
    elif reply.status in {HTTPStatus.NOT_FOUND, HTTPStatus.GONE}:
        kind, hint = UploadGoneError, "it expired, was removed, or the address is another"
    elif reply.status == HTTPStatus.INSUFFICIENT_STORAGE:
        kind, hint = RejectedError, ADVICE["disk_full"]
    elif reply.status in FINAL_SERVER_ERRORS:
        kind, hint = RejectedError, "the server does not do this at all: check the address"
    elif reply.status in PASSING:
        kind, hint = GaveUpError, "try again later"
    elif reply.status >= HTTPStatus.BAD_REQUEST:
        kind, hint = RejectedError, "the server will not take this request"
    else:
        kind, hint = ProtocolError, "redirects are not followed: give the address that the server itself uses"
    told = read_refusal(reply.status, headers=reply.headers, body=reply.body)
    message = f"{told.who} answered {reply.status}" + (f": {told.reason}" if told.reason else "")
    request_id = reply.headers.get(wire.REQUEST_ID)
    return kind(message, upload_url=url, status=reply.status, request_id=request_id, hint=told.hint or hint)
