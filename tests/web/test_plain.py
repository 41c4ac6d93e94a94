"""Whole files in one request without any protocol: raw bodies, forms, and what is left when they break off."""

import hashlib
from base64 import b64encode

import pytest

from tests.web.conftest import Served
from tests.web.forms import BOUNDARY, CHUNK, FINALIZE, chunk_fields, part
from tests.web.forms import TYPE as FORM
from tests.web.forms import form as whole_form
from tests.web.ietf.client import V9, C, size
from tests.web.wire import Answer, until

TEXT = "Content-Type: text/plain"
JSON = "Content-Type: application/json"


async def form(served: Served, *parts: bytes, fields: tuple[str, ...] = (), line: str = C) -> Answer:
    """Send a form."""
    body = b"".join(parts) + f"--{BOUNDARY}--\r\n".encode()
    return await served.ask(line, FORM, *fields, size(len(body)), body=body)


def is_empty(served: Served) -> bool:
    """True when no file is left, staged or published."""
    return not served.store.staged and not served.store.published


@pytest.mark.parametrize(
    ("line", "fields", "name"),
    [
        (C, (), "file"),
        (C, (TEXT,), "file"),
        (C, ("Content-Type: application/x-www-form-urlencoded",), "file"),
        ("PUT /files/ HTTP/1.1", (), "file"),
        ("PUT /files/a%20b.txt HTTP/1.1", (), "a b.txt"),
        ("POST /files/?filename=q.txt HTTP/1.1", (), "q.txt"),
        ("PUT /files/a.txt?filename=q.txt HTTP/1.1", (), "q.txt"),
        ("PUT /files/a.txt HTTP/1.1", ('Content-Disposition: attachment; filename="d.txt"',), "d.txt"),
    ],
)
async def test_a_raw_body_is_a_file(served: Served, line: str, fields: tuple[str, ...], name: str) -> None:
    """IETF 106, 109: 201 with the JSON of a finalize, no interim answer, nothing staged, nothing of a protocol."""
    answer = await served.ask(line, *fields, size(5), body=b"hello")
    assert (answer.status, answer.interim, answer.json["filename"], answer.json["size"]) == (201, (), name, 5)
    assert answer.json["url"] == answer.headers["Content-Location"]
    assert not served.store.staged
    assert not {"Upload-Offset", "Upload-Complete", "Tus-Resumable"} & set(answer.headers)
    for path in (answer.json["url"], answer.headers["Location"]):
        assert (await served.ask(f"GET {path} HTTP/1.1")).body == b"hello"


async def test_a_body_in_chunks_is_a_file(served: Served) -> None:
    """curl -T - sends one."""
    answer = await served.ask(
        "PUT /files/a.txt HTTP/1.1", "Transfer-Encoding: chunked", body=b"5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n"
    )
    assert (answer.status, answer.json["size"]) == (201, 11)


async def test_who_waits_to_be_asked_is_asked(served: Served) -> None:
    """curl sends Expect: 100-continue with large files; refused ones are not asked."""
    async with served.wire() as wire:
        await wire.send("PUT /files/a.txt HTTP/1.1", "Expect: 100-continue", size(5))
        assert (await wire.head())[0] == 100
        await wire.raw(b"hello")
        assert (await wire.answer()).status == 201
    refused = await served.ask("PUT /files/a.txt?profile=nothing HTTP/1.1", "Expect: 100-continue", size(5))
    assert (refused.status, refused.interim) == (400, ())


async def test_nothing_at_all_is_no_file(served: Served) -> None:
    """A request that forgot its body is told so; an empty file says that it is one."""
    assert (await served.ask(C)).status == 400
    assert (await served.ask(C, size(0))).json["size"] == 0
    assert (await served.ask("POST /files/?profile=poster HTTP/1.1", size(0))).status == 415


async def test_a_name_that_is_taken_gets_a_number(served: Served) -> None:
    """PUT replaces nothing."""
    names = [(await served.ask("PUT /files/a.txt HTTP/1.1", size(1), body=b"x")).json["filename"] for _ in range(2)]
    assert names == ["a.txt", "a (2).txt"]


@pytest.mark.parametrize(
    ("told", "kind"), [("text/plain", "text/plain"), ("text/html", "application/octet-stream"), ("video/mp4", None)]
)
async def test_the_type_that_was_told(served: Served, told: str, kind: str | None) -> None:
    """IETF 41: a download has it unless a browser would run it, and is an attachment all the same."""
    answer = await served.ask("PUT /files/a.txt HTTP/1.1", f"Content-Type: {told}", size(5), body=b"hello")
    got = await served.ask(f"GET {answer.json['url']} HTTP/1.1")
    assert got.headers["Content-Type"] == (kind or "application/octet-stream")
    assert got.headers["Content-Disposition"].startswith("attachment;")
    assert "sandbox" in got.headers["Content-Security-Policy"]


