"""Every field of a finalize, as JSON, URL-encoded and as a form."""

import json
from urllib.parse import urlencode

import pytest

from tests.faults.wire import request
from tests.hostile.keys import BAD_KEYS
from tests.hostile.target import BAD_NUMBERS, FINALIZE, JSON, UNICODE_NUMBERS, Target
from tests.web import forms

URLENCODED = "Content-Type: application/x-www-form-urlencoded"
NUMBERS = {**BAD_NUMBERS, **UNICODE_NUMBERS, "zero": "0", "10^9": "1000000000", "over": "100001"}
FORMS = pytest.mark.parametrize("form", ["json", "urlencoded", "multipart"])


def send(form: str, changes: dict[str, str | None]) -> bytes:
    """Write a finalize of the upload that lacks a chunk, with some fields changed (None: left out)."""
    fields: dict[str, str | None] = {"uploadId": "kept-partial", "filename": "clip.mp4", "totalChunks": "2"}
    told = {name: value for name, value in (fields | changes).items() if value is not None}
    return wrap(form, list(told.items()))


def wrap(form: str, told: list[tuple[str, str]]) -> bytes:
    """Write fields in one of the three forms."""
    line = f"POST {FINALIZE} HTTP/1.1"
    if form == "json":
        return request(line, JSON, body=json.dumps(dict(told)).encode())
    if form == "urlencoded":
        return request(line, URLENCODED, body=urlencode(told).encode())
    return request(line, forms.TYPE, body=forms.form(*((name, value.encode()) for name, value in told)))


@FORMS
@pytest.mark.parametrize("value", NUMBERS.values(), ids=NUMBERS.keys())
def test_a_count_that_is_no_number_is_refused(target: Target, form: str, value: str) -> None:
    """totalChunks is a whole number from 1 to 100,000."""
    target.refused(send(form, {"totalChunks": value}), 400, says="totalChunks")


@FORMS
@pytest.mark.parametrize("value", BAD_KEYS.values(), ids=BAD_KEYS.keys())
def test_an_upload_id_is_plain(target: Target, form: str, value: str) -> None:
    """uploadId is never a path."""
    target.refused(send(form, {"uploadId": value}), 400, says="uploadId")


@FORMS
@pytest.mark.parametrize("name", ["uploadId", "filename", "totalChunks"])
def test_a_field_that_is_needed_is_named(target: Target, form: str, name: str) -> None:
    """A missing field is 400, and the sentence names it."""
    target.refused(send(form, {name: None}), 400, says=f"{name} is missing")


@pytest.mark.parametrize("form", ["urlencoded", "multipart"])
@pytest.mark.parametrize("name", ["uploadId", "filename", "totalChunks", "checksum"])
def test_a_repeated_field_is_refused(target: Target, form: str, name: str) -> None:
    """Two values for one field are refused, also when they are equal."""
    told = [("uploadId", "kept-partial"), ("filename", "a.mp4"), ("totalChunks", "2"), ("checksum", "0" * 64)]
    same = next(pair for pair in told if pair[0] == name)
    target.refused(wrap(form, [*told, same]), 400, says=name)


@FORMS
@pytest.mark.parametrize(
    ("changes", "status", "says"),
    [
        ({}, 409, "1 chunks are missing"),
        ({"totalChunks": "3"}, 409, "totalChunks"),
        ({"totalChunks": "1"}, 409, "totalChunks"),
        ({"uploadId": "unknown"}, 404, ""),
        ({"checksum": "0" * 63}, 400, "64 hex digits"),
        ({"checksum": "x" * 64}, 400, "64 hex digits"),
        ({"checksum": ""}, 400, "64 hex digits"),
        ({"uploadId": "kept-done", "checksum": "0" * 64}, 422, "checksum of the file"),
        ({"uploadId": "kept-done", "totalChunks": "3"}, 409, "totalChunks"),
    ],
)
def test_what_cannot_be_is_refused(
    target: Target, form: str, changes: dict[str, str | None], status: int, says: str
) -> None:
    """Chunks that are missing, other counts, wrong checksums: refused, and what was stored stays."""
    answer = target.refused(send(form, changes), status, says=says)
    if says == "1 chunks are missing":
        assert answer.json["missing"] == [1]


@pytest.mark.parametrize("value", [[], {}, True, False, 1.5, 2.0, [2], {"a": 1}, -1, 10**18, 1e308], ids=str)
def test_a_count_in_json_is_a_number(target: Target, value: object) -> None:
    """Wrong types are told by the name of the field."""
    body = json.dumps({"uploadId": "kept-partial", "filename": "a.mp4", "totalChunks": value}).encode()
    target.refused(request(f"POST {FINALIZE} HTTP/1.1", JSON, body=body), 400, says="totalChunks")


@pytest.mark.parametrize("value", [[], {}, True, False, 1, 1.5, 0, ["a"], {"a": 1}], ids=str)
@pytest.mark.parametrize("name", ["uploadId", "filename", "checksum"])
def test_a_text_in_json_is_a_string(target: Target, name: str, value: object) -> None:
    """Wrong types are told by the name of the field."""
    fields = {"uploadId": "kept-partial", "filename": "a.mp4", "totalChunks": 2, name: value}
    body = json.dumps(fields).encode()
    target.refused(request(f"POST {FINALIZE} HTTP/1.1", JSON, body=body), 400, says=name)


@pytest.mark.parametrize("name", ["uploadId", "filename", "totalChunks"])
def test_null_is_as_if_absent(target: Target, name: str) -> None:
    """A null where a value is needed is a missing value."""
    fields = {"uploadId": "kept-partial", "filename": "a.mp4", "totalChunks": 2, name: None}
    body = json.dumps(fields).encode()
    target.refused(request(f"POST {FINALIZE} HTTP/1.1", JSON, body=body), 400, says=f"{name} is missing")


@pytest.mark.parametrize(
    "kind",
    [
        "",
        "text/plain",
        "application/octet-stream",
        "application/jsonp",
        "text/json",
        "multipart/mixed; boundary=x",
        "*/*",
    ],
)
def test_other_types_of_body_are_refused(target: Target, kind: str) -> None:
    """415 names the type that is taken."""
    body = b'{"uploadId":"kept-partial","filename":"a.mp4","totalChunks":2}'
    target.refused(
        request(f"POST {FINALIZE} HTTP/1.1", f"Content-Type: {kind}", body=body), 415, says="application/json"
    )


@FORMS
def test_an_empty_body_names_what_is_missing(target: Target, form: str) -> None:
    """No body at all is a mistake of the client's, told as one."""
    kinds = {"json": JSON, "urlencoded": URLENCODED, "multipart": forms.TYPE}
    target.refused(request(f"POST {FINALIZE} HTTP/1.1", kinds[form], "Content-Length: 0"), 400)


def test_a_finalize_takes_no_file(target: Target) -> None:
    """A file in a finalize is refused before it is read."""
    body = forms.form(*forms.chunk_fields(0, 2, key="kept-partial"), ("chunk", bytes(50_000)))
    target.refused(request(f"POST {FINALIZE} HTTP/1.1", forms.TYPE, body=body), {413, 415})
