"""Upload-Concat: what is a piece, what is made of which pieces, and what is neither.

Spec: tus 1.0.0 § Concatenation.
"""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.protocol.heads import ID, OFFSET_TYPE, TUS, finished, head, parse, post, told, upload
from tusvideo.commands import Created, Queried
from tusvideo.errors import Forbidden, InvalidField
from tusvideo.model import Status
from tusvideo.protocol import concat, tus

OTHER = "f" * 32
HOST = ("Host", "up.example:8080")
LENGTH = ("Upload-Length", "10")


def final(value: str, *fields: tuple[str, str], **more: Any) -> str | None:
    """What a creation with this Upload-Concat carries."""
    return post(HOST, ("Upload-Concat", value), *fields, **more).concat


def test_a_piece_is_created_as_any_upload() -> None:
    """N-02, N-36: with a length, or with one that comes later."""
    command = post(LENGTH, ("Upload-Concat", "partial"))
    assert (command.concat, command.length) == ("partial", 10)
    assert post(("Upload-Defer-Length", "1"), ("Upload-Concat", "partial")).length is None
    assert post(LENGTH).concat is None
    assert post(LENGTH, ("Upload-Concat", "")).concat is None, "N-23: empty is absent"


@pytest.mark.parametrize(
    "value",
    [
        pytest.param(f"final;/files/{ID}", id="one"),
        pytest.param(f"final;/files/{ID} /files/{OTHER} /files/{ID}", id="N-10: one of them twice"),
        pytest.param(f"final; /files/{ID}\t/files/{OTHER}", id="other spaces"),
        pytest.param(f"final;http://up.example:8080/files/{ID}", id="N-09: absolute"),
        pytest.param(f"final;HTTP://UP.Example:8080/files/{ID}", id="in capitals"),
        pytest.param(f"final;https://up.example:8080/files/{ID}", id="behind a proxy that ends TLS"),
    ],
)
def test_the_value_is_kept_as_it_came(value: str) -> None:
    """N-05, N-08, N-09: addresses of this server in any form."""
    assert final(value) == value


@pytest.mark.parametrize(
    ("host", "address", "fits"),
    [
        ("up.example", f"http://up.example:80/files/{ID}", True),
        ("up.example", f"https://up.example:443/files/{ID}", True),
        ("up.example:443", f"https://up.example/files/{ID}", True),
        ("up.example", f"http://up.example:443/files/{ID}", False),
        ("[::1]:8080", f"http://[::1]:8080/files/{ID}", True),
        ("[::1]", f"http://[::1]/files/{ID}", True),
        ("up.example", f"http://up.example:999999/files/{ID}", False),
        ("", f"http://up.example/files/{ID}", False),
    ],
)
def test_ports_that_go_without_saying(host: str, address: str, fits: bool) -> None:
    """An address may name the port of its scheme, or not."""
    request = head("POST", TUS, ("Host", host), ("Upload-Concat", f"final;{address}"))
    if fits:
        parse(request)
        return
    with pytest.raises(InvalidField):
        parse(request)


def test_the_host_that_a_proxy_names_counts() -> None:
    """Whoever may not name one has been refused before."""
    outside = ("X-Forwarded-Host", "media.example")
    assert final(f"final;https://media.example/files/{ID}", outside) is not None


@pytest.mark.parametrize(
    "value",
    [
        *("final;", "final; ", "final", "foo", "Partial", "FINAL;/files/" + ID, "partial;", " "),
        *(f"final;/files/{ID},/files/{OTHER}", f"final;{ID}", f"final;files/{ID}", f"final;/files//{ID}"),
        *(f"final;/files/{ID}?x=1", f"final;/files/{ID}#x", f"final;/files/{ID}/", f"final;/other/{ID}"),
        *(f"final;/files/../files/{ID}", f"final;/files/%2e%2e/{ID}", f"final;/files/x/../{ID}"),
        *(f"final;//up.example:8080/files/{ID}", f"final;http://evil.example/files/{ID}"),
        *(f"final;ftp://up.example:8080/files/{ID}", f"final;http://user@up.example:8080/files/{ID}"),
        *(f"final;/files/{ID[:-1]}", f"final;/files/{ID}0", f"final;/files/{ID.upper()}", f"final;/FILES/{ID}"),
        *(
            f"final;/files/{ID} x",
            "final;/etc/passwd",
            f"final;\x00/files/{ID}",
            f"final;/files/{ID}\xa0/files/{OTHER}",
            f"final;/files/{ID}\x1f/files/{OTHER}",
            f"final;/files/☃{ID}",
        ),
        "final;" + f"/files/{ID} " * 1001,
    ],
)
def test_everything_else_is_refused(value: str) -> None:
    """N-23, N-27, N-29: 400, and what came is not repeated."""
    with pytest.raises(InvalidField, match="Upload-Concat") as caught:
        final(value)
    answer = tus.render_error(caught.value, head_only=False)
    assert answer.status == 400
    assert b"etc" not in answer.body


