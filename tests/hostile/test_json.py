"""JSON bombs (threat 47): 4xx in a sentence, at once, whatever the text."""

import json

import pytest

from tests.faults.wire import request
from tests.hostile.target import FINALIZE, JSON, METADATA, UNKNOWN, Target

GOOD = b'"uploadId":"kept-partial","totalChunks":2,"filename":"a.mp4"'
BOMBS: dict[str, bytes] = {
    "nothing": b"",
    "blank": b" \r\n\t",
    "bom": b"\xef\xbb\xbf{%b}" % GOOD,
    "utf-16": "{}".encode("utf-16"),
    "utf-32": "{}".encode("utf-32"),
    "bad utf-8": b'{"uploadId":"\xff\xfe"}',
    "overlong utf-8": b'{"uploadId":"\xc0\xae\xc0\xae"}',
    "cut": b"{" + GOOD,
    "two documents": b"{%b}{%b}" % (GOOD, GOOD),
    "rubbish behind": b"{%b}x" % GOOD,
    "single quotes": b"{'uploadId':'a'}",
    "comment": b"{/**/%b}" % GOOD,
    "trailing comma": b"{%b,}" % GOOD,
    "bare key": b"{uploadId:1}",
    "control character": b'{"uploadId":"a\x00b"}',
    "line break in a string": b'{"uploadId":"a\nb"}',
    "broken escape": rb'{"uploadId":"\x41"}',
    "short escape": rb'{"uploadId":"\u12"}',
    "half a pair": rb'{%b,"x":"\ud800"}' % GOOD,
    "half a pair as key": rb'{%b,"\udc00":1}' % GOOD,
    "pair in the wrong order": rb'{%b,"x":"\udc00\ud800"}' % GOOD,
    "NaN": b'{%b,"x":NaN}' % GOOD,
    "Infinity": b'{%b,"x":-Infinity}' % GOOD,
    "overflowing float": b'{%b,"x":1e999}' % GOOD,
    "long float": b'{%b,"x":0.%b}' % (GOOD, b"1" * 5000),
    "20 digits": b'{%b,"x":%b}' % (GOOD, b"9" * 20),
    "5000 digits": b'{%b,"x":%b}' % (GOOD, b"9" * 5000),
    "60,000 digits": b'{%b,"x":%b}' % (GOOD, b"9" * 60_000),
    "huge exponent": b'{%b,"x":1e%b}' % (GOOD, b"9" * 5000),
    "leading zero": b'{%b,"x":01}' % GOOD,
    "hex": b'{%b,"x":0x10}' % GOOD,
    "plus": b'{%b,"x":+1}' % GOOD,
    "repeated key": b'{%b,"uploadId":"other"}' % GOOD,
    "key repeated by escape": rb'{%b,"upload\u0049d":"other"}' % GOOD,
    "repeated key below": b'{%b,"x":{"a":1,"a":2}}' % GOOD,
    "list": b"[{%b}]" % GOOD,
    "string": b'"uploadId"',
    "number": b"1",
    "null": b"null",
    "true": b"true",
    "17 levels": b'{"x":' + b"[" * 17 + b"]" * 17 + b"}",
    "deep lists": b"[" * 30_000 + b"]" * 30_000,
    "deep objects": b'{"a":' * 10_000 + b"1" + b"}" * 10_000,
    "open lists": b"[" * 60_000,
    "open objects": b'{"":' * 15_000,
    "closing only": b"]" * 60_000,
    "open string": b'{"' + b"a" * 60_000,
    "backslashes": b'{"' + b"\\" * 60_001 + b'":1}',
    "quotes": b'"' * 60_001,
}
PLACES = {
    "finalize": f"POST {FINALIZE} HTTP/1.1",
    "metadata": f"POST {METADATA} HTTP/1.1",
    "change": f"PATCH /api/videos/{UNKNOWN} HTTP/1.1",
}
EVERYWHERE = pytest.mark.parametrize("line", PLACES.values(), ids=PLACES.keys())


@EVERYWHERE
@pytest.mark.parametrize("body", BOMBS.values(), ids=BOMBS.keys())
def test_what_is_no_json_object(target: Target, line: str, body: bytes) -> None:
    """400, and the sentence says that one JSON object was expected."""
    data = request(line, JSON, f"Content-Length: {len(body)}", body=body)
    target.refused(data, 400, says="expected one JSON object")


@EVERYWHERE
@pytest.mark.parametrize("size", [65_537, 1_048_576, 20_000_000])
@pytest.mark.parametrize("chunked", [False, True], ids=["told", "chunked"])
def test_a_large_body(target: Target, line: str, size: int, *, chunked: bool) -> None:
    """413 as soon as it is known; told beforehand, not a byte is read."""
    body = b'{"x":"' + b"a" * (size - 8) + b'"}'
    field = "Transfer-Encoding: chunked" if chunked else f"Content-Length: {size}"
    framed = b"%x\r\n%b\r\n0\r\n\r\n" % (size, body) if chunked else body
    answer = target.refused(request(line, JSON, field, body=framed), 413, says="at most 65536")
    assert answer.closes or size == 65_537  # so little has come already when it is judged


@EVERYWHERE
def test_a_depth_of_a_hundred_thousand(target: Target, line: str) -> None:
    """Threat 47: depth 10^5 is too long already."""
    target.refused(request(line, JSON, body=b"[" * 100_000 + b"]" * 100_000), 413)


@EVERYWHERE
def test_many_keys(target: Target, line: str) -> None:
    """Ten thousand keys that share no meaning are read past; what is needed is missing."""
    body = json.dumps({f"{i:04x}": 0 for i in range(5000)}).encode()
    target.refused(request(line, JSON, body=body), {400, 404})


@EVERYWHERE
@pytest.mark.parametrize(
    "kind", ["", "text/plain", "application/jsonx", "text/json", "application/json-patch+json", "json"]
)
def test_other_types(target: Target, line: str, kind: str) -> None:
    """415 names application/json."""
    target.refused(request(line, f"Content-Type: {kind}", body=b"{}"), 415, says="application/json")


@EVERYWHERE
@pytest.mark.parametrize("coding", ["gzip", "br", "deflate", "zstd", "identity, gzip", "x", "\xff"])
def test_compressed_json(target: Target, line: str, coding: str) -> None:
    """Threat 37: nothing is inflated."""
    target.refused(
        request(line, JSON, f"Content-Encoding: {coding}", body=b"\x1f\x8b\x08"), 415, says="Content-Encoding"
    )
