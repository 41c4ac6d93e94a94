"""Which resource a raw path names. It is split before it is decoded, so an encoded slash never becomes one."""

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Final
from urllib.parse import quote, unquote_to_bytes

from tusvideo.model import Location, Upload, UploadId

FILES_PATH: Final = "/files/"


class Kind(StrEnum):
    """The resources; the value is how a resource is called in the log."""

    UPLOADS = "/files/"
    UPLOAD = "/files/{id}"
    DIGEST = "/files/{id}/digest"
    NAMED = "/files/{filename}"
    CHUNK = "/api/{profile}/video/chunk"
    FINALIZE = "/api/{profile}/video/finalize"
    METADATA = "/api/videos/metadata"
    VIDEOS = "/api/videos"
    VIDEO = "/api/videos/{id}"
    THUMBNAIL = "/api/videos/{id}/thumbnail"
    DOWNLOAD = "/api/videos/{id}/download"
    PLAY = "/api/videos/{id}/play"
    RESTORE = "/api/videos/{id}/restore"
    CAPTIONS = "/api/videos/{id}/captions/{language}"
    GOING = "/api/uploads"
    PROGRESS = "/api/uploads/{id}"
    EVENTS = "/api/events"
    PUBLISHED = "/uploads/{directory}/{folder}/{filename}"
    HEALTH = "/healthz"
    READY = "/readyz"
    DESCRIPTION = "/openapi.json"
    SETTINGS = "/api/settings"
    FRONT = "/"
    LIBRARY = "/library"
    PLAYER = "/library/{id}"
    ASSET = "/assets/{page}/{filename}"
    UPLOADER = "/chunked-video-uploader.js"
    SERVER = "*"
    NOWHERE = "unknown"


class Family(StrEnum):
    """Who words the answers, errors included."""

    TUS = "tus"
    CHUNKS = "chunks"
    VIDEOS = "videos"
    PLAIN = "plain"


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """A resource, and what its path says about it."""

    kind: Kind
    family: Family
    upload_id: UploadId | None = None
    name: str | None = None
    """The file name with which a path ends; of an asset, with its page; of captions, the language."""
    profile: str = ""
    video_id: str = ""
    location: Location | None = None


_FIXED: Final = {
    "/files": (Kind.UPLOADS, Family.TUS),
    "/files/": (Kind.UPLOADS, Family.TUS),
    "/api/videos/metadata": (Kind.METADATA, Family.VIDEOS),
    "/api/videos": (Kind.VIDEOS, Family.VIDEOS),
    "/api/uploads": (Kind.GOING, Family.VIDEOS),
    "/api/events": (Kind.EVENTS, Family.VIDEOS),
    "/healthz": (Kind.HEALTH, Family.PLAIN),
    "/readyz": (Kind.READY, Family.PLAIN),
    "/openapi.json": (Kind.DESCRIPTION, Family.PLAIN),
    "/api/settings": (Kind.SETTINGS, Family.PLAIN),
    "/": (Kind.FRONT, Family.PLAIN),
    "/library": (Kind.LIBRARY, Family.PLAIN),
    "/chunked-video-uploader.js": (Kind.UPLOADER, Family.PLAIN),
    "*": (Kind.SERVER, Family.PLAIN),
}
_PREFIXES: Final = (
    ("/files", Family.TUS),
    ("/api/videos", Family.VIDEOS),
    ("/api/uploads", Family.VIDEOS),
    ("/api/", Family.CHUNKS),
)
_UPLOAD: Final = re.compile(r"/(files|api/uploads)/([0-9a-f]{32})", re.ASCII)
_VIDEO: Final = re.compile(r"/api/videos/([0-9a-f]{32})(?:/(thumbnail|download|play|restore))?", re.ASCII)
_OF_VIDEO: Final = {
    None: Kind.VIDEO,
    "thumbnail": Kind.THUMBNAIL,
    "download": Kind.DOWNLOAD,
    "restore": Kind.RESTORE,
    "play": Kind.PLAY,
}
_CAPTIONS: Final = re.compile(r"/api/videos/([0-9a-f]{32})/captions/([^/]{1,400})", re.ASCII)
_PLAYER: Final = re.compile(r"/library/([0-9a-f]{32})", re.ASCII)
_DIGEST: Final = re.compile(r"/files/([0-9a-f]{32})/digest", re.ASCII)
_NAMED: Final = re.compile(r"/files/([^/]{1,1200})")
_CHUNKS: Final = re.compile(r"/api/([A-Za-z0-9_-]{1,64})/video/(chunk|finalize)", re.ASCII)
_ASSET: Final = re.compile(r"/assets/([a-z]{1,32}/[A-Za-z0-9_.-]{1,128})", re.ASCII)
_PUBLISHED: Final = re.compile(r"/uploads/([^/]{1,255})/([^/]{1,400})/([^/]{1,1200})")
_BROKEN_ESCAPE: Final = re.compile(r"%(?![0-9A-Fa-f]{2})")


