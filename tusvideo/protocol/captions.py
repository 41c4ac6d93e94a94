"""Captions in HTTP: which language of which video, how it is called, and what the record tells of it.

Spec: RFC 5646 (language tags); the table of the documented API, which the README has.
"""

import re
from typing import Final

from tusvideo.commands import CaptionsPut, PutCaptions
from tusvideo.errors import InvalidField, UnsupportedType
from tusvideo.message import RequestHead, ResponseHead
from tusvideo.protocol import fields, json_body, texts, video_record
from tusvideo.video import Caption, Video

MEDIA_TYPE: Final = "text/vtt; charset=utf-8"
MAX_LANGUAGE: Final = 35
"""Characters of a tag; RFC 5646 § 4.4.1 asks for room for as many."""
MAX_LABEL: Final = 100
FORMS: Final = ("multipart/form-data",)
"""Not the file itself, but something around it."""

TAG: Final = (
    "(?:[A-Za-z]{2,3}(?:-[A-Za-z]{3}){0,3}|[A-Za-z]{4,8})"
    "(?:-[A-Za-z]{4})?"
    "(?:-(?:[A-Za-z]{2}|[0-9]{3}))?"
    "(?:-(?:[A-Za-z0-9]{5,8}|[0-9][A-Za-z0-9]{3}))*"
    "(?:-[0-9A-WYZa-wyz](?:-[A-Za-z0-9]{2,8})+)*"
    "(?:-[xX](?:-[A-Za-z0-9]{1,8})+)?"
)
"""Language, script, region, variants, extensions, private use: ``langtag`` of RFC 5646 § 2.1."""
_TAG: Final = re.compile(TAG, re.ASCII)
_REGION: Final = 2
_SCRIPT: Final = 4
_LEAST_VARIANT: Final = 4


def parse_language(text: str) -> str:
    """Check a BCP 47 tag of at most 35 characters and give it in its usual case: ``zh-Hant-TW``, ``pt-BR``.

    Whether a language is known is not looked up. Raises InvalidField, also for a variant or an extension that comes
    twice.
    Spec: RFC 5646 § 2.1, § 2.1.1 (case), § 2.2.5 and § 2.2.6 (repeats).
    """
    if len(text) > MAX_LANGUAGE or _TAG.fullmatch(text) is None:
        expected = f"a language tag of at most {MAX_LANGUAGE} characters, such as en, pt-BR or zh-Hant"
        raise InvalidField("the language", expected=expected, got=text)
    first, *others = text.lower().split("-")
    written, singletons, seen = [first], 0, set()
    for other in others:
        is_singleton = len(other) == 1
        # What stands behind x is anybody's own, and may repeat.
        is_private = "x" in written
        if not is_private and (is_singleton or (not singletons and len(other) >= _LEAST_VARIANT)):
            if other in seen:
                raise InvalidField("the language", expected=f"'{other}' once", got=text)
            seen.add(other)
        singletons += is_singleton
        written.append(_in_case(other, is_plain=not singletons))
    return "-".join(written)


def parse_put(head: RequestHead, *, video_id: str, language: str) -> PutCaptions:
    """Read ``?label=`` of a PUT whose body is the file: 1 to 100 characters; without one it is the tag.

    Raises InvalidField; UnsupportedType for a form.
    Spec: PUT /api/videos/{id}/captions/{language}.
    """
    tag = parse_language(language)
    media_type = head.one("Content-Type")
    for form in FORMS:
        if fields.is_content_type(media_type, form):
            raise UnsupportedType(expected="the file itself as the body (text/vtt, application/x-subrip)", got=form)
    told = head.one_query("label")
    label = tag if told is None else told.strip()
    if not 1 <= len(label) <= MAX_LABEL or texts.has_controls(label):
        raise InvalidField("label", expected=f"1 to {MAX_LABEL} characters without control characters", got=label)
    return PutCaptions(video_id=video_id, language=tag, label=label)


def render_put(outcome: CaptionsPut, *, language: str, url: str) -> ResponseHead:
    """Answer PUT with the record: 201 with Location when it had no captions in the language, else 200.

    Spec: PUT /api/videos/{id}/captions/{language}.
    """
    record = {"success": True, **video_record.build(outcome.video, url=url)}
    if not outcome.is_new:
        return json_body.render(record)
    location = ("Location", f"/api/videos/{outcome.video.id}/captions/{language}")
    return json_body.render(record, status=201, headers=(location,))


def filename(video: Video, caption: Caption) -> str:
    """Name the file under which captions are saved: as players look for it beside the video."""
    stem = (video.original_name or video.filename).rpartition(".")[0] or video.title
    return f"{stem}.{caption.language}.vtt"


def _in_case(subtag: str, *, is_plain: bool) -> str:
    if not is_plain:
        return subtag
    if len(subtag) == _REGION:
        return subtag.upper()
    return subtag.title() if len(subtag) == _SCRIPT and subtag.isalpha() else subtag
