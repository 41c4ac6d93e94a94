"""Resumable uploads of the IETF draft on ``/files/``: between the dialect and the service."""

from tusvideo.commands import AppendBytes, Appended, Created, CreateUpload, Queried, QueryUpload, TerminateUpload
from tusvideo.errors import Expired, NotFound, RequestError, TusvideoError
from tusvideo.message import ResponseHead
from tusvideo.model import UploadId
from tusvideo.protocol import ietf
from tusvideo.protocol.interop import Version, version_of
from tusvideo.web.exchange import Exchange
from tusvideo.web.interim import interim_for
from tusvideo.web.routes import FILES_PATH, content_location


async def carry_out(exchange: Exchange) -> ResponseHead:
    """POST, PUT and PATCH /files/, PUT /files/{filename}; PATCH, HEAD, GET and DELETE /files/{id}."""
    house, user = exchange.house, exchange.owner
    version = version_of(exchange.head)
    interim = interim_for(exchange, version=version)
    match await _parse(exchange, version=version, announces=interim is not None):
        case CreateUpload() as command:
            body = exchange.raw if command.takes_body else None
            if interim is not None and command.checksum is not None:
                interim.tells_progress = False
            return _render(exchange, await house.uploads.create(user, command, body, interim), version=version)
        case AppendBytes() as command:
            listener = None if command.checksum is not None else interim
            appended = await house.uploads.append(user, command, exchange.raw, listener)
            return _render(exchange, appended, version=version)
        case QueryUpload() as command:
            return _render(exchange, await house.uploads.query(user, command), version=version)
        case TerminateUpload() as command:
            await house.uploads.terminate(user, command)
            return ietf.render_terminated(version)


def render_error(exchange: Exchange, error: TusvideoError) -> ResponseHead:
    """Answer an error."""
    version = version_of(exchange.head)
    limits = exchange.house.limits
    return ietf.render_error(error, version=version, base_path=FILES_PATH, limits=limits, head_only=exchange.head_only)


def render_unexpected(exchange: Exchange) -> ResponseHead:
    """Answer an exception that nobody foresaw."""
    version = version_of(exchange.head)
    return ietf.render_unexpected(exchange.request_id, version=version, head_only=exchange.head_only)


async def _parse(
    exchange: Exchange, *, version: Version, announces: bool
) -> CreateUpload | AppendBytes | QueryUpload | TerminateUpload:
    upload_id = exchange.route.upload_id
    try:
        return ietf.parse(
            exchange.head,
            version=version,
            upload_id=upload_id,
            name=exchange.route.name,
            default_profile=exchange.house.default_profile,
            profiles=exchange.house.profiles,
            limits=exchange.house.limits,
            announces=announces,
        )
    except RequestError:
        if upload_id is not None:
            await _judge_known(exchange, upload_id)
        raise


def _render(exchange: Exchange, outcome: Created | Appended | Queried, *, version: Version) -> ResponseHead:
    upload, house = outcome.upload, exchange.house
    exchange.saw(upload)
    profile = house.profiles.get(upload.profile)
    return ietf.render(
        outcome,
        version=version,
        base_path=FILES_PATH,
        url=content_location(upload),
        max_length=upload.offset if profile is None else profile.max_length,
        limits=house.limits,
        now=house.clock.now(),
    )


async def _judge_known(exchange: Exchange, upload_id: UploadId) -> None:
    """Raise NotFound or Expired instead of a refusal of the head: that there is an upload is judged before that."""
    try:
        await exchange.house.uploads.query(exchange.owner, QueryUpload(upload_id=upload_id))
    except (NotFound, Expired):
        raise
    except TusvideoError:
        return  # the refusal stands, whatever keeps the upload from being looked at
