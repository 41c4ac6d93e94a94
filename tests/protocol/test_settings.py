"""``/api/settings``: what may be uploaded here."""

import json

from tusvideo.config import BUILT_IN_PROFILES
from tusvideo.protocol.settings_api import render_settings
from tusvideo.rules.sniff import MEDIA_TYPES


def test_settings_tell_what_every_profile_takes() -> None:
    """By name: types and endings, or null for anything; bytes at most; who gets what is published."""
    answer = render_settings(profiles=BUILT_IN_PROFILES, media_types=MEDIA_TYPES, version="1.2")
    document = json.loads(answer.body)
    files, poster, video = document.pop("profiles")
    assert document == {"success": True, "version": "1.2", "undoSeconds": 30}
    assert files == {
        "name": "files",
        "types": None,
        "extensions": None,
        "maxSize": 20 * 1024**3,
        "chunkSize": 1024 * 1024,
        "visibility": "private",
    }
    assert (poster["name"], poster["maxSize"], poster["visibility"]) == ("poster", 50 * 1024**2, "public")
    assert set(poster["types"]) == set(MEDIA_TYPES.values())
    assert set(video["extensions"]) == {f".{kind}" for kind in MEDIA_TYPES}
