"""Forms (``multipart/form-data``) as they arrive: fields are collected within bounds, one file is passed on unseen.

Spec: RFC 7578, RFC 2046 §5.1.
"""

import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Final

from multipart import MultipartError, MultipartSegment, ParserLimitReached, PushMultipartParser, parse_options_header

from tusvideo.commands import PutPart
from tusvideo.errors import InvalidField, MissingField, TooLarge, UnsupportedType
from tusvideo.protocol.fields import decode_text
from tusvideo.streams import BytesBody

FORM_TYPE: Final = "multipart/form-data"
FILE_FIELD: Final = "chunk"
FIELD_NAMES: Final = frozenset(
    {"uploadId", "chunkIndex", "totalChunks", "chunkSize", "fileSize", "checksum", "filename", "replaces"},
)
"""Fields that are kept; others are read past, though they count."""
MAX_SEGMENTS: Final = 16
MAX_HEADER_BYTES: Final = 8 * 1024
"""Bytes of the header fields of one part of a form."""
MAX_FRAME_BYTES: Final = 64 * 1024
"""Bytes of a form that are neither file nor field: boundaries, headers of parts, what lies around them."""

_BOUNDARY: Final = re.compile(r"[0-9A-Za-z'()+_,./:=? -]{0,69}[0-9A-Za-z'()+_,./:=?-]", re.ASCII)
_PLAIN_CODINGS: Final = frozenset({"binary", "8bit", "7bit"})

Fields = Mapping[str, Sequence[str]]


def parse_boundary(content_type: str | None) -> str:
    """Give the boundary that a Content-Type names.

    Raises UnsupportedType for another type, InvalidField when the boundary is missing or malformed.
    """
    media_type, parameters = parse_options_header(content_type or "")
    if media_type != FORM_TYPE:
        raise UnsupportedType(expected=FORM_TYPE, got=content_type or "no Content-Type")
    boundary: str = parameters.get("boundary", "")
    if _BOUNDARY.fullmatch(boundary) is None:
        raise InvalidField("Content-Type", expected=f"{FORM_TYPE}; boundary=…", got=content_type or "")
    return boundary


class Form:
    """One form on its way in. ``find_file`` reads up to the file, ``read`` gives the bytes of the file and, at its end,
    reads the rest of the form.

    Bounds: 16 parts, 8 KiB of headers a part, ``max_fields_bytes`` of fields together, ``max_file_bytes`` of file;
    nothing that comes in is held beyond that. The file is the part named ``file_field``, or with None the one that has
    a file name; of the fields those in ``field_names`` are kept. A form is whole only when ``read`` gave b"" (or
    ``find_file`` False): a form that breaks off raises InvalidField, a body that breaks off raises TransferEnded.
    """

    def __init__(
        self,
        body: BytesBody,
        *,
        boundary: str,
        max_fields_bytes: int,
        max_file_bytes: int,
        file_field: str | None = FILE_FIELD,
        field_names: Collection[str] = FIELD_NAMES,
    ) -> None:
        self._body = body
        self._file_field = file_field
        self._field_names = field_names
        self.filename: str | None = None
        """What the form calls the file, once that was found."""
        # Not strict: then a form is judged alike however the network cut it. What strict refuses beyond that is
        # refused or bounded here.
        self._parser = PushMultipartParser(boundary, max_header_size=MAX_HEADER_BYTES, max_header_count=16)
        self._max_fields_bytes = max_fields_bytes
        self._max_file_bytes = max_file_bytes
        self._events: Iterator[MultipartSegment | bytes | None] = iter(())
        self._raw: dict[str, list[bytearray]] = {}
        self._segments = 0
        self._in_file = False
        self._found_file = False
        self._value: bytearray | None = None
        self._whole = False
        self._came_bytes = 0
        self._field_bytes = 0
        self._file_bytes = 0

    @property
    def fields(self) -> Fields:
        """The fields that came whole so far. Raises InvalidField when one is not UTF-8."""
        return {
            name: [decode_text(bytes(value), field=name) for value in values if value is not self._value]
            for name, values in self._raw.items()
        }

    async def find_file(self) -> bool:
        """Read until the file begins; False when the form ended without one. Only before the first ``read``."""
        while not self._in_file and not self._whole:
            await self._step()
        return self._in_file

    async def read(self) -> bytes:
        """Give the next bytes of the file; b"" once the form is whole."""
        while not self._whole:
            if block := await self._step():
                return block
        return b""

    async def _step(self) -> bytes:
        """Take one event; give its bytes if they belong to the file, else b""."""
        try:
            event = next(self._events, b"")
            if event == b"":
                await self._feed()
                return b""
        except ParserLimitReached:
            raise TooLarge("the header of a part of the form", limit=MAX_HEADER_BYTES) from None
        except MultipartError:
            raise InvalidField("body", expected=f"a whole {FORM_TYPE}", got="a malformed or incomplete one") from None
        if event is None:
            self._in_file, self._value = False, None
            return b""
        if isinstance(event, bytes):
            return self._take(event)
        self._open_segment(event)
        return b""

    async def _feed(self) -> None:
        frame = self._came_bytes - self._field_bytes - self._file_bytes
        if frame > MAX_FRAME_BYTES:
            raise TooLarge("what surrounds the fields of the form", limit=MAX_FRAME_BYTES)
        if block := await self._body.read():
            self._came_bytes += len(block)
            self._events = self._parser.parse(block)
        else:
            self._parser.close()
            self._whole = True

    def _open_segment(self, segment: MultipartSegment) -> None:
        self._segments += 1
        if self._segments > MAX_SEGMENTS:
            raise TooLarge("the number of parts of the form", limit=MAX_SEGMENTS)
        if sum(len(name) + len(value) for name, value in segment.headerlist) > MAX_HEADER_BYTES:
            raise TooLarge("the header of a part of the form", limit=MAX_HEADER_BYTES)
        _refuse_codings(segment)
        if not self._is_file(segment):
            if segment.name is not None and segment.name in self._field_names:
                self._value = bytearray()
                self._raw.setdefault(segment.name, []).append(self._value)
            return
        if self._found_file:
            raise InvalidField(self._file_field or "the file", expected="the file once", got="twice")
        self._in_file = self._found_file = True
        self.filename = segment.filename

    def _is_file(self, segment: MultipartSegment) -> bool:
        return segment.name == self._file_field if self._file_field is not None else segment.filename is not None

    def _take(self, block: bytes) -> bytes:
        if self._in_file:
            self._file_bytes += len(block)
            if self._file_bytes > self._max_file_bytes:
                raise TooLarge("the chunk", limit=self._max_file_bytes)
            return block
        self._field_bytes += len(block)
        if self._field_bytes > self._max_fields_bytes:
            raise TooLarge("the fields of the form", limit=self._max_fields_bytes)
        if self._value is not None:
            self._value += block
        return b""


