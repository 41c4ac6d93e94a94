"""Raw paths: what they name, and what they never name."""

import pytest

from tusvideo.model import Location, UploadId
from tusvideo.web.routes import Family, Kind, Route, find, published_path

ID = "0123456789abcdef" * 2


@pytest.mark.parametrize(
    ("path", "route"),
    [
        ("/files", Route(kind=Kind.UPLOADS, family=Family.TUS)),
        ("/files/", Route(kind=Kind.UPLOADS, family=Family.TUS)),
        (f"/files/{ID}", Route(kind=Kind.UPLOAD, family=Family.TUS, upload_id=UploadId(ID))),
        (f"/files/{ID}/digest", Route(kind=Kind.DIGEST, family=Family.PLAIN, upload_id=UploadId(ID))),
        ("/files/a%20b.mp4", Route(kind=Kind.NAMED, family=Family.TUS, name="a b.mp4")),
        (f"/files/{ID.upper()}", Route(kind=Kind.NAMED, family=Family.TUS, name=ID.upper())),
        (f"/files/{ID[:-1]}", Route(kind=Kind.NAMED, family=Family.TUS, name=ID[:-1])),
        (f"/files/%30{ID[1:]}", Route(kind=Kind.NAMED, family=Family.TUS, name=ID)),
        ("/api/poster/video/chunk", Route(kind=Kind.CHUNK, family=Family.CHUNKS, profile="poster")),
        ("/api/my-1_x/video/finalize", Route(kind=Kind.FINALIZE, family=Family.CHUNKS, profile="my-1_x")),
        ("/api/videos/video/chunk", Route(kind=Kind.CHUNK, family=Family.CHUNKS, profile="videos")),
        ("/api/videos/metadata", Route(kind=Kind.METADATA, family=Family.VIDEOS)),
        ("/api/videos", Route(kind=Kind.VIDEOS, family=Family.VIDEOS)),
        (f"/api/videos/{ID}", Route(kind=Kind.VIDEO, family=Family.VIDEOS, video_id=ID)),
        (f"/api/videos/{ID}/thumbnail", Route(kind=Kind.THUMBNAIL, family=Family.VIDEOS, video_id=ID)),
        (f"/api/videos/{ID}/download", Route(kind=Kind.DOWNLOAD, family=Family.VIDEOS, video_id=ID)),
        (f"/api/videos/{ID}/play", Route(kind=Kind.PLAY, family=Family.VIDEOS, video_id=ID)),
        (f"/api/videos/{ID}/restore", Route(kind=Kind.RESTORE, family=Family.VIDEOS, video_id=ID)),
        (
            f"/api/videos/{ID}/captions/pt-BR",
            Route(kind=Kind.CAPTIONS, family=Family.VIDEOS, video_id=ID, name="pt-BR"),
        ),
        (f"/api/videos/{ID}/captions/%20", Route(kind=Kind.CAPTIONS, family=Family.VIDEOS, video_id=ID, name=" ")),
        ("/api/uploads", Route(kind=Kind.GOING, family=Family.VIDEOS)),
        (f"/api/uploads/{ID}", Route(kind=Kind.PROGRESS, family=Family.VIDEOS, upload_id=UploadId(ID))),
        ("/api/events", Route(kind=Kind.EVENTS, family=Family.VIDEOS)),
        ("/healthz", Route(kind=Kind.HEALTH, family=Family.PLAIN)),
        ("/readyz", Route(kind=Kind.READY, family=Family.PLAIN)),
        ("/openapi.json", Route(kind=Kind.DESCRIPTION, family=Family.PLAIN)),
        ("/", Route(kind=Kind.FRONT, family=Family.PLAIN)),
        ("/library", Route(kind=Kind.LIBRARY, family=Family.PLAIN)),
        (f"/library/{ID}", Route(kind=Kind.PLAYER, family=Family.PLAIN, video_id=ID)),
        ("/chunked-video-uploader.js", Route(kind=Kind.UPLOADER, family=Family.PLAIN)),
        ("/api/settings", Route(kind=Kind.SETTINGS, family=Family.PLAIN)),
        ("/assets/upload/main-Ab_9-x.js", Route(kind=Kind.ASSET, family=Family.PLAIN, name="upload/main-Ab_9-x.js")),
        ("*", Route(kind=Kind.SERVER, family=Family.PLAIN)),
    ],
)
def test_paths_name_resources(path: str, route: Route) -> None:
    """Each documented path names one resource."""
    assert find(path) == route


@pytest.mark.parametrize(
    ("path", "family"),
    [
        (f"/files/{ID}/", Family.TUS),
        (f"/files/{ID}/digest/", Family.TUS),
        (f"/files/{ID[:-1]}/digest", Family.TUS),
        ("/files/..", Family.TUS),
        ("/files/a%0d%0ab", Family.TUS),
        ("/files/" + "x" * 1201, Family.TUS),
        (f"/files/..%2f{ID}", Family.TUS),
        (f"/files/{ID}%00", Family.TUS),
        (f"/files/{ID}\n", Family.TUS),
        (f"/files//{ID}", Family.TUS),
        ("/api/po%73ter/video/chunk", Family.CHUNKS),
        ("/api/../video/chunk", Family.CHUNKS),
        ("/api//video/chunk", Family.CHUNKS),
        ("/api/videos/", Family.VIDEOS),
        (f"/api/videos/{ID}x", Family.VIDEOS),
        (f"/api/videos/{ID}/file", Family.VIDEOS),
        (f"/api/uploads/{ID}x", Family.VIDEOS),
        ("/api/uploads/", Family.VIDEOS),
        (f"/library/{ID.upper()}", Family.PLAIN),
        ("/uploads/a/b", Family.PLAIN),
        ("/uploads/a/b/", Family.PLAIN),
        ("/uploads/a/b/c/d", Family.PLAIN),
        ("/uploads/a/../c", Family.PLAIN),
        ("/uploads/a/%2e%2e/c", Family.PLAIN),
        ("/uploads/a/b/.", Family.PLAIN),
        ("/uploads/a/b/x%2fy", Family.PLAIN),
        ("/uploads/a/b/x%5cy", Family.PLAIN),
        ("/uploads/a/b/x\\y", Family.PLAIN),
        ("/uploads/a/b/x%00", Family.PLAIN),
        ("/uploads/a/b/x%0d%0ay", Family.PLAIN),
        ("/uploads/a/b/x%ff", Family.PLAIN),
        ("/uploads/a/b/x%", Family.PLAIN),
        ("/uploads/a/b/x%2", Family.PLAIN),
        ("/uploads/a/b/" + "x" * 5000, Family.PLAIN),
        ("", Family.PLAIN),
        ("//", Family.PLAIN),
        ("/Files", Family.PLAIN),
        ("/library/", Family.PLAIN),
        (f"/library/{ID}/", Family.PLAIN),
        ("/assets/for-others.js", Family.PLAIN),
    ],
)
def test_everything_else_names_nothing(path: str, family: Family) -> None:
    """Encoded slashes, dots, NUL, CR, LF, wrong case and wrong length name nothing; who answers is known even so."""
    assert find(path) == Route(kind=Kind.NOWHERE, family=family)


@pytest.mark.parametrize("name", ["a.mp4", "a b.mp4", "a%2fb", "ü–x 100%.mp4", "a?b#c;d", "…"])
def test_published_names_survive_the_path(name: str) -> None:
    """A path is decoded once, so every name comes back as it was."""
    location = Location(directory="posters", folder="hex.41", filename=name)
    assert find(published_path(location)) == Route(kind=Kind.PUBLISHED, family=Family.PLAIN, location=location)
