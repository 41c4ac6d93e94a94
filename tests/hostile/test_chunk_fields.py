"""Every field of a chunk, as nobody should send it (threat 23)."""

import pytest

from tests.faults.wire import request
from tests.hostile.keys import BAD_KEYS
from tests.hostile.target import BAD_NUMBERS, CHUNK, CHUNK_SIZE, UNICODE_NUMBERS, VIDEO, Target
from tests.web import forms

NUMBERS = {**BAD_NUMBERS, **UNICODE_NUMBERS, "spaces": " 1 ", "line break": "1\r\n", "nul": "1\x00"}


def send(
    target: Target, changes: dict[str, bytes | None], *, data: bytes = VIDEO[:100], file_first: bool = False
) -> bytes:
    """Write a chunk with some fields changed (None: left out)."""
    fields: dict[str, bytes | None] = {"uploadId": target.key().encode(), "chunkIndex": b"0", "totalChunks": b"2"}
    told = [(name, value) for name, value in (fields | changes).items() if value is not None]
    file = [("chunk", data)]
    body = forms.form(*(file + told if file_first else told + file))
    return request(f"POST {CHUNK} HTTP/1.1", forms.TYPE, body=body)


FIRST = pytest.mark.parametrize("file_first", [False, True], ids=["fields first", "file first"])


@FIRST
@pytest.mark.parametrize("value", NUMBERS.values(), ids=NUMBERS.keys())
@pytest.mark.parametrize("name", ["chunkIndex", "totalChunks", "chunkSize", "fileSize"])
def test_what_is_no_number_is_refused(target: Target, name: str, value: str, *, file_first: bool) -> None:
    """Numbers have one spelling, wherever in the form they come."""
    target.refused(send(target, {name: value.encode()}, file_first=file_first), 400, says=name)


@FIRST
@pytest.mark.parametrize("value", BAD_KEYS.values(), ids=BAD_KEYS.keys())
def test_an_upload_id_is_plain(target: Target, value: str, *, file_first: bool) -> None:
    """The id that a client makes is 1 to 128 plain characters, and never a path."""
    target.refused(send(target, {"uploadId": value.encode()}, file_first=file_first), 400, says="uploadId")


@FIRST
@pytest.mark.parametrize("name", ["uploadId", "chunkIndex", "totalChunks"])
def test_a_field_that_is_needed_is_named(target: Target, name: str, *, file_first: bool) -> None:
    """A missing field is 400, and the sentence names it."""
    target.refused(send(target, {name: None}, file_first=file_first), 400, says=f"{name} is missing")


@FIRST
@pytest.mark.parametrize("name", ["uploadId", "chunkIndex", "totalChunks", "chunkSize", "fileSize", "checksum"])
def test_a_repeated_field_is_refused(target: Target, name: str, *, file_first: bool) -> None:
    """Two values for one field are refused, also when they are equal."""
    told = forms.chunk_fields(0, 2, key=target.key())
    told += [(name, b"1"), (name, b"1")]
    file = [("chunk", VIDEO[:100])]
    body = forms.form(*(file + told if file_first else told + file))
    target.refused(request(f"POST {CHUNK} HTTP/1.1", forms.TYPE, body=body), 400, says=name)


@FIRST
@pytest.mark.parametrize(
    ("changes", "status", "says"),
    [
        ({"totalChunks": b"1000000000"}, 400, "from 1 to 100000"),
        ({"totalChunks": b"100001"}, 400, "from 1 to 100000"),
        ({"totalChunks": b"0"}, 400, "from 1 to 100000"),
        ({"chunkIndex": b"2"}, 400, "0 to 1"),
        ({"chunkIndex": b"1000000000"}, 400, "from 0 to 99999"),
        ({"chunkSize": b"0"}, 400, "at least 1"),
        ({"chunkSize": b"67108865"}, 413, "at most 67108864"),
        ({"chunkSize": b"9223372036854775807"}, 413, "at most 67108864"),
        ({"fileSize": b"52428801"}, 413, "at most 52428800"),
        ({"fileSize": b"9223372036854775807"}, 413, "at most 52428800"),
        ({"fileSize": b"0"}, 415, "empty file"),
        ({"fileSize": b"1"}, 400, "at most 1"),
        ({"totalChunks": b"100000", "chunkSize": b"1048576"}, 413, "at most 52428800"),
        ({"chunkSize": b"100", "fileSize": b"201"}, 400, "expected 3"),
        ({"chunkSize": b"100", "fileSize": b"100"}, 400, "expected 1"),
        ({"checksum": b""}, 400, "64 hex digits"),
        ({"checksum": b"0" * 63}, 400, "64 hex digits"),
        ({"checksum": b"0" * 65}, 400, "64 hex digits"),
        ({"checksum": b"g" * 64}, 400, "64 hex digits"),
        ({"checksum": "\uff10".encode() * 64}, 400, "64 hex digits"),
        ({"checksum": b"0" * 50_000}, 400, "64 hex digits"),
        ({"checksum": b"0" * 64}, 422, "checksum of the chunk"),
        ({"uploadId": b"\xff\xfe"}, 400, "UTF-8"),
        ({"chunkIndex": b"\xc0\xb1"}, 400, "UTF-8"),
    ],
)
def test_what_cannot_be_is_refused(
    target: Target, changes: dict[str, bytes | None], status: int, says: str, *, file_first: bool
) -> None:
    """Out of range, over a limit, or at odds with another field: the sentence tells what would do."""
    target.refused(send(target, changes, file_first=file_first), status, says=says)


