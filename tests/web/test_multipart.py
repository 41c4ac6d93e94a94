"""Forms: every order, every cut, every bound."""

import contextlib
from collections.abc import Mapping, Sequence
from itertools import permutations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.web.forms import BOUNDARY, Pieces, chunk_fields, form, part
from tusvideo.commands import PutPart
from tusvideo.errors import BodyCut, InvalidField, MissingField, Preempted, RequestError, TooLarge, UnsupportedType
from tusvideo.model import ClientKey
from tusvideo.web.multipart import MAX_FRAME_BYTES, MAX_HEADER_BYTES, MAX_SEGMENTS, ChunkForm, Form, parse_boundary

DATA = b"\r\n--b0undar" + bytes(range(256)) + b"\r\n--b0undarX--"
"""File content that looks like the beginning of a boundary."""
FIELDS_LIMIT = 1000
FILE_LIMIT = 4096


def opened(body: Pieces) -> Form:
    """A form with small bounds."""
    return Form(body, boundary=BOUNDARY, max_fields_bytes=FIELDS_LIMIT, max_file_bytes=FILE_LIMIT)


async def read_all(body: Pieces) -> tuple[Mapping[str, Sequence[str]], bytes]:
    """Read a form to its end."""
    form_ = opened(body)
    data = b""
    if await form_.find_file():
        while block := await form_.read():
            data += block
    return form_.fields, data


@pytest.mark.parametrize("parts", list(permutations([*chunk_fields(2, 7), ("chunk", DATA)])))
async def test_every_order_of_fields_means_the_same(parts: tuple[tuple[str, bytes], ...]) -> None:
    """A form says the same whatever the order of its parts."""
    fields, data = await read_all(Pieces([form(*parts)]))
    assert fields == {"uploadId": ["k"], "chunkIndex": ["2"], "totalChunks": ["7"]}
    assert data == DATA


SMALL = form(("uploadId", b"k"), ("chunk", b"a\r\n--b0undarb"), ("totalChunks", b"7"))


@pytest.mark.parametrize("split", range(1, len(SMALL)))
async def test_a_form_means_the_same_however_it_is_cut_into_packets(split: int) -> None:
    """Two packets, cut at any byte, are read like one."""
    fields, data = await read_all(Pieces([SMALL[:split], SMALL[split:]]))
    assert (fields, data) == ({"uploadId": ["k"], "totalChunks": ["7"]}, b"a\r\n--b0undarb")


async def test_a_form_may_come_byte_by_byte() -> None:
    """One byte a packet is slow and fine."""
    fields, data = await read_all(Pieces([bytes([byte]) for byte in SMALL]))
    assert (fields, data) == ({"uploadId": ["k"], "totalChunks": ["7"]}, b"a\r\n--b0undarb")


@pytest.mark.parametrize("torn", range(len(SMALL) - 2))
async def test_a_form_that_ends_early_is_never_whole(torn: int) -> None:
    """A body that ends as it should in the middle of a form is a malformed form, at every byte."""
    with pytest.raises(InvalidField, match="body"):
        await read_all(Pieces([SMALL[:torn]]))


@pytest.mark.parametrize("torn", range(len(SMALL)))
async def test_a_form_that_is_cut_is_never_whole(torn: int) -> None:
    """A connection that ends in a form is told as such, at every byte, also after the last boundary."""
    with pytest.raises(BodyCut):
        await read_all(Pieces([SMALL[:torn]], cut=True))


async def test_the_file_is_found_before_it_is_read() -> None:
    """Fields that came before the file are known when the file begins; later ones at the end."""
    opened_form = opened(Pieces([SMALL]))
    assert await opened_form.find_file()
    assert opened_form.fields == {"uploadId": ["k"]}
    while await opened_form.read():
        pass
    assert opened_form.fields == {"uploadId": ["k"], "totalChunks": ["7"]}