def _refuse_codings(segment: MultipartSegment) -> None:
    for name, value in segment.headerlist:
        plain = value.strip(" \t").lower()
        if name == "Content-Transfer-Encoding" and plain not in _PLAIN_CODINGS:
            raise UnsupportedType(expected="Content-Transfer-Encoding: binary", got=value)
        if name == "Content-Encoding" and plain != "identity":
            raise UnsupportedType(expected="no Content-Encoding", got=value)


class ChunkForm:
    """A chunk and its fields; implements the PartBody port over a Form whose file has been found.

    ``parse`` turns fields into a command and may be called before all of them came.
    """

    def __init__(self, form: Form, *, body: BytesBody, parse: Callable[[Fields], PutPart]) -> None:
        self._form = form
        self._body = body
        self._parse = parse

    @property
    def is_cut(self) -> bool:
        return self._body.is_cut

    @property
    def silent_seconds(self) -> float:
        return self._body.silent_seconds

    async def read(self) -> bytes:
        return await self._form.read()

    def tap(self) -> None:
        return None

    def interrupt(self) -> None:
        self._body.interrupt()

    def command(self) -> PutPart:
        return self._parse(self._form.fields)

    def early_command(self) -> PutPart | None:
        """Give the command if the fields before the file suffice for one. Raises RequestError for a malformed one."""
        try:
            return self.command()
        except MissingField:
            return None


class FormFile:
    """The file of a form and the fields before it; implements the Body port over a Form whose file has been found."""

    def __init__(self, form: Form, *, body: BytesBody) -> None:
        self._form = form
        self._body = body
        self.filename = form.filename
        self.fields = form.fields

    @property
    def is_cut(self) -> bool:
        return self._body.is_cut

    @property
    def silent_seconds(self) -> float:
        return self._body.silent_seconds

    async def read(self) -> bytes:
        block = await self._form.read()
        if not block:
            # What was judged before the first byte was stored cannot be said afterwards.
            late = next((name for name, values in self._form.fields.items() if values != self.fields.get(name)), None)
            if late is not None:
                raise InvalidField(late, expected="the field before the file", got="it after the file")
        return block

    def tap(self) -> None:
        return None

    def interrupt(self) -> None:
        self._body.interrupt()
