"""Every field of the records of videos."""

import json

import pytest

from tests.faults.wire import request
from tests.hostile.target import BAD_NUMBERS, JSON, METADATA, UNKNOWN, Target

TITLE = {"title": "A clip"}
INJECTIONS = ["'; DROP TABLE videos; --", "' OR '1'='1", '" OR ""="', "x' UNION SELECT * FROM uploads --", "%' OR 1=1"]
BAD_TEXTS = {
    "nul": "a\x00b",
    "escape": "\x1b[2J",
    "delete": "a\x7f",
    "next line": "a\x85b",
    "half a pair": "\ud800",
}


def describe(target: Target, **changes: object) -> bytes:
    """Write a description of the finalized video."""
    fields = {"filename": target.kept.filename, **TITLE, **changes}
    return request(f"POST {METADATA} HTTP/1.1", JSON, body=json.dumps(fields).encode())


@pytest.mark.parametrize("value", [[], {}, True, False, 1, 0, 1.5, ["a"], {"a": "b"}], ids=str)
@pytest.mark.parametrize("name", ["filename", "title", "description", "profile"])
def test_texts_are_strings(target: Target, name: str, value: object) -> None:
    """Wrong types are told by the name of the field."""
    target.refused(describe(target, **{name: value}), 400, says=name)


@pytest.mark.parametrize("name", ["filename", "title"])
@pytest.mark.parametrize("value", [None, "", " ", "\t\n", "\u00a0"], ids=ascii)
def test_what_is_needed_is_not_blank(target: Target, name: str, value: str | None) -> None:
    """A missing or blank text is 400 (a blank name of a file is a file that is not there)."""
    expected = {400, 404} if name == "filename" and value else 400
    target.refused(describe(target, **{name: value}), expected, says="" if expected != 400 else name)


@pytest.mark.parametrize("value", BAD_TEXTS.values(), ids=BAD_TEXTS.keys())
@pytest.mark.parametrize("name", ["filename", "title", "description", "profile"])
def test_control_characters_are_refused(target: Target, name: str, value: str) -> None:
    """What could steer a terminal, end a line or is no text is refused."""
    target.refused(describe(target, **{name: value}), 400)


@pytest.mark.parametrize(
    ("name", "value", "status"),
    [
        ("title", "x" * 201, 400),
        ("title", "\U0001f3ac" * 201, 400),
        ("title", "x" * 60_000, 400),
        ("title", "a\nb", 400),
        ("description", "x" * 5001, 400),
        ("filename", "x" * 256, 400),
        ("filename", "\U0001f3ac" * 64, 400),
        ("filename", "../../../etc/passwd", 400),
        ("filename", "..", 400),
        ("filename", ".", 400),
        ("filename", "/etc/passwd", 400),
        ("filename", "nothing.mp4", 404),
        ("filename", "whole.bin", 404),
        ("filename", "..\\x", 404),
        ("profile", "", 400),
        ("profile", "nope", 400),
        ("profile", "../posters", 400),
        ("profile", "files", 404),
        ("profile", "x" * 60_000, 400),
    ],
)
def test_what_cannot_be_is_refused(target: Target, name: str, value: str, status: int) -> None:
    """Too long, a path, or a file that is not there: refused, and no record is made."""
    before = target.ask(request("GET /api/videos HTTP/1.1")).json
    target.refused(describe(target, **{name: value}), status)
    assert target.ask(request("GET /api/videos HTTP/1.1")).json == before


@pytest.mark.parametrize(
    "text", [*INJECTIONS, "<script>alert(1)</script>", "\u202eevil", "e\u0301", "\U0001f3ac" * 200]
)
def test_texts_are_data_and_come_back_as_they_were(target: Target, text: str) -> None:
    """Threats 24, 27, 48: SQL, HTML and marks of direction are stored as text, and answers are JSON in ASCII."""
    answer = target.taken(describe(target, title=text, description=text), {200, 201})
    assert (answer.json["title"], answer.json["description"]) == (text, text)
    assert answer.body.isascii()
    assert answer.headers["Content-Type"] == "application/json"


