"""Form bombs (threat 38): refused within bounds, whatever surrounds the fields."""

from collections.abc import Callable

import pytest

from tests.faults.wire import Connection, request
from tests.hostile.target import CHUNK, FINALIZE, VIDEO, Target
from tests.web import forms

BOUNDARY = forms.BOUNDARY.encode()
END = b"--" + BOUNDARY + b"--\r\n"
FIELDS = forms.form(*forms.chunk_fields(0, 1))[: -len(END)]
FILE = forms.part("chunk", VIDEO, filename="a.mp4")
NESTED = b"--in\r\nContent-Disposition: file; filename=a\r\n\r\nx\r\n--in--"

BODIES: dict[str, bytes] = {
    "nothing": b"",
    "no boundary in the body": b"hello",
    "end only": END,
    "cut after the boundary": b"--" + BOUNDARY,
    "cut in a header": FIELDS + b"--" + BOUNDARY + b"\r\nContent-Disposition: form-data; na",
    "cut in the file": FIELDS + FILE[:-100],
    "cut before the end": FIELDS + FILE,
    "half an end": FIELDS + FILE + END[:-4],
    "100 parts": b"".join(forms.part(f"x{i}", b"1") for i in range(100)) + FIELDS + FILE + END,
    "17 parts": b"".join(forms.part("x", b"1") for _ in range(14)) + FIELDS + FILE + END,
    "10,000 parts": b"".join(forms.part("x", b"") for _ in range(10_000)) + END,
    "64 KiB header": FIELDS + forms.part("x", b"1", extra=f"X-A: {'a' * 65_536}\r\n") + FILE + END,
    "9 KiB header": FIELDS + forms.part("x", b"1", extra=f"X-A: {'a' * 9000}\r\n") + FILE + END,
    "100 headers": FIELDS + forms.part("x", b"1", extra="X-A: b\r\n" * 100) + FILE + END,
    "header without a colon": FIELDS + forms.part("x", b"1", extra="nonsense\r\n") + FILE + END,
    "nameless header": FIELDS + forms.part("x", b"1", extra=": b\r\n") + FILE + END,
    "no disposition": FIELDS + b"--" + BOUNDARY + b"\r\nX-A: b\r\n\r\nx\r\n" + FILE + END,
    "no headers": FIELDS + b"--" + BOUNDARY + b"\r\n\r\nx\r\n" + FILE + END,
    "another disposition": FIELDS + b"--" + BOUNDARY + b"\r\nContent-Disposition: attachment\r\n\r\nx\r\n" + FILE + END,
    "base64 file": FIELDS + forms.part("chunk", b"aGVsbG8=", extra="Content-Transfer-Encoding: base64\r\n") + END,
    "quoted-printable field": forms.part("uploadId", b"=41", extra="Content-Transfer-Encoding: quoted-printable\r\n")
    + END,
    "gzip file": FIELDS + forms.part("chunk", b"\x1f\x8b", extra="Content-Encoding: gzip\r\n") + END,
    "two files": FIELDS + FILE + FILE + END,
    "a field behind the end": FIELDS + FILE + END + forms.part("totalChunks", b"9") + END,
    "a field of 64 KiB": FIELDS + forms.part("checksum", b"0" * 65_537) + FILE + END,
    "an unknown field of 1 MiB": FIELDS + forms.part("x", b"0" * 1_048_576) + FILE + END,
    "fields of 64 KiB together": FIELDS + forms.part("x", b"0" * 7000) * 10 + FILE + END,
    "preamble of 10 MiB": b"x" * 10_485_760 + b"\r\n" + FIELDS + FILE + END,
    "preamble of boundaries": b"--b0undar" * 100_000 + b"\r\n" + FIELDS + FILE + END,
    "epilogue of 10 MiB": FIELDS + FILE + END + b"x" * 10_485_760,
    "nested": forms.part("chunk", NESTED, extra="Content-Type: multipart/mixed; boundary=in\r\n") + END,
    "charset field": forms.part("_charset_", b"utf-7") + forms.part("uploadId", b"+AG") + FILE + END,
    "bare LF": (FIELDS + FILE + END).replace(b"\r\n", b"\n"),
    "nul in a header": FIELDS + forms.part("x", b"1", extra="X-A: a\x00b\r\n") + FILE + END,
    "file of 64 MiB and a byte": FIELDS + forms.part("chunk", bytes(67_108_865), filename="a") + END,
}
MAY_PASS = {"no disposition", "no headers", "another disposition", "a field behind the end", "nul in a header"}