async def test_a_form_without_a_file_says_so() -> None:
    """Without the part ``chunk`` the form ends with its fields."""
    opened_form = opened(Pieces([form(*chunk_fields())]))
    assert not await opened_form.find_file()
    assert opened_form.fields["uploadId"] == ["k"]
    assert await opened_form.read() == b""


async def test_an_empty_file_is_a_file() -> None:
    """A file of zero bytes is found and ends at once."""
    opened_form = opened(Pieces([form(("chunk", b""), ("uploadId", b"k"))]))
    assert await opened_form.find_file()
    assert await opened_form.read() == b""
    assert opened_form.fields == {"uploadId": ["k"]}


async def test_repeated_fields_are_both_told() -> None:
    """Which of two values counts is not for the form to say."""
    fields, _ = await read_all(Pieces([form(("uploadId", b"a"), ("uploadId", b"b"))]))
    assert fields == {"uploadId": ["a", "b"]}


async def test_unknown_fields_are_read_past() -> None:
    """A field that nobody knows is left out, whatever is in it."""
    fields, data = await read_all(Pieces([form(("evil", b"\xff" * 500), ("uploadId", b"k"), ("chunk", b"x"))]))
    assert (fields, data) == ({"uploadId": ["k"]}, b"x")


async def test_fields_are_utf_8() -> None:
    """Anything else is refused, by name."""
    with pytest.raises(InvalidField, match="filename"):
        await read_all(Pieces([form(("filename", b"\xff"))]))


BOMBS: dict[str, tuple[bytes, type[RequestError]]] = {
    "two files": (form(("chunk", b"a"), ("chunk", b"b")), InvalidField),
    "file too large": (form(("chunk", b"x" * (FILE_LIMIT + 1))), TooLarge),
    "field too large": (form(("uploadId", b"x" * (FIELDS_LIMIT + 1))), TooLarge),
    "fields too large together": (form(("uploadId", b"x" * 600), ("checksum", b"x" * 600)), TooLarge),
    "unknown field too large": (form(("evil", b"x" * (FIELDS_LIMIT + 1))), TooLarge),
    "too many parts": (form(*[("evil", b"")] * (MAX_SEGMENTS + 1)), TooLarge),
    "10,000 parts": (form(*[("evil", b"")] * 10_000), TooLarge),
    "long header line": (part("chunk", b"", extra=f"X-A: {'a' * MAX_HEADER_BYTES}\r\n"), TooLarge),
    "endless header line": (part("chunk", b"", extra="X-A: " + "a" * 100_000), TooLarge),
    "many long headers": (part("chunk", b"", extra=f"X-A: {'a' * 2000}\r\n" * 8), TooLarge),
    "many headers": (part("chunk", b"", extra="X-A: a\r\n" * 100), TooLarge),
    "base64": (part("chunk", b"", extra="Content-Transfer-Encoding: base64\r\n"), UnsupportedType),
    "quoted-printable": (
        part("uploadId", b"", extra="Content-Transfer-Encoding: Quoted-Printable\r\n"),
        UnsupportedType,
    ),
    "gzip": (part("chunk", b"", extra="Content-Encoding: gzip\r\n"), UnsupportedType),
    "preamble": (b"x" * MAX_FRAME_BYTES + b"\r\n" + form(("chunk", b"")), TooLarge),
    "epilogue": (form(("chunk", b"")) + b"x" * (MAX_FRAME_BYTES + 1), TooLarge),
    "no name": (f"--{BOUNDARY}\r\nContent-Disposition: form-data\r\n\r\n\r\n".encode(), InvalidField),
    "no disposition": (f"--{BOUNDARY}\r\nX-A: b\r\n\r\n\r\n".encode(), InvalidField),
    "attachment": (f"--{BOUNDARY}\r\nContent-Disposition: attachment; name=chunk\r\n\r\n".encode(), InvalidField),
    "bare line feeds": (form(("chunk", b"")).replace(b"\r\n", b"\n"), InvalidField),
    "header not UTF-8": (f"--{BOUNDARY}\r\nX-A: ".encode() + b"\xff\r\n\r\n", InvalidField),
    "header without a colon": (f"--{BOUNDARY}\r\nnonsense\r\n\r\n".encode(), InvalidField),
    "nothing": (b"", InvalidField),
    "another boundary": (form(("chunk", b"")).replace(b"b0undary", b"other"), InvalidField),
}