@pytest.mark.parametrize("value", INJECTIONS)
@pytest.mark.parametrize("name", ["filename", "profile"])
def test_sql_in_a_name_finds_nothing(target: Target, name: str, value: str) -> None:
    """Threat 48: parameters are bound."""
    target.refused(describe(target, **{name: value}), {400, 404})


@pytest.mark.parametrize("method", ["GET", "PATCH", "DELETE"])
@pytest.mark.parametrize(
    "name",
    [
        UNKNOWN,
        "A" * 32,
        "0" * 31,
        "..",
        "%2e%2e",
        "x%27%20OR%201=1",
        "%00",
        "metadata/",
        f"{UNKNOWN}%0a",
        "\u0660" * 32,
    ],
)
def test_records_that_are_not_there(target: Target, method: str, name: str) -> None:
    """404 for whatever is no id of a record of one's own."""
    name = name.encode().decode("latin-1") if name.isascii() else "".join(f"%{byte:02x}" for byte in name.encode())
    data = request(f"{method} /api/videos/{name} HTTP/1.1", JSON, body=json.dumps(TITLE).encode())
    target.refused(data, 404)


@pytest.mark.parametrize("value", [*BAD_NUMBERS.values(), "0", "101"], ids=[*BAD_NUMBERS, "0", "101"])
def test_a_page_has_one_to_a_hundred_records(target: Target, value: str) -> None:
    """?limit= is a whole number from 1 to 100."""
    value = value.replace(" ", "%20").replace("+", "%2b")
    target.refused(request(f"GET /api/videos?limit={value} HTTP/1.1"), 400, says="limit")


@pytest.mark.parametrize(
    "value",
    [
        "",
        "x",
        "AAAA",
        "%00",
        "%ff",
        "a" * 60_000,
        "OTk5OTk5OTk5OTk5OTk5LjAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAw",
        "MS4wMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMA==",
        "LTEuMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDA",
        "' OR 1=1",
    ],
    ids=range(10),
)
def test_a_cursor_is_one_that_was_given(target: Target, value: str) -> None:
    """What nobody gave out is 400."""
    value = value.replace(" ", "%20")
    target.refused(request(f"GET /api/videos?cursor={value} HTTP/1.1"), 400, says="cursor")


@pytest.mark.parametrize("query", ["limit=1&limit=1", "cursor=a&cursor=b"])
def test_a_repeated_parameter_is_refused(target: Target, query: str) -> None:
    """Two values for one parameter are refused."""
    target.refused(request(f"GET /api/videos?{query} HTTP/1.1"), 400, says="once")


@pytest.mark.parametrize("query", ["file=2", "file=", "file=yes", "file=true", "file=1&file=1", "file=%00", "file=-1"])
def test_removing_the_file_too_is_asked_for_clearly(target: Target, query: str) -> None:
    """?file= is 1 or 0; anything else removes nothing, because bytes may depend on it."""
    made = target.taken(describe(target), {200, 201}).json["id"]
    target.refused(request(f"DELETE /api/videos/{made}?{query} HTTP/1.1"), 400, says="file")
    assert target.ask(request(f"GET /api/videos/{made} HTTP/1.1")).status == 200


@pytest.mark.parametrize(
    ("document", "says"),
    [
        ({}, "title, description or originalName"),
        ({"title": None, "description": None}, "title, description or originalName"),
        ({"title": ""}, "title"),
        ({"title": "x" * 201}, "title"),
        ({"title": 1}, "title"),
        ({"description": []}, "description"),
        ({"description": "x" * 5001}, "description"),
        ({"filename": "other.mp4"}, "title, description or originalName"),
    ],
)
def test_a_change_changes_something(target: Target, document: dict[str, object], says: str) -> None:
    """PATCH of a record with nothing usable in it is 400, and the record stays."""
    made = target.taken(describe(target), {200, 201}).json
    body = json.dumps(document).encode()
    target.refused(request(f"PATCH /api/videos/{made['id']} HTTP/1.1", JSON, body=body), 400, says=says)
    assert target.ask(request(f"GET /api/videos/{made['id']} HTTP/1.1")).json["title"] == "A clip"
