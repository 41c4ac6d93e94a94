"""Language tags, and requests that bring captions."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.protocol.heads import head, told, video
from tusvideo.commands import CaptionsPut, PutCaptions
from tusvideo.errors import InvalidField, UnsupportedType
from tusvideo.protocol.captions import MAX_LANGUAGE, filename, parse_language, parse_put, render_put
from tusvideo.video import Caption

ID = "0" * 32


@pytest.mark.parametrize(
    ("text", "tag"),
    [
        ("en", "en"),
        ("DE", "de"),
        ("pt-br", "pt-BR"),
        ("ZH-hANT-tw", "zh-Hant-TW"),
        ("sr-latn", "sr-Latn"),
        ("es-419", "es-419"),
        ("zh-cmn-hans-cn", "zh-cmn-Hans-CN"),
        ("de-1996", "de-1996"),
        ("sl-rozaj-biske", "sl-rozaj-biske"),
        ("de-CH-x-PHONEBK", "de-CH-x-phonebk"),
        ("en-US-u-islamcal", "en-US-u-islamcal"),
        ("en-a-bbb-x-a-ccc", "en-a-bbb-x-a-ccc"),
        ("ar-a-aaa-b-bbb", "ar-a-aaa-b-bbb"),
        ("en-x-us-us", "en-x-us-us"),
        ("mn-Cyrl-MN", "mn-Cyrl-MN"),
        ("tlh", "tlh"),
        ("qaa-Qaaa-QM-x-southern", "qaa-Qaaa-QM-x-southern"),
    ],
)
def test_a_tag_is_written_in_its_usual_case(text: str, tag: str) -> None:
    """RFC 5646: script with a capital, region in capitals, the rest small; examples of its appendix A."""
    assert parse_language(text) == tag


@pytest.mark.parametrize(
    "text",
    [
        *("", "e", "abcdefghi", "en-", "-en", "en--us", "en_US", "x-private", "i-klingon", "a-DE", "de-419-DE"),
        *("en-u", "en-x", "ar-a-aaa-b-bbb-a-ccc", "de-1996-1996", "en-us\n", "en ", "\u0435n", "français", "en-0"),
        *("en-x-" + "a" * 8 + "-" + "b" * 8 + "-" + "c" * 8 + "-" + "d" * 8, "*", "e" * 200),
    ],
)
def test_what_is_no_tag_is_refused(text: str) -> None:
    """Also one that names a variant or an extension twice, and one that nobody needs as long."""
    with pytest.raises(InvalidField, match="the language cannot be used"):
        parse_language(text)


@given(st.from_regex(r"[a-z]{2,3}(-[A-Z][a-z]{3})?(-[A-Z]{2})?(-x(-[a-z0-9]{1,8}){1,2})?", fullmatch=True))
def test_the_usual_case_is_read_back(tag: str) -> None:
    """A tag that was given is taken as it is, in capitals too."""
    if len(tag) <= MAX_LANGUAGE:
        assert parse_language(tag) == tag
        assert parse_language(tag.upper()) == tag


@pytest.mark.parametrize(
    ("query", "label"),
    [((), "pt-BR"), ((("label", " Português "),), "Português"), ((("label", "x" * 100),), "x" * 100)],
)
def test_a_label_is_told_or_is_the_tag(query: tuple[tuple[str, str], ...], label: str) -> None:
    """Spaces around it are cut off."""
    command = parse_put(head("PUT", query=query), video_id=ID, language="PT-br")
    assert command == PutCaptions(video_id=ID, language="pt-BR", label=label)


@pytest.mark.parametrize("label", ["", " ", "x" * 101, "a\nb", "\ud800"])
def test_a_label_that_cannot_be_shown_is_refused(label: str) -> None:
    """Nothing, too much, and what is no text."""
    with pytest.raises(InvalidField, match="label"):
        parse_put(head("PUT", query=[("label", label)]), video_id=ID, language="en")


def test_the_body_is_the_file_itself() -> None:
    """A form around it is refused with what to do; any other type is as good as none, for the content tells."""
    with pytest.raises(UnsupportedType, match="the file itself as the body"):
        parse_put(head("PUT", ("Content-Type", "Multipart/Form-Data; boundary=x")), video_id=ID, language="en")
    for media_type in ("text/vtt", "application/x-subrip", "application/x-www-form-urlencoded", "text/plain"):
        assert parse_put(head("PUT", ("Content-Type", media_type)), video_id=ID, language="en").language == "en"


@pytest.mark.parametrize(
    ("facts", "name"),
    [
        ({"original_name": "Sea.v2.mp4"}, "Sea.v2.de.vtt"),
        ({"filename": "video_1.mp4"}, "video_1.de.vtt"),
        ({"original_name": "noend", "title": "By the sea"}, "By the sea.de.vtt"),
    ],
)
def test_captions_are_saved_beside_their_video(facts: dict[str, str], name: str) -> None:
    """Under the name under which players look for them."""
    assert filename(video(**facts), Caption(language="de", label="", size=1, version="")) == name


@pytest.mark.parametrize(("is_new", "status"), [(True, 201), (False, 200)])
def test_a_put_is_answered_with_the_record(status: int, *, is_new: bool) -> None:
    """201 with the place of the captions when there were none in the language, else 200."""
    captioned = video(captions=(Caption(language="de", label="Deutsch", size=7, version="ab"),))
    answer = render_put(CaptionsPut(video=captioned, is_new=is_new), language="de", url="/uploads/a")
    path = f"/api/videos/{captioned.id}/captions/de"
    assert (answer.status, told(answer).get("Location")) == (status, path if is_new else None)
    [caption] = json.loads(answer.body)["captions"]
    assert caption == {"language": "de", "label": "Deutsch", "url": f"{path}?v=ab", "size": 7}