def test_a_thousand_pieces_are_read() -> None:
    """N-29: the documented count."""
    value = concat.build(tuple(f"/files/{number:032x}" for number in range(concat.MAX_SOURCES)))
    assert final(value) == value
    assert len(upload(concat=value).sources) == concat.MAX_SOURCES


@pytest.mark.parametrize("field", [LENGTH, ("Upload-Defer-Length", "1")])
def test_a_whole_has_no_length_of_its_own(field: tuple[str, str]) -> None:
    """N-21: it follows from the pieces."""
    with pytest.raises(InvalidField, match=field[0]):
        final(f"final;/files/{ID}", field)


def test_a_whole_has_no_body() -> None:
    """W-14: 403 before a byte is read."""
    with pytest.raises(Forbidden) as caught:
        final(f"final;/files/{ID}", OFFSET_TYPE, content_length=5, has_body=True)
    assert tus.render_error(caught.value, head_only=False).status == 403


@given(st.text(max_size=80).map(lambda text: f"final;{text}") | st.text(max_size=80))
def test_any_text_is_read_or_refused(text: str) -> None:
    """What is taken names uploads, and nothing but a protocol error comes out otherwise."""
    try:
        taken = concat.parse(text, head=head("POST", HOST), base_path="/files/")
    except InvalidField:
        return
    assert taken == "partial" or upload(concat=taken).sources


@given(st.lists(st.binary(min_size=16, max_size=16).map(bytes.hex), min_size=1, max_size=20))
def test_sources_survive_the_round_trip(ids: list[str]) -> None:
    """What is written is what is read, in order."""
    value = concat.build(tuple(f"/files/{id_}" for id_ in ids))
    assert concat.parse(value, head=head("POST"), base_path="/files/") == value
    assert list(upload(concat=value).sources) == ids


class TestAnswers:
    def test_a_piece_tells_that_it_is_one(self) -> None:
        """N-03: beside offset and length."""
        answer = told(tus.render(Queried(upload=upload(concat="partial")), base_path="/files", content_location=None))
        assert (answer["Upload-Concat"], answer["Upload-Offset"], answer["Upload-Length"]) == ("partial", "3", "10")

    @pytest.mark.parametrize("status", [Status.OPEN, Status.FINALIZING])
    @pytest.mark.parametrize("length", [11, None])
    def test_a_whole_that_is_not_there_yet_has_no_offset(self, status: Status, length: int | None) -> None:
        """N-17, N-19, N-32: a length as soon as it is known, and nobody will tell one later."""
        waiting = upload(concat=f"final;/files/{ID}", status=status, offset=0, length=length)
        answer = told(tus.render(Queried(upload=waiting), base_path="/files", content_location=None))
        assert "Upload-Offset" not in answer
        assert "Upload-Defer-Length" not in answer
        assert answer.get("Upload-Length") == (None if length is None else "11")
        assert answer["Upload-Concat"] == f"final;/files/{ID}"

    def test_a_whole_that_is_there_has(self) -> None:
        """N-06, N-08."""
        value = f"final;/files/{ID} http://h/files/{OTHER}"
        answer = told(tus.render(Queried(upload=finished(concat=value)), base_path="/files", content_location="/x"))
        assert (answer["Upload-Offset"], answer["Upload-Length"], answer["Upload-Concat"]) == ("10", "10", value)

    @pytest.mark.parametrize(("made", "offset"), [(finished(), "10"), (upload(offset=0), None)])
    def test_its_creation_tells_whether_it_is_there(self, made: Any, offset: str | None) -> None:
        """N-05, N-32: 201 either way; the offset comes with the bytes."""
        answer = tus.render(Created(upload=made, stored_body=False), base_path="/files/", content_location=None)
        assert (answer.status, told(answer).get("Upload-Offset")) == (201, offset)
