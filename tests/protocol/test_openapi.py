"""The description of the JSON routes: whole, consistent, and with the figures of the server that gives it."""

import json
from collections.abc import Iterator
from typing import Any

from tusvideo.config import BUILT_IN_PROFILES
from tusvideo.model import Limits
from tusvideo.protocol import openapi
from tusvideo.web.routes import Kind
from tusvideo.web.shell import HANDLERS

DOCUMENT: Any = json.loads(
    json.dumps(openapi.document(version="1.2.3", profiles=BUILT_IN_PROFILES, limits=Limits(max_chunks=77)))
)
METHODS = ("delete", "get", "head", "patch", "post", "put")
PAGES = {Kind.FRONT, Kind.LIBRARY, Kind.PLAYER, Kind.ASSET, Kind.UPLOADER}
OF_FILES = {Kind.UPLOADS, Kind.UPLOAD, Kind.NAMED, Kind.PUBLISHED, Kind.SERVER, *PAGES}
"""Protocols, files and pages, which are described elsewhere or need no description."""
SAME_AS_GET = {Kind.THUMBNAIL, Kind.CAPTIONS, Kind.PLAY, Kind.DOWNLOAD, Kind.HEALTH, Kind.READY, Kind.DESCRIPTION}
"""HEAD is there because HTTP wants it, and says nothing of its own."""


def operations() -> Iterator[tuple[str, str, Any]]:
    """Give path, method and operation object of everything that is described."""
    for path, item in DOCUMENT["paths"].items():
        for method in METHODS:
            if method in item:
                yield path, method, item[method]


def values(node: Any, key: str) -> Iterator[Any]:
    """Give every value under a key, wherever it stands."""
    if isinstance(node, dict):
        for name, value in node.items():
            if name == key:
                yield value
            yield from values(value, key)
    elif isinstance(node, list):
        for value in node:
            yield from values(value, key)


def test_every_json_route_is_described_and_no_other() -> None:
    """What the web answers in JSON is what the document tells of, method by method."""
    answered = {
        (kind.value, method.lower())
        for kind, handlers in HANDLERS.items()
        for method in handlers
        if kind not in OF_FILES and not (method == "HEAD" and kind in SAME_AS_GET)
    }
    assert {(path, method) for path, method, _ in operations()} == answered


def test_every_reference_leads_somewhere() -> None:
    """No operation points at a schema that is not there, and no schema is there for nobody."""
    wanted = set(values(DOCUMENT, "$ref"))
    assert wanted == {f"#/components/schemas/{name}" for name in DOCUMENT["components"]["schemas"]}


def test_operations_have_names_of_their_own() -> None:
    """Programs that make clients of it take the names for those of functions."""
    names = [operation["operationId"] for _, _, operation in operations()]
    assert len(set(names)) == len(names)
    assert all(name.isidentifier() for name in names)


def test_limits_and_profiles_are_those_of_the_server() -> None:
    """A server with other limits and profiles describes others."""
    schemas = DOCUMENT["components"]["schemas"]
    assert schemas["ChunkForm"]["properties"]["totalChunks"]["maximum"] == 77
    assert schemas["ChunkForm"]["properties"]["fileSize"]["maximum"] == BUILT_IN_PROFILES["video"].max_length
    (profile,) = DOCUMENT["paths"]["/api/{profile}/video/chunk"]["parameters"]
    assert profile["schema"]["enum"] == ["poster", "video"]
    assert DOCUMENT["info"]["version"] == "1.2.3"


def test_a_server_without_video_profiles_still_describes_itself() -> None:
    """The chunk routes then take no profile at all."""
    files = {"files": BUILT_IN_PROFILES["files"]}
    document: Any = openapi.document(version="1", profiles=files, limits=Limits())
    (profile,) = document["paths"]["/api/{profile}/video/finalize"]["parameters"]
    assert profile["schema"]["enum"] == []
