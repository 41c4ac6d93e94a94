"""Every field of a tus request, as nobody should send it (threats 16 to 18, 37, 52; groups V, P, C, L)."""

import pytest

from tests.faults.wire import request
from tests.hostile.target import BAD_NUMBERS, BYTES, NOISE, TUS, UNICODE_NUMBERS, UNKNOWN, Target

NUMBERS = {**BAD_NUMBERS, **UNICODE_NUMBERS}
# What HTTP itself takes off the ends of a value is no mistake.
FIELD_NUMBERS = {name: value.encode().decode("latin-1") for name, value in NUMBERS.items()}


def table(rows: dict[str, str]) -> pytest.MarkDecorator:
    """A test for each value."""
    return pytest.mark.parametrize("value", rows.values(), ids=rows.keys())


@table(FIELD_NUMBERS)
def test_a_length_that_is_no_number_makes_nothing(target: Target, value: str) -> None:
    """C-07, C-08: Upload-Length is a whole number in its only spelling."""
    target.refused(request("POST /files/ HTTP/1.1", TUS, f"Upload-Length: {value}"), 400, says="Upload-Length")


@table(FIELD_NUMBERS)
def test_an_offset_that_is_no_number_stores_nothing(target: Target, value: str) -> None:
    """P-14, P-15: Upload-Offset is a whole number in its only spelling."""
    data = request(f"PATCH {target.kept.partial} HTTP/1.1", TUS, BYTES, f"Upload-Offset: {value}", body=b"evil")
    answer = target.refused(data, 400, says="Upload-Offset")
    assert "Upload-Expires" in answer.headers
    assert target.offset(target.kept.partial) == 2048


@table({**FIELD_NUMBERS, "another": "4097", "smaller": "4095"})
def test_a_length_that_is_told_twice_cannot_change(target: Target, value: str) -> None:
    """L-08, S-11: a PATCH may repeat the length and not change it."""
    fields = (TUS, BYTES, "Upload-Offset: 2048", f"Upload-Length: {value}")
    data = request(f"PATCH {target.kept.partial} HTTP/1.1", *fields, body=b"evil")
    target.refused(data, 400, says="Upload-Length")
    assert target.offset(target.kept.partial) == 2048


@table({**FIELD_NUMBERS, "zero": "0", "two": "2", "true": "true"})
def test_a_deferred_length_is_one_or_nothing(target: Target, value: str) -> None:
    """L-02: the only value of Upload-Defer-Length is 1."""
    data = request("POST /files/ HTTP/1.1", TUS, f"Upload-Defer-Length: {value}")
    target.refused(data, 400, says="Upload-Defer-Length")


@pytest.mark.parametrize("value", ["9223372036854775807", str(20 * 1024**3 + 1), str(10**18)])
def test_a_length_over_the_limit_makes_nothing(target: Target, value: str) -> None:
    """C-10: 413, and it says what the limit is."""
    answer = target.refused(request("POST /files/ HTTP/1.1", TUS, f"Upload-Length: {value}"), 413)
    assert answer.json["limit"] == 20 * 1024**3


@pytest.mark.parametrize("at", [0, 2047, 2049, 4096, 2**63 - 1])
def test_an_offset_elsewhere_tells_the_true_one(target: Target, at: int) -> None:
    """P-04 to P-06: 409 with the offset, and no hole in the file."""
    data = request(f"PATCH {target.kept.partial} HTTP/1.1", TUS, BYTES, f"Upload-Offset: {at}", body=b"evil")
    assert target.refused(data, 409).headers["Upload-Offset"] == "2048"


@pytest.mark.parametrize("size", [2049, 10_000, 3_000_000], ids=["one byte", "more", "far more"])
@pytest.mark.parametrize("chunked", [False, True], ids=["told", "chunked"])
def test_more_bytes_than_the_length_never_complete_it(target: Target, size: int, *, chunked: bool) -> None:
    """S-05, S-06: 413; told beforehand it stores nothing, found out it completes nothing."""
    path = target.create(2048)
    body = bytes(size)
    fields = [TUS, BYTES, "Upload-Offset: 0"]
    if chunked:
        fields.append("Transfer-Encoding: chunked")
        body = b"%x\r\n%b\r\n0\r\n\r\n" % (size, body)
    target.refused(request(f"PATCH {path} HTTP/1.1", *fields, body=body), 413, says="at most 2048")
    assert target.offset(path) < 2048
    if not chunked:
        assert target.offset(path) == 0


