"""Addresses that lead nowhere, and never out of the data directory (threats 9, 13); ranges (threat 33)."""

import os
import socket
from urllib.parse import unquote

import pytest

from tests.faults.wire import request
from tests.hostile.target import CHUNK, NOISE, TUS, VIDEO, Target

WAYS_OUT = (
    "../../../../etc/passwd",
    "..%2f..%2f..%2fetc%2fpasswd",
    "%2e%2e/%2e%2e/etc/passwd",
    "%2e%2e%2f%2e%2e%2fetc%2fpasswd",
    "%252e%252e%252fetc%252fpasswd",
    "..%c0%af..%c0%afetc/passwd",
    "..%e0%80%afetc/passwd",
    "%c0%ae%c0%ae/etc/passwd",
    "..%5c..%5cetc%5cpasswd",
    "..\\..\\etc\\passwd",
    "....//....//etc/passwd",
    "..;/..;/etc/passwd",
    "..%00/etc/passwd",
    "%2fetc%2fpasswd",
    "//etc/passwd",
    "/etc/passwd",
    "tusvideo.db",
    "..%2f..%2ftusvideo.db",
    "..%2fstaging",
    "%u002e%u002e/etc",
    "%ff%fe",
    "%",
    "%2",
    "%zz",
    "a%0d%0aSet-Cookie:%20x=y",
    "%e2%80%ae",
    "~root",
    "$HOME",
    "{0}",
    "x" * 8000,
    "a/" * 2000,
)
PREFIXES = (
    "/",
    "/files/",
    "/uploads/",
    "/uploads/posters/",
    "/uploads/posters/local/",
    "/api/",
    "/api/videos/",
    "/uploads//",
    "/static/",
)


@pytest.mark.parametrize("way", WAYS_OUT, ids=lambda way: way[:24])
@pytest.mark.parametrize("prefix", PREFIXES)
@pytest.mark.parametrize("method", ["GET", "DELETE"])
def test_no_way_leads_out(target: Target, method: str, prefix: str, way: str) -> None:
    """404 (or 405 where something else lives), and no byte of another file."""
    answer = target.refused(request(f"{method} {prefix}{way} HTTP/1.1", TUS), {404, 405, 412})
    assert b"root:" not in answer.body
    assert b"SQLite" not in answer.body


@pytest.mark.parametrize(
    "path",
    [
        "/files",
        "/FILES/",
        "/files//",
        "/files/?x=1/../..",
        "/uploads/posters/LOCAL/{name}",
        "/uploads/POSTERS/local/{name}",
        "/uploads/posters/local/{name}/",
        "/uploads/posters/local//{name}",
        "/uploads/posters//local/{name}",
        "/uploads/posters/./local/{name}",
        "/uploads/posters/local/{name}%00",
        "/uploads/posters/local/{name}%20",
        "/uploads/posters/local/{name};x",
        "/uploads/videos/local/{name}",
        "/uploads/posters/other/{name}",
    ],
)
def test_one_address_for_one_file(target: Target, path: str) -> None:
    """Neither case nor doubled slashes nor additions lead to a published file."""
    path = path.format(name=target.kept.filename)
    target.refused(request(f"GET {path} HTTP/1.1"), {404, 405})


def test_an_escaped_name_is_the_name(target: Target) -> None:
    """Escapes of plain letters are the letters, once; twice escaped is another name."""
    name = "".join(f"%{byte:02x}" for byte in target.kept.filename.encode())
    assert target.taken(request(f"GET /uploads/posters/local/{name} HTTP/1.1"), 200).body == VIDEO
    twice = name.replace("%", "%25")
    target.refused(request(f"GET /uploads/posters/local/{twice} HTTP/1.1"), 404)


@pytest.mark.parametrize("kind", ["link", "folder", "fifo", "socket"])
def test_what_lies_in_the_folder_without_a_row_is_not_served(target: Target, kind: str) -> None:
    """Threats 13, 14: only files that the session table knows are opened."""
    place = target.server.data_dir / "uploads" / "posters" / "local" / f"planted-{kind}.mp4"
    listener = socket.socket(socket.AF_UNIX)
    match kind:
        case "link":
            place.symlink_to("/etc/passwd")
        case "folder":
            place.mkdir()
        case "fifo":
            os.mkfifo(place)
        case _:
            listener.bind(f"/proc/self/fd/{(fd := os.open(place.parent, os.O_PATH))}/{place.name}")
            os.close(fd)
    try:
        answer = target.ask(request(f"GET /uploads/posters/local/{place.name} HTTP/1.1"))
        assert answer.status == 404
    finally:
        listener.close()
        place.rmdir() if kind == "folder" else place.unlink()
    target.stands(nothing_new=True)


@pytest.mark.parametrize("kind", ["link", "fifo", "folder"])
def test_a_stored_file_that_was_replaced_is_not_followed(target: Target, kind: str) -> None:
    """Threat 13: a link, a pipe or a folder in the place of a published file gives nothing of what it leads to."""
    made = request("POST /files/ HTTP/1.1", TUS, "Upload-Length: 0", "Upload-Metadata: filename c3dhcA==")
    path = target.taken(made, 201).headers["Content-Location"]
    place = target.server.data_dir / unquote(path).lstrip("/")
    place.unlink()
    match kind:
        case "link":
            place.symlink_to("/etc/passwd")
        case "fifo":
            os.mkfifo(place)
        case _:
            place.mkdir()
    try:
        answer = target.ask(request(f"GET {path} HTTP/1.1"))
        assert answer.status in {404, 503}
        assert b"root:" not in answer.body
    finally:
        place.rmdir() if kind == "folder" else place.unlink()
        place.touch()
    target.stands(nothing_new=True)


