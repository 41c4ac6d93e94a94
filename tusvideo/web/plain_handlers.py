"""Whole files in one request, raw or in a form, on ``/files/``: between the dialect and the service."""

from tusvideo.errors import MissingField
from tusvideo.message import ResponseHead
from tusvideo.protocol import plain
from tusvideo.protocol.fields import is_content_type
from tusvideo.web.exchange import Exchange
from tusvideo.web.multipart import FORM_TYPE, Form, FormFile, parse_boundary
from tusvideo.web.routes import FILES_PATH, content_location


async def carry_out(exchange: Exchange) -> ResponseHead:
    """POST and PUT /files/, PUT /files/{filename}."""
    house = exchange.house
    is_form = is_content_type(exchange.head.one("Content-Type"), FORM_TYPE)
    form = await _file_of_form(exchange) if is_form else None
    command = plain.parse(
        exchange.head,
        name=exchange.route.name if form is None else form.filename,
        default_profile=house.default_profile,
        profiles=house.profiles,
        form=None if form is None else form.fields,
    )
    created = await house.uploads.create(exchange.owner, command, form or exchange.raw)
    exchange.saw(created.upload)
    return plain.render(created, base_path=FILES_PATH, url=content_location(created.upload))


async def _file_of_form(exchange: Exchange) -> FormFile:
    """Read a form up to its file."""
    limits = exchange.house.limits
    form = Form(
        exchange.body,
        boundary=parse_boundary(exchange.head.one("Content-Type")),
        max_fields_bytes=limits.max_fields_bytes,
        max_file_bytes=max(profile.max_length for profile in exchange.house.profiles.values()),
        file_field=None,
        field_names=plain.FORM_FIELDS,
    )
    if not await form.find_file():
        raise MissingField("the file", expected="a part with a file name in the form")
    return FormFile(form, body=exchange.body)
