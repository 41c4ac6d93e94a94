"""What kind of video are these bytes? Judged from the first 4 KiB, never from a name."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from tusvideo.errors import UnsupportedType
from tusvideo.model import SNIFF_BYTES, Profile

MEDIA_TYPES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "mp4": "video/mp4",
        "mov": "video/quicktime",
        "webm": "video/webm",
        "m4v": "video/x-m4v",
        "mkv": "video/x-matroska",
        "avi": "video/x-msvideo",
        "mpeg": "video/mpeg",
        "ogv": "video/ogg",
        "3gp": "video/3gpp",
        "ts": "video/mp2t",
    },
)
"""Short name of a kind, which is also its extension, and its media type."""

ANY_TYPE: Final = "application/octet-stream"
KINDS: Final[Mapping[str, str]] = MappingProxyType({media_type: kind for kind, media_type in MEDIA_TYPES.items()})

_MOV_BOXES: Final = frozenset({b"moov", b"mdat", b"wide", b"pnot"})
_STILL_OR_SOUND: Final = (
    b"heic",
    b"heix",
    b"heim",
    b"heis",
    b"hevc",
    b"mif1",
    b"msf1",
    b"avif",
    b"avis",
    b"M4A ",
    b"M4B ",
)
_TS_PACKET: Final = 188
_M2TS_PACKET: Final = 192
_SYNC: Final = 0x47
_ENOUGH_SYNCS: Final = 5


def kind_of(head: bytes) -> str | None:
    """Name the kind of video that starts with these bytes (at most 4 KiB are looked at), or None."""
    head = head[:SNIFF_BYTES]
    if head[4:8] == b"ftyp":
        return _brand_kind(head)
    if head[4:8] in _MOV_BOXES:
        return "mov"
    if head.startswith(b"\x1aE\xdf\xa3"):
        return _matroska_kind(head)
    if head.startswith(b"RIFF") and head[8:12] == b"AVI ":
        return "avi"
    if head.startswith((b"\x00\x00\x01\xba", b"\x00\x00\x01\xb3")):
        return "mpeg"
    if head.startswith(b"OggS"):
        return "ogv" if b"theora" in head or b"BBCD\x00" in head or b"\x01video" in head else None
    if _has_syncs(head, first=0, step=_TS_PACKET) or _has_syncs(head, first=4, step=_M2TS_PACKET):
        return "ts"
    return None


def enough_to_judge(*, offset: int, length: int | None) -> bool:
    """Tell whether so many bytes from byte 0 decide the type: 4 KiB, or the whole if it is shorter."""
    return offset >= (SNIFF_BYTES if length is None else min(SNIFF_BYTES, length))


def judge_type(head: bytes, profile: Profile) -> str:
    """Give the media type under which content that starts with ``head`` is stored.

    Raises UnsupportedType when the profile names its types and this is none of them.
    """
    kind = kind_of(head)
    if profile.types is None:
        return MEDIA_TYPES[kind] if kind is not None else ANY_TYPE
    if kind is None or kind not in profile.types:
        came = "an empty file" if not head else "other content" if kind is None else kind
        raise UnsupportedType(expected=f"the content of one of {', '.join(sorted(profile.types))}", got=came)
    return MEDIA_TYPES[kind]


def _brand_kind(head: bytes) -> str | None:
    brand = head[8:12]
    if brand == b"qt  ":
        return "mov"
    if brand.startswith(b"M4V"):
        return "m4v"
    if brand.startswith((b"3gp", b"3g2", b"3ge", b"3gg", b"3gs")):
        return "3gp"
    return None if brand in _STILL_OR_SOUND else "mp4"


def _matroska_kind(head: bytes) -> str | None:
    # The DocType element (0x4282) holds the name; its size is one byte in every file that exists.
    at = head.find(b"\x42\x82")
    if at < 0:
        return None
    name = head[at + 3 : at + 11]
    if name.startswith(b"webm"):
        return "webm"
    return "mkv" if name == b"matroska" else None


def _has_syncs(head: bytes, *, first: int, step: int) -> bool:
    syncs = head[first::step][:_ENOUGH_SYNCS]
    # One sync byte is the letter G; a shorter file counts when it is whole packets.
    if len(syncs) < _ENOUGH_SYNCS and (not head or len(head) % step):
        return False
    return all(byte == _SYNC for byte in syncs)