RANGES: dict[str, tuple[str, int]] = {
    "arabic digits": ("bytes=\xd9\xa0-\xd9\xa1", 200),
    "superscript": ("bytes=\xb2-\xb3", 200),
    "1,000 ranges": ("bytes=" + ",".join(f"{i}-{i}" for i in range(1000)), 200),
    "overlapping ranges": ("bytes=" + ",".join(["0-"] * 1300), 200),
    "two ranges": ("bytes=0-1,3-4", 200),
    "reversed": ("bytes=10-1", 200),
    "both open": ("bytes=-", 200),
    "nothing": ("bytes=", 200),
    "empty": ("", 200),
    "another unit": ("lines=0-1", 200),
    "no unit": ("0-1", 200),
    "negative": ("bytes=--1", 200),
    "three numbers": ("bytes=1-2-3", 200),
    "letters": ("bytes=a-b", 200),
    "hex": ("bytes=0x0-0x1", 200),
    "float": ("bytes=0.5-1", 200),
    "plus": ("bytes=+0-1", 200),
    "underscore": ("bytes=0_0-1", 200),
    "equals": ("bytes==0-1", 200),
    "behind the end": ("bytes=4096-", 416),
    "far behind": ("bytes=9999999999999999999-", 416),
    "2^64": (f"bytes={2**64}-{2**64 + 1}", 416),
    "5000 digits": (f"bytes={'9' * 5000}-", 416),
    "last nothing": ("bytes=-0", 416),
    "last 5000 digits": (f"bytes=-{'9' * 5000}", 206),
    "to 5000 digits": (f"bytes=0-{'9' * 5000}", 206),
    "leading zeros": (f"bytes={'0' * 5000}-0", 206),
    "capital": ("BYTES=0-1", 206),
}


@pytest.mark.parametrize(("value", "status"), RANGES.values(), ids=RANGES.keys())
@pytest.mark.parametrize("where", ["complete", "published"])
def test_ranges_that_nobody_asks_for(target: Target, value: str, status: int, where: str) -> None:
    """Threat 33: one range or the whole; never more bytes than the file has, never a slow number."""
    path, data = (target.kept.complete, NOISE) if where == "complete" else (target.kept.published, VIDEO)
    if status == 416 and value.startswith("bytes=4096"):
        value = f"bytes={len(data)}-"
    answer = target.taken(request(f"GET {path} HTTP/1.1", f"Range: {value}"), status)
    if status == 200:
        assert answer.body == data
    elif status == 206:
        first, _, last = answer.headers["Content-Range"].removeprefix("bytes ").partition("/")[0].partition("-")
        assert answer.body == data[int(first) : int(last) + 1]
    else:
        assert (answer.body, answer.headers["Content-Range"]) == (b"", f"bytes */{len(data)}")


@pytest.mark.parametrize("name", ["If-Range", "If-Match", "If-None-Match", "If-Modified-Since", "If-Unmodified-Since"])
@pytest.mark.parametrize(
    "value",
    [
        "",
        "*",
        '"',
        '"' * 5001,
        "x" * 60_000,
        "Sun, 99 Nov 9999 99:99:99 GMT",
        "Thu, 01 Jan 1970 00:00:00 GMT",
        "\xff",
        '"a", ' * 5000,
    ],
    ids=range(9),
)
def test_conditions_that_nobody_asks_for(target: Target, name: str, value: str) -> None:
    """Conditions are met, not met, or ignored; in no case an error of the server."""
    data = request(f"GET {target.kept.published} HTTP/1.1", f"{name}: {value}", "Range: bytes=0-9")
    answer = target.taken(data, {200, 206, 304, 412})
    assert answer.body in (b"", VIDEO, VIDEO[:10])


@pytest.mark.parametrize("field", ["Range: bytes=0-1", 'If-Range: "a"'])
def test_two_ranges_in_two_lines(target: Target, field: str) -> None:
    """Threat 52: refused, because two could read two."""
    target.refused(request(f"GET {target.kept.published} HTTP/1.1", field, field), 400, says="once")


@pytest.mark.parametrize(
    "query",
    ["?", "?x", "?%zz=%zz", "?" + "a=1&" * 5000, "?" + "&" * 30_000, "?a[]=1", "?%00=%00", "?\xa0" * 3],
    ids=range(8),
)
@pytest.mark.parametrize("path", ["/files/", CHUNK, "/api/videos", "/healthz", "{published}", "/nowhere"])
def test_queries_that_nobody_sends(target: Target, path: str, query: str) -> None:
    """Parameters that are not known do not matter."""
    path = path.format(published=target.kept.published)
    answer = target.ask(request(f"GET {path}{query} HTTP/1.1"))
    assert answer.status in {200, 400, 404, 405}
    target.stands(nothing_new=True)


@pytest.mark.parametrize(
    "value", ["", "nope", "files,files", "../files", "%00", "%ff", "x" * 60_000, "POSTER"], ids=range(8)
)
def test_a_profile_in_the_query_is_one_that_there_is(target: Target, value: str) -> None:
    """?profile= names a configured profile; an empty one counts as one that there is not, or as none."""
    data = request(f"POST /files/?profile={value} HTTP/1.1", TUS, "Upload-Length: 5")
    if value:
        target.refused(data, 400, says="profile")
    else:
        assert target.ask(data).status in {201, 400}
    target.refused(
        request("POST /files/?profile=files&profile=files HTTP/1.1", TUS, "Upload-Length: 5"), 400, says="once"
    )
