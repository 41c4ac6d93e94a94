"""The documented chunk routes: between forms, the dialect and the service."""

from functools import partial

from tusvideo.commands import Finalize, PartStored
from tusvideo.errors import MissingField, NotFound, TooLarge, UnsupportedType
from tusvideo.message import ResponseHead
from tusvideo.model import Profile
from tusvideo.protocol import chunk_api, json_body
from tusvideo.protocol.fields import is_content_type
from tusvideo.web.body import read_whole
from tusvideo.web.exchange import Exchange
from tusvideo.web.multipart import FILE_FIELD, FORM_TYPE, MAX_FRAME_BYTES, ChunkForm, Form, parse_boundary
from tusvideo.web.routes import content_location

JSON_TYPE = "application/json"
URLENCODED_TYPE = "application/x-www-form-urlencoded"


async def put(exchange: Exchange) -> ResponseHead:
    """POST …/chunk: one part, whatever the order of the form's fields."""
    profile, limits = _profile(exchange), exchange.house.limits
    form = _form(exchange, max_file_bytes=limits.max_chunk_size)
    if not await form.find_file():
        raise MissingField(FILE_FIELD, expected="a file with this name in the form")
    part = ChunkForm(form, body=exchange.body, parse=partial(chunk_api.parse_part, profile=profile, limits=limits))
    command = part.early_command()
    if command is None:
        outcome = await _put_by_spool(exchange, part)
    else:
        outcome = await exchange.house.parts.put(exchange.owner, command, part)
    exchange.saw(outcome.upload)
    return chunk_api.render_part(outcome)


async def _put_by_spool(exchange: Exchange, part: ChunkForm) -> PartStored:
    """The file came first: its bytes wait until the fields are known."""
    parts = exchange.house.parts
    spool = await parts.open_spool()
    try:
        while block := await part.read():
            await spool.write(block)
        return await parts.put_spooled(exchange.owner, part.command(), spool)
    finally:
        await spool.close()


async def query_head(exchange: Exchange) -> ResponseHead:
    """HEAD …/chunk?uploadId=ID."""
    command = chunk_api.parse_query(exchange.head, profile=_profile(exchange))
    outcome = await exchange.house.parts.query(exchange.owner, command)
    exchange.saw(outcome.upload)
    return chunk_api.render_head(outcome, content_location=content_location(outcome.upload))


async def query(exchange: Exchange) -> ResponseHead:
    """GET …/chunk?uploadId=ID."""
    command = chunk_api.parse_query(exchange.head, profile=_profile(exchange))
    outcome = await exchange.house.parts.query(exchange.owner, command)
    exchange.saw(outcome.upload)
    return chunk_api.render_status(outcome)


async def terminate(exchange: Exchange) -> ResponseHead:
    """DELETE …/chunk?uploadId=ID."""
    command = chunk_api.parse_terminate(exchange.head, profile=_profile(exchange))
    await exchange.house.parts.terminate(exchange.owner, command)
    return chunk_api.render_terminated()


async def finalize(exchange: Exchange) -> ResponseHead:
    """POST …/finalize, as JSON or as a form."""
    command = await _read_finalize(exchange, profile=_profile(exchange))
    outcome = await exchange.house.finalizing.finalize(exchange.owner, command)
    exchange.saw(outcome.upload)
    return chunk_api.render_finalized(outcome, url=content_location(outcome.upload) or "")


async def _read_finalize(exchange: Exchange, *, profile: Profile) -> Finalize:
    limits, media_type = exchange.house.limits, exchange.head.one("Content-Type")
    if is_content_type(media_type, FORM_TYPE):
        form = _form(exchange, max_file_bytes=0)
        if await form.find_file():
            raise UnsupportedType(expected="fields only", got=f"a file named {FILE_FIELD}")
        return chunk_api.parse_finalize(form.fields, profile=profile, limits=limits)
    if is_content_type(media_type, URLENCODED_TYPE):
        fields = json_body.form_fields(await read_small(exchange))
        return chunk_api.parse_finalize(fields, profile=profile, limits=limits)
    document = await read_json(exchange)
    return chunk_api.parse_finalize_json(document, profile=profile, limits=limits)


async def read_json(exchange: Exchange) -> dict[str, object]:
    """Read a JSON object. Raises UnsupportedType when the body is something else by its own account."""
    media_type = exchange.head.one("Content-Type")
    if not is_content_type(media_type, JSON_TYPE):
        raise UnsupportedType(expected=JSON_TYPE, got=media_type or "no Content-Type")
    return json_body.parse_object(await read_small(exchange))


async def read_small(exchange: Exchange) -> bytes:
    """Read a body of fields to its end. Raises TooLarge, before the first byte if the head tells."""
    most = exchange.house.limits.max_fields_bytes
    _judge_length(exchange, most=most)
    return await read_whole(exchange.body, most=most)


def _form(exchange: Exchange, *, max_file_bytes: int) -> Form:
    boundary = parse_boundary(exchange.head.one("Content-Type"))
    max_fields_bytes = exchange.house.limits.max_fields_bytes
    _judge_length(exchange, most=max_file_bytes + max_fields_bytes + MAX_FRAME_BYTES)
    return Form(exchange.body, boundary=boundary, max_fields_bytes=max_fields_bytes, max_file_bytes=max_file_bytes)


def _judge_length(exchange: Exchange, *, most: int) -> None:
    length = exchange.head.content_length
    if length is not None and length > most:
        raise TooLarge("the body", limit=most, got=length)


def _profile(exchange: Exchange) -> Profile:
    profile = exchange.house.profiles.get(exchange.route.profile)
    if profile is None or not profile.takes_video_only:
        raise NotFound("address")
    return profile