async def test_a_title_makes_a_record(served: Served) -> None:
    """As in tus, where it stands in the metadata."""
    await served.ask("PUT /files/a.txt?title=Holiday&description=Sea HTTP/1.1", size(1), body=b"x")
    (video,) = (await served.ask("GET /api/videos HTTP/1.1")).json["videos"]
    assert (video["title"], video["description"]) == ("Holiday", "Sea")


TUS_CREATION = ("Tus-Resumable: 1.0.0", "Upload-Length: 1")
META = "Upload-Metadata: replaces " + b64encode(b"\xff" * 32).decode()


@pytest.mark.parametrize(
    ("line", "fields", "body"),
    [
        pytest.param(C, (*TUS_CREATION, META), b"", id="tus"),
        pytest.param("POST /files/?replaces=%ff HTTP/1.1", TUS_CREATION, b"", id="tus, query"),
        pytest.param(C, (V9, "Upload-Complete: ?1", META), b"x", id="ietf"),
        pytest.param("POST /files/?replaces=%ff HTTP/1.1", (V9, "Upload-Complete: ?1"), b"x", id="ietf, query"),
        pytest.param("PUT /files/a.txt?replaces=%ff HTTP/1.1", (), b"x", id="plain, query"),
        pytest.param(C, (FORM,), [("replaces", b"\xff" * 32), ("chunk", b"x")], id="form"),
        pytest.param(
            f"POST {CHUNK} HTTP/1.1",
            (FORM,),
            [*chunk_fields(), ("replaces", b"\xff" * 32), ("chunk", b"x")],
            id="chunk",
        ),
        pytest.param(
            f"POST {FINALIZE} HTTP/1.1", (FORM,), [("uploadId", b"k"), ("replaces", b"\xff" * 32)], id="finalize"
        ),
        pytest.param(
            f"POST {FINALIZE} HTTP/1.1", (JSON,), b'{"uploadId": "k", "replaces": "\xff"}', id="finalize, JSON"
        ),
    ],
)
async def test_a_record_to_replace_is_never_overlooked(
    served: Served, line: str, fields: tuple[str, ...], body: bytes | list[tuple[str, bytes]]
) -> None:
    """What is no UTF-8 does not count as not said, in no dialect: 400 with a sentence, and nothing is stored."""
    sent = body if isinstance(body, bytes) else whole_form(*body)
    answer = await served.ask(line, *fields, size(len(sent)), body=sent)
    assert (answer.status, answer.headers["Content-Type"]) == (400, "application/problem+json")
    assert answer.json["detail"], answer.body
    assert is_empty(served)


@pytest.mark.parametrize("raw", ["%ED%A0%80", "%ff", "%00", "%F0%9F%8E%AC", "%", "%zz", "a%0d%0ab"])
@pytest.mark.parametrize("field", ["filename", "title", "profile"])
async def test_hostile_texts_in_the_query(served: Served, field: str, raw: str) -> None:
    """Whatever is no text is refused or replaced; nothing breaks, and no name becomes a path."""
    answer = await served.ask(f"POST /files/?{field}={raw} HTTP/1.1", size(1), body=b"x")
    assert answer.status in {201, 400}
    if answer.status == 201:
        assert answer.json["filename"].isprintable()
        assert (await served.ask(f"GET {answer.json['url']} HTTP/1.1")).status == 200


@pytest.mark.parametrize("raw", ['filename="\xe9.txt"', "filename*=UTF-8''\xe9", 'filename="a\\"', "filename*=x"])
async def test_hostile_names_in_a_field(served: Served, raw: str) -> None:
    """Bytes that are no UTF-8 are replaced; what cannot be read is no name."""
    answer = await served.ask(C, f"Content-Disposition: inline; {raw}", size(1), body=b"x")
    assert (answer.status, answer.json["filename"].isprintable()) == (201, True)


async def test_a_cut_upload_leaves_nothing(served: Served) -> None:
    """Nobody knows its address, so nobody can go on."""
    async with served.wire() as wire:
        await wire.send("PUT /files/a.txt HTTP/1.1", size(100), body=b"x" * 40)
        await until(served.is_receiving)
    await until(lambda: is_empty(served))


@pytest.mark.parametrize("is_cut", [False, True])
async def test_the_same_key_again(served: Served, is_cut: bool) -> None:
    """A finished upload is answered again; of one that broke off, or hangs, the whole body is taken anew."""
    lines = ("PUT /files/a.txt HTTP/1.1", "Idempotency-Key: k", size(5))
    if is_cut:
        async with served.wire() as wire:
            await wire.send(*lines, body=b"he")
            await until(served.is_receiving)
            first = await served.ask(*lines, body=b"hello")
            ended = await wire.ended()
            assert b"201" not in ended
            assert b"again from its first byte" in ended
    else:
        first = await served.ask(*lines, body=b"hello")
    assert (first.status, first.json["size"]) == (201, 5)
    assert (await served.ask(*lines, body=b"hello")).json == first.json
    assert (await served.ask(f"GET {first.json['url']} HTTP/1.1")).body == b"hello"
    assert (await served.ask("PUT /files/a.txt HTTP/1.1", "Idempotency-Key: k", size(6), body=b"hello!")).status == 409