@pytest.mark.parametrize(
    ("fields", "status", "says"),
    [
        ((TUS, BYTES), 400, "Upload-Offset is missing"),
        ((TUS, "Upload-Offset: 2048"), 415, "application/offset+octet-stream"),
        ((TUS, "Upload-Offset: 2048", "Content-Type:"), 415, "application/offset+octet-stream"),
        ((TUS, "Upload-Offset: 2048", "Content-Type: text/plain"), 415, "application/offset+octet-stream"),
        ((TUS, "Upload-Offset: 2048", "Content-Type: application/offset+octet-streams"), 415, "got"),
        ((TUS, "Upload-Offset: 2048", f"Content-Type: {'a' * 9000}/b"), 415, "got"),
        ((TUS, BYTES, "Upload-Offset: 2048", "Content-Encoding: gzip"), 415, "Content-Encoding"),
        ((TUS, BYTES, "Upload-Offset: 2048", "Content-Encoding: identity", "Content-Encoding: br"), 415, "identity,br"),
        ((TUS, BYTES, "Upload-Offset: 2048", "Upload-Checksum: md4 AAAA"), 400, "Upload-Checksum"),
        ((TUS, BYTES, "Upload-Offset: 2048", "Trailer: upload-checksum"), 400, "Upload-Checksum"),
        ((BYTES, "Upload-Offset: 2048"), 412, "1.0.0"),
        (("Tus-Resumable:", BYTES, "Upload-Offset: 2048"), 412, "1.0.0"),
        (("Tus-Resumable: 1.0", BYTES, "Upload-Offset: 2048"), 412, "1.0.0"),
        (("Tus-Resumable: 1.0.0,0.2.2", BYTES, "Upload-Offset: 2048"), 412, "1.0.0"),
        (("Tus-Resumable: 0.2.2", BYTES, "Upload-Offset: 2048", "Content-Encoding: gzip"), 412, "1.0.0"),
        ((f"Tus-Resumable: {'1' * 5000}", BYTES, "Upload-Offset: 2048"), 412, "1.0.0"),
        (("Tus-Resumable: \xb9.\xb2.\xb3", BYTES, "Upload-Offset: 2048"), 412, "1.0.0"),
    ],
)
def test_a_bad_append_stores_nothing(target: Target, fields: tuple[str, ...], status: int, says: str) -> None:
    """V-01, P-08 to P-13, K-18, S-27: refused by its head, with the time of expiry (X-03), and nothing changed."""
    data = request(f"PATCH {target.kept.partial} HTTP/1.1", *fields, body=b"evil")
    answer = target.refused(data, status, says=says)
    assert "Upload-Expires" in answer.headers
    assert ("Tus-Version" in answer.headers) == (status == 412)
    assert target.offset(target.kept.partial) == 2048


@pytest.mark.parametrize(
    ("fields", "status", "says"),
    [
        ((TUS,), 400, "Upload-Length is missing"),
        ((TUS, "Upload-Length: 5", "Upload-Defer-Length: 1"), 400, "Upload-Defer-Length"),
        ((TUS, "Upload-Length: 5", "Upload-Concat: final;/files/a /files/b"), 400, "Upload-Concat"),
        ((TUS, "Upload-Concat: final;../../x"), 400, "Upload-Concat"),
        ((TUS, "Upload-Length: 5", f"Upload-Concat: partial{'x' * 60_000}"), 400, "Upload-Concat"),
        ((TUS, "Upload-Length: 5", "Upload-Checksum: sha1 x"), 400, "Upload-Checksum"),
        ((TUS, "Upload-Length: 5", BYTES, "Content-Encoding: deflate"), 415, "Content-Encoding"),
        ((TUS, "Upload-Length: 3", BYTES), 413, "at most 3"),
        (("Upload-Length: 5",), 412, "1.0.0"),
        (("Tus-Resumable: 2.0.0", "Upload-Length: x"), 412, "1.0.0"),
        ((TUS, "Upload-Length: 0", "Upload-Metadata: profile dmlkZW8="), 415, "empty file"),
        ((TUS, "Upload-Length: 0", "Upload-Metadata: profile cG9zdGVy"), 415, "empty file"),
    ],
)
def test_a_bad_creation_makes_nothing(target: Target, fields: tuple[str, ...], status: int, says: str) -> None:
    """C-05 to C-10, W-04, V-04: refused without a Location."""
    answer = target.refused(request("POST /files/ HTTP/1.1", *fields, body=b"hello"), status, says=says)
    assert "Location" not in answer.headers


