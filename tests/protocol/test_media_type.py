"""Which media types a client may name for its file, and under which one a file is served."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.protocol.heads import finished, head
from tusvideo.protocol import media_type, metadata
from tusvideo.protocol.file_facts import parse_facts

OFFICE = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"


@pytest.mark.parametrize(
    ("told", "kind"),
    [
        ("text/plain", "text/plain"),
        ("Text/Plain; charset=utf-8", "text/plain"),
        ("application/pdf", "application/pdf"),
        (OFFICE, OFFICE),
        ("image/png", "image/png"),
        ("audio/mpeg", "audio/mpeg"),
        ("image/svg+xml", None),
        ("text/html", None),
        ("text/css", None),
        ("text/javascript", None),
        ("application/javascript", None),
        ("application/xhtml+xml", None),
        ("application/vnd.mozilla.xul+xml", None),
        ("application/x-www-form-urlencoded", None),
        ("multipart/form-data; boundary=x", None),
        ("application/partial-upload", None),
        ("video/mp4", None),
        ("text/plain\r\nX: y", None),
        ("text", None),
        ("", None),
        (None, None),
    ],
)
def test_what_a_client_may_say(told: str | None, kind: str | None) -> None:
    """Files that a browser shows or saves; nothing that it runs, styles a page with, or that says nothing."""
    assert media_type.parse(told) == kind


@given(st.text(max_size=60) | st.text(alphabet="abimgext/.;+-", max_size=30))
def test_any_text_is_a_type_or_none(text: str) -> None:
    """What is taken can stand in a header field."""
    found = media_type.parse(text)
    assert found is None or (found.isascii() and found.isprintable() and " " not in found)


@pytest.mark.parametrize(
    ("judged", "told", "served"),
    [
        ("video/mp4", "text/plain", "video/mp4"),
        (None, "text/plain", "text/plain"),
        ("application/octet-stream", "application/pdf", "application/pdf"),
        ("application/octet-stream", "text/html", "application/octet-stream"),
        (None, "video/mp4", None),
    ],
)
def test_what_a_file_is_served_as(judged: str | None, told: str, served: str | None) -> None:
    """Content wins where it shows a video; who claims one that is none is not believed."""
    upload = finished(content_type=judged, metadata=metadata.build({"filetype": told.encode()}))
    assert media_type.of(upload) == served
    assert media_type.of(finished(content_type=judged)) == judged


@pytest.mark.parametrize(
    ("fields", "form", "kept"),
    [
        ((("Content-Type", "text/plain"),), None, "filetype dGV4dC9wbGFpbg=="),
        ((("Content-Type", "text/plain"), ("Upload-Metadata", "a YQ==")), None, "a YQ==,filetype dGV4dC9wbGFpbg=="),
        ((("Content-Type", "text/plain"), ("Upload-Metadata", "filetype YQ==")), None, "filetype YQ=="),
        ((("Content-Type", "text/html"),), None, ""),
        ((("Content-Type", "text/plain"),), {}, ""),
        ((), None, ""),
    ],
)
def test_the_type_of_a_creation_is_kept(
    fields: tuple[tuple[str, str], ...], form: dict[str, list[str]] | None, kept: str
) -> None:
    """IETF 41: beside the metadata of tus, unless that tells it; the type of a form is not that of its file."""
    facts = parse_facts(head("POST", *fields), name=None, default_profile="files", profiles=("files",), form=form)
    assert facts.metadata == kept
