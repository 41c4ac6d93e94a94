"""Hostile file names, on every way in (threats 11, 15, 28): refused, or stored under a clean one."""

import base64
import json
import unicodedata

import pytest

from tests.faults.wire import Answer, request
from tests.hostile.target import BYTES, FINALIZE, JSON, METADATA, TUS, VIDEO, Target
from tests.web import forms

NAMES = {
    "way up": "../x",
    "far up": "../../../../../../tmp/evil",
    "absolute": "/etc/passwd",
    "backslashes": "..\\..\\evil",
    "drive": "C:\\Windows\\evil",
    "share": "\\\\host\\share\\evil",
    "mixed": "..\\../evil",
    "nul": "a\x00.mp4",
    "line break": "a\r\nSet-Cookie: a=b",
    "bell": "a\x07b",
    "escape": "\x1b]0;evil\x07",
    "delete": "a\x7fb",
    "next line": "a\x85b",
    "4 KiB": "n" * 4096,
    "4 KiB of film": "\U0001f3ac" * 1024,
    "255 bytes": "n" * 255,
    "1024 bytes": "n" * 1024,
    "long extension": "a." + "b" * 1000,
    "right to left": "gpj.\u202e4pm.exe",
    "isolate": "\u2066evil\u2069",
    "zero width": "a\u200b\u200d\ufeffb",
    "line separator": "a\u2028b",
    "private use": "\ue000\uf8ff",
    "composed": "\u00e9t\u00e9.mp4",
    "decomposed": "e\u0301te\u0301.mp4",
    "mark between": "e\u200d\u0301.mp4",
    "zalgo": "a" + "\u0301" * 300,
    "device": "CON",
    "device with extension": "nul.tar.gz",
    "device in lower case": "lpt1.mp4",
    "option": "-rf",
    "long option": "--help",
    "hidden": ".bashrc",
    "hidden after a blank": " .ssh",
    "one dot": ".",
    "two dots": "..",
    "three dots": "...",
    "many dots": "." * 200,
    "dots and blanks": " . . ",
    "blank": " ",
    "no-break space": "\u00a0",
    "trailing dot": "a.mp4.",
    "trailing blank": "a.mp4 ",
    "film": "\U0001f3ac.mp4",
    "family": "\U0001f468\u200d\U0001f469\u200d\U0001f467.mp4",
    "flag": "\U0001f1e9\U0001f1ea",
    "quotes": "a\"b'c`d.mp4",
    "disposition": 'a"; filename="b.html',
    "shell": "$(reboot);`id`|x&y>z<w",
    "glob": "*?[a].mp4",
    "stream": "a.mp4::$DATA",
    "colon": "a:b",
    "percent": "..%2f..%2fevil",
    "twice percent": "%252e%252e%252f",
    "overlong": "..%c0%af..%c0%afevil",
    "url": "http://evil.example/x",
    "html": "<script>alert(1)</script>",
    "sql": "'; DROP TABLE uploads; --",
    "format": "%s%n{0}{name}",
    "temporary name": ".tusvideo-0123456789abcdef0123456789abcdef",
    "database": "tusvideo.db",
    "noncharacter": "a\uffff\U0010ffff",
    "tag letters": "a\U000e0041\U000e007f",
    "variation": "a\ufe0f",
    "tab": "a\tb",
}
EVERY = pytest.mark.parametrize("name", NAMES.values(), ids=NAMES.keys())


def whole(target: Target) -> str:
    """Make an upload that only lacks its finalize, and give its id."""
    key = target.key()
    assert target.put(key, 0, 1, data=VIDEO).status == 200
    return key


def judge_download(target: Target, answer: Answer) -> None:
    """A stored file is served with its bytes, and its header names it without a line break or a path."""
    disposition = answer.headers["Content-Disposition"]
    assert disposition.isascii()
    assert disposition.count('"') == 2, disposition
    plain = disposition.split('"')[1]
    assert plain
    assert not set(plain) & set("/\\%"), disposition
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "sandbox" in answer.headers["Content-Security-Policy"]
    target.stands(nothing_new=False)