@pytest.mark.parametrize("name", BODIES)
@pytest.mark.parametrize("path", [CHUNK, FINALIZE])
@pytest.mark.parametrize("chunked", [False, True], ids=["told", "chunked"])
def test_forms_that_nobody_sends(target: Target, path: str, name: str, *, chunked: bool) -> None:
    """A 4xx in a sentence; a form is whole or not at all, and nothing is held beyond the bounds."""
    key = target.key()
    body = BODIES[name].replace(b"\r\n\r\nk\r\n", f"\r\n\r\n{key}\r\n".encode())
    if path == FINALIZE:
        body = body.replace(forms.part("chunkIndex", b"0"), b"")
    fields = [forms.TYPE, f"Content-Length: {len(body)}"]
    if chunked:
        fields[1] = "Transfer-Encoding: chunked"
        body = (b"%x\r\n%b\r\n" % (len(body), body) if body else b"") + b"0\r\n\r\n"
    data = request(f"POST {path} HTTP/1.1", *fields, body=body)
    if name in MAY_PASS and path == CHUNK:
        target.taken(data, {200, 400, 409, 413})
    else:
        target.refused(data, {400, 404, 409, 413, 415})
    left = target.ask(request(f"GET {CHUNK}?uploadId={key} HTTP/1.1"))
    if left.status == 200:
        # Begun by the fields of a form that then turned out to be bad: nothing of the file counts.
        assert left.json["received"] == ([[0, 0]] if name in MAY_PASS else [])


@pytest.mark.parametrize(
    ("kind", "status"),
    [
        ("multipart/form-data", 400),
        ("multipart/form-data; boundary=", 400),
        ('multipart/form-data; boundary=""', 400),
        (f"multipart/form-data; boundary={'b' * 71}", 400),
        (f"multipart/form-data; boundary={'b' * 60_000}", 400),
        ("multipart/form-data; boundary=a b;", 400),
        ("multipart/form-data; boundary=\xe9", 400),
        ('multipart/form-data; boundary="a\\r\\nb"', 400),
        ("multipart/form-data; charset=utf-8", 400),
        (f"multipart/form-data; {'x=1; ' * 5000}", 400),
        (f"multipart/form-data{';' * 50_000}", 400),
        ('multipart/form-data; boundary="' + '\\"' * 20_000, 400),
        (f"multipart/mixed; boundary={forms.BOUNDARY}", 415),
        ("multipart/form-dat; boundary=b0undary", 415),
        ("application/octet-stream", 415),
        ("text/plain", 415),
        ("application/json", 415),
        ("application/x-www-form-urlencoded", 415),
        ("", 415),
        (";", 415),
        ("\xff", 415),
        ("a" * 60_000, 415),
    ],
    ids=range(22),
)
def test_a_chunk_comes_as_a_form(target: Target, kind: str, status: int) -> None:
    """Another type is 415, a form without a usable boundary 400; both name what was expected."""
    data = request(f"POST {CHUNK} HTTP/1.1", f"Content-Type: {kind}", body=FIELDS + FILE + END)
    target.refused(data, status, says="multipart/form-data")


@pytest.mark.parametrize(
    "body",
    [
        b"%",
        b"%zz=1",
        b"uploadId=%ff&totalChunks=2",
        b"uploadId=\xff",
        b"&" * 1000,
        b"a&b",
        b"=".join([b"a"] * 1000),
        b"&".join(b"a%d=1" % i for i in range(1000)),
        b"a=1;" * 1000,
        b"uploadId=%00&filename=a&totalChunks=1",
        b"uploadId[]=kept-partial&filename=a&totalChunks=2",
        b"uploadId=kept-partial&filename=..%2f..%2fx&totalChunks=2",
        b"uploadId=kept-partial&filename=a%0d%0ab&totalChunks=2",
        b"x" * 70_000,
        b"",
    ],
    ids=range(15),
)
def test_urlencoded_fields_that_nobody_sends(target: Target, body: bytes) -> None:
    """400 or 413, never a file."""
    fields = ("Content-Type: application/x-www-form-urlencoded", f"Content-Length: {len(body)}")
    target.refused(request(f"POST {FINALIZE} HTTP/1.1", *fields, body=body), {400, 413})


def dribble(step: int) -> Callable[[bytes], list[bytes]]:
    """Cut a body into pieces."""
    return lambda body: [body[at : at + step] for at in range(0, len(body), step)]


@pytest.mark.parametrize("step", [1, 2, 7])
def test_a_form_in_tiny_pieces(target: Target, step: int) -> None:
    """Threat 40: a form whose every byte is a chunk of its own is the same form."""
    body = forms.form(*forms.chunk_fields(0, 1, key=target.key()), ("chunk", VIDEO[:2000]))
    framed = b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in dribble(step)(body)) + b"0\r\n\r\n"
    with Connection(target.port) as connection:
        connection.send(request(f"POST {CHUNK} HTTP/1.1", forms.TYPE, "Transfer-Encoding: chunked", body=framed))
        assert connection.answer(method="POST").status == 200
    target.stands(nothing_new=False)
