"""``/files/``: every dialect on the same addresses; here it is decided whose turn it is."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Final

from tusvideo.commands import QueryUpload
from tusvideo.errors import InvalidField, NotFound, TusvideoError
from tusvideo.message import ResponseHead
from tusvideo.model import Status, UploadId
from tusvideo.protocol import fields, ietf, plain, problem, proof, tus
from tusvideo.protocol.dispatch import Dialect, dialect_of
from tusvideo.protocol.interop import PARTIAL_TYPE, version_of
from tusvideo.web import download, ietf_handlers, plain_handlers, tus_handlers
from tusvideo.web.exchange import Download, Exchange
from tusvideo.web.routes import Kind

CREATING_KINDS: Final = frozenset({Kind.UPLOADS, Kind.NAMED})

_CARRY_OUT: Final[Mapping[Dialect, Callable[[Exchange], Awaitable[ResponseHead]]]] = {
    Dialect.TUS: tus_handlers.carry_out,
    Dialect.IETF: ietf_handlers.carry_out,
    Dialect.PLAIN: plain_handlers.carry_out,
}


async def carry_out(exchange: Exchange) -> ResponseHead:
    """Everything that makes, feeds, asks for or removes an upload."""
    return await _CARRY_OUT[_dialect_of(exchange)](exchange)


async def get(exchange: Exchange) -> ResponseHead | Download:
    """GET /files/{id}: the file once it is published; before that the offset, for who may ask for it so."""
    if _dialect_of(exchange) is Dialect.IETF and version_of(exchange.head).queries_by_get:
        upload = (await exchange.house.uploads.query(exchange.owner, QueryUpload(upload_id=_id(exchange)))).upload
        if upload.status is not Status.COMPLETE:
            return await ietf_handlers.carry_out(exchange)
    return await download.uploaded(exchange)


async def options(exchange: Exchange) -> ResponseHead:
    """OPTIONS: what all dialects tell of themselves."""
    house = exchange.house
    spoken = tus.options(max(profile.max_length for profile in house.profiles.values()))
    name = exchange.head.one_query("profile") or house.default_profile
    if name not in house.profiles:
        raise InvalidField("profile", expected=f"one of {', '.join(sorted(house.profiles))}", got=name)
    limit = _limit(exchange, max_length=house.profiles[name].max_length)
    methods = ietf.CREATION_METHODS if exchange.route.kind in CREATING_KINDS else ietf.UPLOAD_METHODS
    patch = ("Accept-Patch", f"{fields.OFFSET_TYPE}, {PARTIAL_TYPE}")
    more = (*limit, patch, ("Allow", ", ".join(methods)))
    return ResponseHead(status=spoken.status, headers=(*spoken.headers, *more))


async def options_of_server(exchange: Exchange) -> ResponseHead:
    """OPTIONS of *: the limits, where all profiles have the same; it names no resource, so it has no other method."""
    sizes = {profile.max_length for profile in exchange.house.profiles.values()}
    limit = _limit(exchange, max_length=sizes.pop()) if len(sizes) == 1 else ()
    return ResponseHead(status=204, headers=(("Allow", "OPTIONS"), *limit))


async def prove(exchange: Exchange) -> ResponseHead:
    """GET /files/{id}/digest?from=&to=&prefer=."""
    command = proof.parse(exchange.head, upload_id=_id(exchange))
    proven = await exchange.house.proofs.prove(exchange.owner, command)
    exchange.saw(proven.upload)
    return proof.render(proven)


def ends_silently(exchange: Exchange) -> bool:
    """Tell whether a request that another one took over is hung up on, as the draft wants it."""
    return _dialect_of(exchange) is Dialect.IETF


def render_error(exchange: Exchange, error: TusvideoError) -> ResponseHead:
    """Answer an error in the dialect of the request."""
    match _dialect_of(exchange):
        case Dialect.TUS:
            return tus.render_error(error, head_only=exchange.head_only)
        case Dialect.IETF:
            return ietf_handlers.render_error(exchange, error)
        case Dialect.PLAIN:
            return plain.render_error(error, head_only=exchange.head_only)


def render_unexpected(exchange: Exchange) -> ResponseHead:
    """Answer an exception that nobody foresaw, in the dialect of the request."""
    match _dialect_of(exchange):
        case Dialect.TUS:
            return tus.render_unexpected(exchange.request_id, head_only=exchange.head_only)
        case Dialect.IETF:
            return ietf_handlers.render_unexpected(exchange)
        case Dialect.PLAIN:
            return problem.render_unexpected(exchange.request_id, head_only=exchange.head_only)


def _limit(exchange: Exchange, *, max_length: int) -> tuple[tuple[str, str], ...]:
    limits = exchange.house.limits
    return ietf.build_limit(
        version_of(exchange.head), max_length=max_length, seconds_left=limits.expiry_seconds, limits=limits
    )


def _dialect_of(exchange: Exchange) -> Dialect:
    kind = exchange.route.kind
    if kind in CREATING_KINDS or kind is Kind.UPLOAD:
        return dialect_of(exchange.head, creates=kind is not Kind.UPLOAD)
    return Dialect.TUS


def _id(exchange: Exchange) -> UploadId:
    if exchange.route.upload_id is None:
        raise NotFound
    return exchange.route.upload_id