@pytest.mark.parametrize("size", [1, 7, 65_536], ids=["bytes", "small packets", "packets"])
@pytest.mark.parametrize("name", BOMBS)
async def test_hostile_forms_are_refused(name: str, size: int) -> None:
    """Whatever a form holds, it is refused with the same error however it is cut, and held within its bounds."""
    raw, error = BOMBS[name]
    if size == 1 and len(raw) > 20_000:
        size = 3
    with pytest.raises(error):
        await read_all(Pieces([raw[i : i + size] for i in range(0, len(raw), size)]))


@pytest.mark.parametrize("coding", ["binary", "8bit", "7BIT"])
async def test_plain_transfer_encodings_are_taken(coding: str) -> None:
    """Codings that change nothing are taken."""
    raw = part("chunk", b"x", extra=f"Content-Transfer-Encoding: {coding}\r\n") + f"--{BOUNDARY}--".encode()
    assert await read_all(Pieces([raw])) == ({}, b"x")


async def test_limits_are_inclusive() -> None:
    """Exactly the limit is not too much."""
    raw = form(("uploadId", b"x" * FIELDS_LIMIT), ("chunk", b"y" * FILE_LIMIT))
    assert await read_all(Pieces([raw])) == ({"uploadId": ["x" * FIELDS_LIMIT]}, b"y" * FILE_LIMIT)


async def test_an_error_stays_an_error() -> None:
    """Reading on after a refusal does not turn a form into a good one."""
    opened_form = opened(Pieces([form(("chunk", b"x")).replace(b"--\r\n", b"XX"), b"more"]))
    assert await opened_form.find_file()
    assert await opened_form.read() == b"x"
    for _ in range(3):
        with pytest.raises(InvalidField):
            await opened_form.read()


@pytest.mark.parametrize(
    ("content_type", "boundary"),
    [
        ("multipart/form-data; boundary=abc", "abc"),
        ('Multipart/Form-Data; charset=utf-8; Boundary="a b/c"', "a b/c"),
        ("multipart/form-data; boundary=" + "x" * 70, "x" * 70),
    ],
)
def test_boundaries_are_read(content_type: str, boundary: str) -> None:
    """The boundary is a parameter of the type, quoted or not, of at most 70 characters."""
    assert parse_boundary(content_type) == boundary


@pytest.mark.parametrize(
    ("content_type", "error"),
    [
        (None, UnsupportedType),
        ("", UnsupportedType),
        ("application/json", UnsupportedType),
        ("multipart/mixed; boundary=abc", UnsupportedType),
        ("multipart/form-data", InvalidField),
        ("multipart/form-data; boundary=", InvalidField),
        ('multipart/form-data; boundary=""', InvalidField),
        ("multipart/form-data; boundary=" + "x" * 71, InvalidField),
        ('multipart/form-data; boundary="a\tb"', InvalidField),
        ('multipart/form-data; boundary="a "', InvalidField),
        ('multipart/form-data; boundary="é"', InvalidField),
    ],
)
def test_bad_boundaries_are_refused(content_type: str | None, error: type[RequestError]) -> None:
    """Another type is 415; a boundary that is missing or malformed is 400."""
    with pytest.raises(error):
        parse_boundary(content_type)


def command_of(fields: Mapping[str, Sequence[str]]) -> PutPart:
    """A dialect in three lines."""
    if "totalChunks" not in fields:
        raise MissingField("totalChunks", expected="a number")
    return PutPart(profile="poster", client_key=ClientKey("k"), index=0, total_parts=int(fields["totalChunks"][0]))