@EVERY
@pytest.mark.parametrize("form", ["json", "multipart"])
def test_the_filename_of_a_finalize(target: Target, name: str, form: str) -> None:
    """400 with the chunks kept, or the pattern's own name; a good name works afterwards."""
    key = whole(target)
    line = f"POST {FINALIZE} HTTP/1.1"
    if form == "json":
        body = json.dumps({"uploadId": key, "totalChunks": 1, "filename": name}).encode()
        answer = target.ask(request(line, JSON, body=body))
    else:
        fields = [("uploadId", key.encode()), ("totalChunks", b"1"), ("filename", name.encode())]
        answer = target.ask(request(line, forms.TYPE, body=forms.form(*fields)))
    if answer.status == 400:
        target.sent -= 1
        target.judge(answer, method="POST", says="filename")
        answer = target.finalize(key, 1)
    target.stands(nothing_new=False)
    assert answer.status == 200, answer.body
    assert answer.json["filename"].startswith("video_")
    assert answer.json["filename"].endswith(".mp4")
    got = target.ask(request(f"GET {answer.json['url']} HTTP/1.1"))
    assert got.body == VIDEO
    judge_download(target, got)


@EVERY
def test_the_filename_in_metadata_of_tus(target: Target, name: str) -> None:
    """D-14, D-15: any name is taken as data; the file lies in the user's folder under a clean one."""
    told = f"Upload-Metadata: filename {base64.b64encode(name.encode()).decode()}"
    data = request("POST /files/ HTTP/1.1", TUS, BYTES, "Upload-Length: 5", told, body=b"hello")
    created = target.taken(data, 201)
    got = target.ask(request(f"GET {created.headers['Location']} HTTP/1.1"))
    assert got.body == b"hello"
    judge_download(target, got)
    again = target.ask(request(f"GET {created.headers['Content-Location']} HTTP/1.1"))
    assert (again.status, again.body) == (200, b"hello")
    assert target.ask(request(f"HEAD {created.headers['Location']} HTTP/1.1", TUS)).headers["Upload-Metadata"]


@pytest.mark.parametrize("raw", [b"\xff\xfe", b"\xed\xa0\x80", b"\xc0\xae\xc0\xae/", b"a\x80b"])
def test_a_filename_that_is_no_text(target: Target, raw: bytes) -> None:
    """D-13: values are bytes; those that are no text name nothing."""
    told = f"Upload-Metadata: filename {base64.b64encode(raw).decode()}"
    data = request("POST /files/ HTTP/1.1", TUS, BYTES, "Upload-Length: 5", told, body=b"hello")
    target.taken(data, 201)


@pytest.mark.parametrize("name", [name for name in NAMES.values() if name.encode().isascii()], ids=ascii)
def test_the_filename_of_the_part_of_a_form(target: Target, name: str) -> None:
    """What a form calls its file does not matter at all: taken, or the form is malformed."""
    quoted = name.replace("\\", "\\\\").replace('"', '\\"')
    fields = forms.form(*forms.chunk_fields(0, 1, key=target.key()))[: -len(forms.BOUNDARY) - 6]
    body = fields + forms.part("chunk", VIDEO, filename=quoted) + f"--{forms.BOUNDARY}--\r\n".encode()
    answer = target.ask(request("POST /api/poster/video/chunk HTTP/1.1", forms.TYPE, body=body))
    if answer.status != 200:
        target.sent -= 1
        target.judge(answer, method="POST")
        assert answer.status in {400, 413}


@EVERY
def test_the_filename_of_a_record(target: Target, name: str) -> None:
    """A record needs a published file: every other name is refused, whatever it says."""
    body = json.dumps({"filename": name, "title": "t"}).encode()
    target.refused(request(f"POST {METADATA} HTTP/1.1", JSON, body=body), {400, 404})


