"""The pages for people, and the scripts, styles and pictures that they are made of; ``make page`` builds those.

They are read once, when the server starts, and sent from memory.
"""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from importlib.resources.abc import Traversable
from typing import Final

from tusvideo.errors import NotFound
from tusvideo.message import ResponseHead
from tusvideo.protocol.negotiation import choose_coding, wants_page
from tusvideo.web import pages
from tusvideo.web.exchange import Exchange

UPLOAD: Final = "upload/index.html"
LIBRARY: Final = "library/index.html"
UPLOADER: Final = "uploader/chunked-video-uploader.js"
"""The module for pages of others; its address stays, so its name has no hash."""
ENDINGS: Final = {"br": ".br", "gzip": ".gz"}
"""How the compressed forms of a file end, smallest first."""
TYPES: Final = {
    "css": "text/css; charset=utf-8",
    "html": "text/html; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "svg": "image/svg+xml",
    "txt": "text/plain; charset=utf-8",
}
POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; media-src 'self' blob:; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
"""What a page may load, and from where: nothing but ours, and no script or style in its text."""
_SECURITY: Final = (
    ("Content-Security-Policy", POLICY),
    ("Cross-Origin-Opener-Policy", "same-origin"),
    ("Cross-Origin-Resource-Policy", "same-origin"),
    # Not "no-referrer": with that, browsers send "Origin: null" with a form, and the guard refuses it.
    ("Referrer-Policy", "same-origin"),
)
_FOR_A_YEAR: Final = "public, max-age=31536000, immutable"
_ASK_AGAIN: Final = "no-cache"


@dataclass(frozen=True, slots=True, kw_only=True)
class Asset:
    """A file of a page: its bytes as they are (``identity``) and compressed, by coding, smallest first."""

    content_type: str
    digest: str
    """Of the bytes as they are; it makes the ETag."""
    is_hashed: bool
    """True when the name changes with the content, so that it may be kept without asking."""
    forms: Mapping[str, bytes]


@cache
def assets() -> Mapping[str, Asset]:
    """Read all files of all pages, by their path (``upload/index.html``); once per process."""
    folders = [folder for folder in (resources.files("tusvideo") / "page" / "static").iterdir() if folder.is_dir()]
    return {f"{folder.name}/{file.name}": _read(folder, file) for folder in folders for file in _files(folder)}


async def front(exchange: Exchange) -> ResponseHead:
    """GET /: the upload page for a browser, a few lines of text for who does not ask for HTML."""
    if not wants_page(exchange.head.headers.getall("Accept", [])):
        greeting = await pages.greet(exchange)
        return ResponseHead(status=200, headers=(*greeting.headers, ("Vary", "Accept")), body=greeting.body)
    answer = _render(exchange, assets()[UPLOAD])
    return ResponseHead(status=answer.status, headers=(*answer.headers, ("Vary", "Accept")), body=answer.body)


async def library(exchange: Exchange) -> ResponseHead:
    """GET /library, /library/{id}: the same page, which asks for the records that it shows."""
    return _render(exchange, assets()[LIBRARY])


async def asset(exchange: Exchange) -> ResponseHead:
    """GET /assets/{page}/{filename}. Raises NotFound."""
    found = assets().get(exchange.route.name or "")
    if found is None or found.content_type == TYPES["html"]:
        raise NotFound("file")
    return _render(exchange, found)


async def uploader(exchange: Exchange) -> ResponseHead:
    """GET /chunked-video-uploader.js: the module of client/examples/web, for pages of the same origin."""
    return _render(exchange, assets()[UPLOADER])


def _render(exchange: Exchange, found: Asset) -> ResponseHead:
    headers = exchange.head.headers
    offered = [coding for coding in ENDINGS if coding in found.forms]
    coding = choose_coding(headers.getall("Accept-Encoding", []), offered=offered)
    etag = f'"{found.digest}-{coding}"'
    common = (
        ("ETag", etag),
        ("Cache-Control", _FOR_A_YEAR if found.is_hashed else _ASK_AGAIN),
        ("Vary", "Accept-Encoding"),
        *_SECURITY,
    )
    known = [tag.strip(" \t").removeprefix("W/") for tag in ",".join(headers.getall("If-None-Match", [])).split(",")]
    if etag in known or known == ["*"]:
        return ResponseHead(status=304, headers=common)
    coded = () if coding == "identity" else (("Content-Encoding", coding),)
    described = (("Content-Type", found.content_type), *coded, *common)
    return ResponseHead(status=200, headers=described, body=found.forms[coding])


def _files(folder: Traversable) -> Iterator[Traversable]:
    return (file for file in folder.iterdir() if file.is_file() and file.name.rpartition(".")[2] in TYPES)


def _read(folder: Traversable, file: Traversable) -> Asset:
    content = file.read_bytes()
    stem, _, ending = file.name.rpartition(".")
    forms = {"identity": content}
    for coding, suffix in ENDINGS.items():
        compressed = folder / f"{file.name}{suffix}"
        if compressed.is_file():
            forms[coding] = compressed.read_bytes()
    return Asset(
        content_type=TYPES[ending],
        digest=hashlib.sha256(content).hexdigest()[:16],
        is_hashed="-" in stem and f"{folder.name}/{file.name}" != UPLOADER,
        forms=forms,
    )
