"""tus 1.0.0 on ``/files/``: between the dialect and the service."""

from tusvideo.commands import AppendBytes, Appended, Created, CreateUpload, Queried, QueryUpload, TerminateUpload
from tusvideo.message import ResponseHead
from tusvideo.protocol import tus
from tusvideo.web.exchange import Exchange
from tusvideo.web.routes import FILES_PATH, content_location


async def carry_out(exchange: Exchange) -> ResponseHead:
    """POST /files/; PATCH, HEAD and DELETE /files/{id}."""
    house, user, head = exchange.house, exchange.owner, exchange.head
    match tus.parse(
        head,
        upload_id=exchange.route.upload_id,
        default_profile=house.default_profile,
        profiles=house.profiles,
    ):
        case CreateUpload() as command:
            created = await house.uploads.create(user, command, exchange.body if command.takes_body else None)
            return _render(exchange, created, ignored_body=head.has_body and not command.takes_body)
        case AppendBytes() as command:
            return _render(exchange, await house.uploads.append(user, command, exchange.body))
        case QueryUpload() as command:
            return _render(exchange, await house.uploads.query(user, command))
        case TerminateUpload() as command:
            await house.uploads.terminate(user, command)
            return tus.render_terminated()


def _render(exchange: Exchange, outcome: Created | Appended | Queried, *, ignored_body: bool = False) -> ResponseHead:
    exchange.saw(outcome.upload)
    location = content_location(outcome.upload)
    return tus.render(outcome, base_path=FILES_PATH, content_location=location, ignored_body=ignored_body)


async def options(exchange: Exchange) -> ResponseHead:
    """OPTIONS on /files/ and /files/{id}."""
    return tus.options(max(profile.max_length for profile in exchange.house.profiles.values()))