@pytest.mark.parametrize(
    ("line", "fields", "status"),
    [
        ("PATCH /files/ HTTP/1.1", (), 405),
        ("PUT /files/a.txt HTTP/1.1", ("Content-Encoding: gzip",), 415),
        ("PUT /files/a.txt?profile=poster HTTP/1.1", (), 415),
        ("PUT /files/a.txt?profile=x HTTP/1.1", (), 400),
        ("PUT /files/a.txt HTTP/1.1", ("Content-Digest: sha-256=:YQ==:",), 400),
        ("PUT /files/a.txt HTTP/1.1", (f"Content-Digest: sha-256=:{b64encode(bytes(32)).decode()}:",), 422),
        ("PUT /files/a.txt HTTP/1.1", (f"Repr-Digest: sha-256=:{b64encode(bytes(32)).decode()}:",), 422),
        ("POST /files/a.txt HTTP/1.1", (), 404),
    ],
)
async def test_what_is_refused_leaves_nothing(served: Served, line: str, fields: tuple[str, ...], status: int) -> None:
    """Codings, contents, digests, methods: problem details, and no file."""
    answer = await served.ask(line, *fields, size(5), body=b"hello")
    assert (answer.status, answer.json["success"]) == (status, False)
    assert is_empty(served)


async def test_a_file_over_the_limit(served: Served) -> None:
    """413 before its first byte."""
    answer = await served.ask("PUT /files/a.mp4?profile=poster HTTP/1.1", size(60_000_000), "Expect: 100-continue")
    assert (answer.status, answer.interim) == (413, ())


async def test_right_digests_are_fine(served: Served) -> None:
    """Both kinds at once."""
    value = b64encode(hashlib.sha256(b"hello").digest()).decode()
    fields = (f"Content-Digest: sha-256=:{value}:", f"Repr-Digest: sha-256=:{value}:", "Want-Repr-Digest: sha-256=1")
    answer = await served.ask("PUT /files/a.txt HTTP/1.1", *fields, size(5), body=b"hello")
    assert (answer.status, answer.headers["Repr-Digest"]) == (201, f"sha-256=:{value}:")


# --- forms -------------------------------------------------------------------------------------------------------


async def test_the_file_of_a_form(served: Served) -> None:
    """curl -F file=@a.txt: whatever the field is called, the part with a file name is the file."""
    answer = await form(
        served, part("title", b"Holiday"), part("x", b"ignored"), part("anything", b"hello", filename="a.txt")
    )
    assert (answer.status, answer.json["filename"], answer.json["size"]) == (201, "a.txt", 5)
    assert (await served.ask(f"GET {answer.json['url']} HTTP/1.1")).body == b"hello"
    (video,) = (await served.ask("GET /api/videos HTTP/1.1")).json["videos"]
    assert video["title"] == "Holiday"


async def test_fields_of_a_form_go_before_the_query(served: Served) -> None:
    """The form is nearer to the file."""
    answer = await form(
        served,
        part("filename", b"form.txt"),
        part("f", b"x", filename="a.txt"),
        line="POST /files/?filename=query.txt HTTP/1.1",
    )
    assert answer.json["filename"] == "form.txt"


@pytest.mark.parametrize(
    ("parts", "fields", "says"),
    [
        ((part("title", b"x"),), (), "file name"),
        ((part("f", b"x", filename="a"), part("title", b"late")), (), "before the file"),
        ((part("f", b"x", filename="a"), part("g", b"y", filename="b")), (), "once"),
        ((part("title", b"a"), part("title", b"b"), part("f", b"x", filename="a")), (), "once"),
        ((part("profile", b"nothing"), part("f", b"x", filename="a")), (), "profile"),
        ((part("f", b"x", filename="a"),), (f"Repr-Digest: sha-256=:{b64encode(bytes(32)).decode()}:",), "form"),
        ((part("f", b"x", filename="a"),), (f"Content-Digest: sha-256=:{b64encode(bytes(32)).decode()}:",), "form"),
    ],
)
async def test_forms_that_are_refused_leave_nothing(
    served: Served, parts: tuple[bytes, ...], fields: tuple[str, ...], says: str
) -> None:
    """400 with a sentence, and no file."""
    answer = await form(served, *parts, fields=fields)
    assert (answer.status, says in answer.json["detail"]) == (400, True)
    assert is_empty(served)


async def test_a_form_that_breaks_off_leaves_nothing(served: Served) -> None:
    """Its file may look whole; the form is not."""
    body = part("f", b"hello", filename="a.txt")
    answer = await served.ask(C, FORM, size(len(body)), body=body)
    assert answer.status == 400
    assert is_empty(served)


async def test_a_form_of_a_creation_is_its_content(served: Served) -> None:
    """§2.10: with Upload-Complete the whole body is the representation, whatever its type is."""
    body = part("f", b"hello", filename="a.txt") + f"--{BOUNDARY}--\r\n".encode()
    answer = await served.ask(C, FORM, "Upload-Complete: ?1", size(len(body)), body=body)
    assert answer.json["size"] == len(body)
