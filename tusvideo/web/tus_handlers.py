"""tus 1.0.0 on ``/files/``: between the dialect and the service."""

from tusvideo.commands import AppendBytes, Appended, Created, CreateUpload, Queried, QueryUpload, TerminateUpload
from tusvideo.errors import (
    Expired,
    Forbidden,
    NotFound,
    RequestError,
    TusvideoError,
    UnsupportedCoding,
    UnsupportedType,
)
from tusvideo.message import ResponseHead
from tusvideo.model import Status, UploadId
from tusvideo.protocol import tus
from tusvideo.web.exchange import Exchange
from tusvideo.web.routes import FILES_PATH, content_location


async def carry_out(exchange: Exchange) -> ResponseHead:
    """POST /files/; PATCH, HEAD and DELETE /files/{id}."""
    house, user, head = exchange.house, exchange.owner, exchange.head
    match await _parse(exchange):
        case CreateUpload() as command:
            created = await house.uploads.create(user, command, exchange.raw if command.takes_body else None)
            return _render(exchange, created, ignored_body=head.has_body and not created.stored_body)
        case AppendBytes() as command:
            return _render(exchange, await house.uploads.append(user, command, exchange.raw))
        case QueryUpload() as command:
            return _render(exchange, await house.uploads.query(user, command))
        case TerminateUpload() as command:
            await house.uploads.terminate(user, command)
            return tus.render_terminated()


async def _parse(exchange: Exchange) -> CreateUpload | AppendBytes | QueryUpload | TerminateUpload:
    upload_id = exchange.route.upload_id
    try:
        return tus.parse(
            exchange.head,
            upload_id=upload_id,
            default_profile=exchange.house.default_profile,
            profiles=exchange.house.profiles,
            base_path=FILES_PATH,
        )
    except RequestError as error:
        if exchange.head.method == "PATCH" and upload_id is not None:
            await _complete_refusal(exchange, error, upload_id)
        raise


async def _complete_refusal(exchange: Exchange, error: RequestError, upload_id: UploadId) -> None:
    """Add to the refusal of a PATCH by its head what every answer to one tells: when the upload expires.

    Raises NotFound or Expired instead of a refusal of the type: that an upload is there is judged before its type.
    """
    try:
        upload = (await exchange.house.uploads.query(exchange.owner, QueryUpload(upload_id=upload_id))).upload
    except (NotFound, Expired):
        if isinstance(error, UnsupportedType | UnsupportedCoding):
            raise
    except TusvideoError:
        return  # the refusal stands, whatever keeps the upload from being looked at
    else:
        if upload.is_final:
            message = "a final upload takes no bytes, it is made of others; send them to an upload of their own"
            raise Forbidden(message) from None
        if upload.status is Status.OPEN:
            error.expires_at = upload.expires_at


def _render(exchange: Exchange, outcome: Created | Appended | Queried, *, ignored_body: bool = False) -> ResponseHead:
    exchange.saw(outcome.upload)
    location = content_location(outcome.upload)
    return tus.render(outcome, base_path=FILES_PATH, content_location=location, ignored_body=ignored_body)