async def test_fields_before_the_file_make_an_early_command() -> None:
    """With the fields first, the command is known before the first byte of the file."""
    body = Pieces([form(("totalChunks", b"3"), ("chunk", b"x"))])
    opened_form = opened(body)
    await opened_form.find_file()
    chunk = ChunkForm(opened_form, body=body, parse=command_of)
    command = chunk.early_command()
    assert command is not None
    assert command.total_parts == 3


async def test_fields_after_the_file_make_a_late_command() -> None:
    """With the file first, the command is known at the end; interruptions pass through to the body."""
    body = Pieces([form(("chunk", b"x"), ("totalChunks", b"3"))])
    opened_form = opened(body)
    await opened_form.find_file()
    chunk = ChunkForm(opened_form, body=body, parse=command_of)
    assert chunk.early_command() is None
    assert (await chunk.read(), await chunk.read(), chunk.command().total_parts) == (b"x", b"", 3)
    assert chunk.silent_seconds == 0


async def test_an_interrupted_form_ends() -> None:
    """interrupt ends the body under the form."""
    body = Pieces([form(("chunk", b"x"))[:-5]])
    opened_form = opened(body)
    await opened_form.find_file()
    chunk = ChunkForm(opened_form, body=body, parse=command_of)
    assert await chunk.read() == b"x"
    chunk.interrupt()
    with pytest.raises(Preempted):
        await chunk.read()


# --- any form ----------------------------------------------------------------------------------------------------


VALUES = st.text(st.characters(exclude_categories=["Cs"]), max_size=60)


async def _told(data: bytes, *, cut: int) -> tuple[dict[str, list[str]], bytes]:
    """Read a form that comes in packets of this size."""
    packets = [data[at : at + cut] for at in range(0, len(data), cut)]
    read = Form(Pieces(packets), boundary=BOUNDARY, max_fields_bytes=2000, max_file_bytes=2000)
    content = b""
    if await read.find_file():
        while block := await read.read():
            content += block
    return {name: list(values) for name, values in read.fields.items()}, content


def told(data: bytes, *, cut: int) -> tuple[dict[str, list[str]], bytes]:
    """As _told, of what never waits."""
    work = _told(data, cut=cut)
    with pytest.raises(StopIteration) as ended:
        work.send(None)
    found: tuple[dict[str, list[str]], bytes] = ended.value.value
    return found


@settings(max_examples=50)
@given(checksum=VALUES, key=VALUES, file=st.binary(max_size=500), cut=st.integers(1, 200))
def test_any_form_is_read_back(checksum: str, key: str, file: bytes, cut: int) -> None:
    """Whatever the fields and the file contain, and however the network cuts it."""
    data = form(("checksum", checksum.encode()), ("chunk", file), ("uploadId", key.encode()))
    assert told(data, cut=cut) == ({"checksum": [checksum], "uploadId": [key]}, file)


@settings(max_examples=30)
@given(checksum=VALUES, file=st.binary(max_size=60), cut=st.integers(1, 40))
def test_no_beginning_of_a_form_is_whole(checksum: str, file: bytes, cut: int) -> None:
    """Cut anywhere before its last two hyphens, it is refused."""
    data = form(("checksum", checksum.encode()), ("chunk", file))
    for end in range(len(data) - 3):
        with pytest.raises(RequestError):
            told(data[:end], cut=cut)


@settings(max_examples=50)
@given(data=st.binary(max_size=400), cut=st.integers(1, 100), at=st.integers(0, 400))
def test_any_bytes_are_a_form_or_refused(data: bytes, cut: int, at: int) -> None:
    """Alone, and put into a good form."""
    good = form(("checksum", b"t"), ("chunk", b"abc"))
    for text in (data, good[:at] + data + good[at:]):
        with contextlib.suppress(RequestError):
            told(text, cut=cut)