def find(path: str) -> Route:
    """Find what a raw path (without its query) names; ``Kind.NOWHERE`` when it names nothing."""
    if (fixed := _FIXED.get(path)) is not None:
        return Route(kind=fixed[0], family=fixed[1])
    if (found := _UPLOAD.fullmatch(path)) is not None:
        kind, family = (Kind.UPLOAD, Family.TUS) if found[1] == "files" else (Kind.PROGRESS, Family.VIDEOS)
        return Route(kind=kind, family=family, upload_id=UploadId(found[2]))
    if (video := _find_video(path)) is not None:
        return video
    if path.startswith(FILES_PATH):
        return _find_in_files(path)
    if (found := _CHUNKS.fullmatch(path)) is not None:
        kind = Kind.CHUNK if found[2] == "chunk" else Kind.FINALIZE
        return Route(kind=kind, family=Family.CHUNKS, profile=found[1])
    if (page := _find_page(path)) is not None:
        return page
    if (found := _PUBLISHED.fullmatch(path)) is not None:
        names = [_decode_segment(segment) for segment in found.groups()]
        if names[0] is not None and names[1] is not None and names[2] is not None:
            location = Location(directory=names[0], folder=names[1], filename=names[2])
            return Route(kind=Kind.PUBLISHED, family=Family.PLAIN, location=location)
    family = next((family for prefix, family in _PREFIXES if path.startswith(prefix)), Family.PLAIN)
    return Route(kind=Kind.NOWHERE, family=family)


def _find_video(path: str) -> Route | None:
    if (found := _VIDEO.fullmatch(path)) is not None:
        return Route(kind=_OF_VIDEO[found[2]], family=Family.VIDEOS, video_id=found[1])
    if (found := _CAPTIONS.fullmatch(path)) is not None and (name := _decode_segment(found[2])) is not None:
        return Route(kind=Kind.CAPTIONS, family=Family.VIDEOS, video_id=found[1], name=name)
    return None


def _find_page(path: str) -> Route | None:
    if (found := _PLAYER.fullmatch(path)) is not None:
        return Route(kind=Kind.PLAYER, family=Family.PLAIN, video_id=found[1])
    if (found := _ASSET.fullmatch(path)) is not None:
        return Route(kind=Kind.ASSET, family=Family.PLAIN, name=found[1])
    return None


def _find_in_files(path: str) -> Route:
    if (found := _DIGEST.fullmatch(path)) is not None:
        return Route(kind=Kind.DIGEST, family=Family.PLAIN, upload_id=UploadId(found[1]))
    found = _NAMED.fullmatch(path)
    name = None if found is None else _decode_segment(found[1])
    return Route(kind=Kind.NOWHERE if name is None else Kind.NAMED, family=Family.TUS, name=name)


def published_path(location: Location) -> str:
    """Write the path under which a published file is served; ``find`` reads it back."""
    names = (location.directory, location.folder, location.filename)
    return "/uploads/" + "/".join(quote(name, safe="") for name in names)


def content_location(upload: Upload) -> str | None:
    """Give the path of the file that an upload was published as, None while it was not."""
    return None if upload.location is None else published_path(upload.location)


def _decode_segment(segment: str) -> str | None:
    """Decode one name of a path, once. None for what is no name: separators, control characters, dots, broken UTF-8."""
    if _BROKEN_ESCAPE.search(segment) is not None:
        return None
    try:
        name = unquote_to_bytes(segment).decode("utf-8")
    except UnicodeError:
        return None
    if name in {".", ".."} or "/" in name or "\\" in name or not name.isprintable():
        return None
    return name