@FIRST
@pytest.mark.parametrize(
    ("size", "status"), [(101, {400, 413}), (100_000, {400, 413}), (3_000_000, 413), (0, 400), (99, 400)]
)
@pytest.mark.parametrize("told", [True, False], ids=["told now", "told before"])
def test_a_chunk_has_the_size_that_was_told(
    target: Target, size: int, status: int | set[int], *, told: bool, file_first: bool
) -> None:
    """More or fewer bytes than chunkSize are refused, by one byte or by far, and nothing of them is kept."""
    key = target.key().encode()
    changes: dict[str, bytes | None] = {"uploadId": key, "totalChunks": b"3"}
    target.taken(send(target, {**changes, "chunkSize": b"100"}), 200)
    again = {**changes, "chunkIndex": b"1", "chunkSize": b"100" if told else None}
    data = (VIDEO * 200)[:size]
    target.refused(send(target, again, data=data, file_first=file_first), status)
    stored = target.ask(request(f"GET {CHUNK}?uploadId={key.decode()} HTTP/1.1")).json
    assert stored["received"] == [[0, 0]]
    target.taken(send(target, again, data=VIDEO[100:200], file_first=file_first), 200)


@FIRST
@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"totalChunks": b"3"}, "totalChunks"),
        ({"fileSize": b"16000"}, "fileSize"),
        ({"chunkSize": b"8193"}, "chunkSize"),
        ({}, "other bytes"),
    ],
)
def test_an_upload_keeps_its_facts(
    target: Target, changes: dict[str, bytes | None], says: str, *, file_first: bool
) -> None:
    """409 for a fact that differs from before, and for other bytes, before and after finalize."""
    told: dict[str, bytes | None] = {"chunkSize": b"8192", "fileSize": str(len(VIDEO)).encode(), "totalChunks": b"2"}
    key = target.key().encode()
    target.taken(send(target, {**told, "uploadId": key}, data=VIDEO[:CHUNK_SIZE]), 200)
    data = bytes(CHUNK_SIZE)
    target.refused(send(target, {"uploadId": key, **changes}, data=data, file_first=file_first), {400, 409}, says=says)
    if not changes:
        done = {"uploadId": b"kept-done"}
        target.refused(send(target, {**done}, data=data, file_first=file_first), 409, says=says)


@pytest.mark.parametrize("content", [b"\x89PNG" + bytes(8192), b"<html>" * 2000, bytes(8192)], ids=["png", "html", "0"])
@FIRST
def test_what_is_no_video_is_refused_for_good(target: Target, content: bytes, *, file_first: bool) -> None:
    """The type is judged by content once 4 KiB are there; nothing of a refused upload is published."""
    key = target.key().encode()
    target.refused(send(target, {"uploadId": key}, data=content, file_first=file_first), 415, says="expected")
    answer = target.finalize(key.decode(), 2)
    target.judge(answer, method="POST")
    assert answer.status in {404, 409}


@pytest.mark.parametrize(
    "body",
    [
        forms.form(*forms.chunk_fields(0, 2)),
        forms.form(),
        forms.form(("chunks", b"x"), *forms.chunk_fields(0, 2)),
        forms.form(("Chunk", b"x"), *forms.chunk_fields(0, 2)),
    ],
    ids=["none", "nothing at all", "another name", "upper case"],
)
def test_a_chunk_needs_a_file(target: Target, body: bytes) -> None:
    """A form without the file is 400, and the sentence names the field."""
    target.refused(request(f"POST {CHUNK} HTTP/1.1", forms.TYPE, body=body), 400, says="chunk")


@pytest.mark.parametrize("method", ["HEAD", "GET", "DELETE"])
@pytest.mark.parametrize(
    ("query", "status", "says"),
    [
        ("", 400, "uploadId is missing"),
        ("?", 400, "uploadId is missing"),
        ("?uploadid=kept-partial", 400, "uploadId is missing"),
        ("?uploadId", 400, "uploadId"),
        ("?uploadId=", 400, "uploadId"),
        ("?uploadId=kept-partial&uploadId=kept-partial", 400, "once"),
        ("?uploadId=kept-partial&upload%49d=x", 400, "once"),
        ("?uploadId=a/b", 400, "uploadId"),
        ("?uploadId=a%2fb", 400, "uploadId"),
        ("?uploadId=..%2f..%2fetc", 400, "uploadId"),
        ("?uploadId=%00", 400, "uploadId"),
        ("?uploadId=a%0d%0ab", 400, "uploadId"),
        ("?uploadId=a+b", 400, "uploadId"),
        ("?uploadId=%e2%80%ae", 400, "uploadId"),
        ("?uploadId=%ff", 400, "uploadId"),
        ("?uploadId=%zz", 400, "uploadId"),
        (f"?uploadId={'k' * 129}", 400, "uploadId"),
        (f"?uploadId={'k' * 60_000}", 400, "uploadId"),
        ("?uploadId=unknown", 404, ""),
        ("?uploadId=' OR 1=1 --", 400, ""),
    ],
)
def test_questions_need_one_id(target: Target, method: str, query: str, status: int, says: str) -> None:
    """HEAD, GET and DELETE take exactly one uploadId, in the query."""
    query = query.replace(" ", "%20")
    target.refused(request(f"{method} {CHUNK}{query} HTTP/1.1"), status, says=says)


@pytest.mark.parametrize("profile", ["files", "nope", "POSTER", "po%73ter", "..", "p" * 65, "poster%2f..", "%00"])
@pytest.mark.parametrize("method", ["POST", "GET", "HEAD", "DELETE"])
def test_other_profiles_have_no_chunks(target: Target, profile: str, method: str) -> None:
    """Only profiles that name their types have these routes; any other name is 404."""
    target.refused(request(f"{method} /api/{profile}/video/chunk?uploadId=kept-partial HTTP/1.1"), 404)