@EVERY
def test_the_filename_in_the_address_of_a_download(target: Target, name: str) -> None:
    """Threat 9: an address names a published file of the table, or nothing."""
    escaped = "".join(f"%{byte:02X}" for byte in name.encode())
    if len(escaped) > 60_000:
        pytest.fail("no address is that long")
    for path in (f"/uploads/posters/local/{escaped}", f"/uploads/posters/{escaped}/x", f"/uploads/{escaped}/local/x"):
        answer = target.ask(request(f"GET {path} HTTP/1.1"))
        target.sent -= 1
        target.judge(answer, method="GET")
        assert answer.status == 404


def test_names_that_look_alike_do_not_meet(target: Target) -> None:
    """Threat 15: the second of two names that are one to a person gets a number, and both files stay."""
    found: dict[str, bytes] = {}
    for name in (NAMES["composed"], NAMES["decomposed"], NAMES["composed"]):
        told = f"Upload-Metadata: filename {base64.b64encode(name.encode()).decode()}"
        body = f"{len(found)}".encode()
        data = request("POST /files/ HTTP/1.1", TUS, BYTES, "Upload-Length: 1", told, body=body)
        found[target.taken(data, 201).headers["Content-Location"]] = body
    assert len(found) == 3
    for path, body in found.items():
        assert target.ask(request(f"GET {path} HTTP/1.1")).body == body


@pytest.mark.parametrize("name", ["profile", "title", "description", "name", "filetype", "relativePath"])
@pytest.mark.parametrize("value", ["../x", "a\x00b", "\x1b[31m", "x" * 20_000, "\u202e", "a\r\nb"], ids=ascii)
def test_other_metadata_of_tus(target: Target, name: str, value: str) -> None:
    """Values that count are checked, others are data; in no case do they become a path or a line of a header."""
    told = f"Upload-Metadata: {name} {base64.b64encode(value.encode()).decode()}"
    data = request("POST /files/ HTTP/1.1", TUS, BYTES, "Upload-Length: 5", told, body=b"hello")
    checked = name in {"profile", "title", "description"} and not (
        (name != "profile" and value in {"../x", "\u202e"}) or (name == "description" and value == "a\r\nb")
    )
    if checked:
        target.refused(data, 400, says=name)
    else:
        target.taken(data, 201)


@pytest.mark.parametrize(
    ("value", "status"),
    [
        ("a !!!", 400),
        ("a YQ", 400),
        ("a _-__", 400),
        ("YQ==", 400),
        (",a YQ==", 400),
        ("a YQ==,", 400),
        ("a YQ== YQ==", 400),
        ("a YQ==,a Yg==", 400),
        ("a\tYQ==", 400),
        ("\xe9 YQ==", 400),
        ("a Y\xa0Q==", 400),
        ("a =", 400),
        ("a ====", 400),
        ("a YQ==\x0bb", 400),
        (",".join(f"k{i}" for i in range(100)), 201),
        (",".join(f"k{i}" for i in range(8000)), 201),
        (",," * 20_000, 400),
        ("k" * 60_000, 201),
        ("", 201),
        (" ", 201),
    ],
    ids=range(20),
)
def test_metadata_in_a_form_of_its_own(target: Target, value: str, status: int) -> None:
    """D-06 to D-12, threat 12: broken pairs are refused by the name of the field; many and long ones are data."""
    data = request("POST /files/ HTTP/1.1", TUS, "Upload-Length: 5", f"Upload-Metadata: {value}")
    if status == 201:
        target.taken(data, 201)
    elif "\x0b" in value:
        target.refused(data, 400, bare=True)
    else:
        target.refused(data, 400, says="Upload-Metadata")


def test_composed_and_decomposed_are_two_spellings_of_one_name() -> None:
    """The twins above are what they are called."""
    composed, decomposed = NAMES["composed"], NAMES["decomposed"]
    assert composed != decomposed
    assert unicodedata.normalize("NFC", decomposed) == composed