@pytest.mark.parametrize(
    "field",
    [TUS, "Upload-Offset: 2048", "Upload-Length: 4096", "X-HTTP-Method-Override: PATCH", "Idempotency-Key: a"],
)
def test_fields_that_two_could_read_differently_come_once(target: Target, field: str) -> None:
    """Threat 52, S-04: a repeated field is refused, and the sentence names it."""
    fields = [line for line in (TUS, BYTES, "Upload-Offset: 2048") if line != field]
    data = request(f"PATCH {target.kept.partial} HTTP/1.1", *fields, field, field, body=b"evil")
    target.refused(data, 400, says=field.partition(":")[0])


STRANGERS = (
    UNKNOWN,
    *("a" * 31, "a" * 33, "A" * 32, "g" * 32, "x" * 8000, f"{UNKNOWN}/", f"{UNKNOWN}%0a"),
    *("..", "%2e%2e", "..%2f..%2fetc%2fpasswd", "%00", "a%0d%0ab", "%e2%80%ae", "%ff"),
)


@pytest.mark.parametrize("name", ["Content-Type", "Content-Length", "Host", "Transfer-Encoding"])
def test_the_parser_refuses_what_frames_or_names_twice(target: Target, name: str) -> None:
    """Threat 52: these are refused before they get here, with a bare 400."""
    line = f"{name}: {'4' if name == 'Content-Length' else 'a/b'}"
    data = request(f"PATCH {target.kept.partial} HTTP/1.1", TUS, "Upload-Offset: 2048", line, line, body=b"evil")
    target.refused(data, 400, bare=True)
    assert target.offset(target.kept.partial) == 2048


@pytest.mark.parametrize("method", ["HEAD", "PATCH", "DELETE", "GET"])
@pytest.mark.parametrize("name", STRANGERS)
def test_ids_that_nobody_gave_are_unknown(target: Target, method: str, name: str) -> None:
    """Threat 9, H-06, P-11, E-05: what is no id of ours is 404 for every method, and no file is touched."""
    data = request(f"{method} /files/{name} HTTP/1.1", TUS, BYTES, "Upload-Offset: 0")
    assert "Upload-Offset" not in target.refused(data, 404).headers


@pytest.mark.parametrize("value", ["", " ", "a b", "x" * 201, "x" * 60_000, "\xe9", "a\tb", "\x1b[31m", "\x7f"])
def test_an_idempotency_key_is_visible_text(target: Target, value: str) -> None:
    """A creation key is 1 to 200 visible ASCII characters."""
    data = request("POST /files/ HTTP/1.1", TUS, "Upload-Length: 5", f"Idempotency-Key: {value}")
    bare = "\x1b" in value or "\x7f" in value
    target.refused(data, 400, says="" if bare else "Idempotency-Key", bare=bare)


def test_an_idempotency_key_is_for_one_creation(target: Target) -> None:
    """The same key with another file is refused and changes nothing about the first."""
    path = target.create(10, "Idempotency-Key: one")
    for field in ("Upload-Length: 11", "Upload-Length: 10\r\nUpload-Metadata: a YQ=="):
        target.refused(
            request("POST /files/ HTTP/1.1", TUS, "Idempotency-Key: one", field), 400, says="earlier request"
        )
    assert target.offset(path) == 0


@pytest.mark.parametrize("extra", [b"x", NOISE])
def test_a_finished_upload_takes_nothing_more(target: Target, extra: bytes) -> None:
    """S-08, S-09: 413 for bytes behind the end, 409 with the length for an old offset."""
    path = target.kept.complete
    target.refused(request(f"PATCH {path} HTTP/1.1", TUS, BYTES, "Upload-Offset: 4096", body=extra), 413)
    data = request(f"PATCH {path} HTTP/1.1", TUS, BYTES, "Upload-Offset: 0", body=extra)
    assert target.refused(data, 409).headers["Upload-Offset"] == "4096"


def test_an_empty_file_is_fine_where_any_type_is(target: Target) -> None:
    """C-09: zero bytes fail in video profiles only."""
    assert target.taken(request("POST /files/ HTTP/1.1", TUS, "Upload-Length: 0"), 201).headers["Location"]


@pytest.mark.parametrize("method", ["HEAD", "DELETE", "GET", "PATCH"])
@pytest.mark.parametrize("where", ["partial", "complete"])
@pytest.mark.parametrize("version", ["2.0.0", "1.0", "1.0.0 1.0.0", "", "\xb9.0.0", "1" * 60_000], ids=range(6))
def test_another_version_does_nothing(target: Target, method: str, where: str, version: str) -> None:
    """V-01 to V-06: 412 with the version that is spoken here, for every method, before anything else is looked at."""
    path = getattr(target.kept, where)
    answer = target.refused(request(f"{method} {path} HTTP/1.1", f"Tus-Resumable: {version}"), 412)
    assert answer.headers["Tus-Version"] == "1.0.0"
    assert "Upload-Offset" not in answer.headers
