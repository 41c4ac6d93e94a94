"""What a page must know before anything is sent, ``/api/settings``.

Spec: the table of the documented API; the README has it.
"""

from collections.abc import Mapping

from tusvideo.message import ResponseHead
from tusvideo.model import Profile
from tusvideo.protocol import json_body
from tusvideo.video import UNDO_SECONDS


def render_settings(*, profiles: Mapping[str, Profile], media_types: Mapping[str, str], version: str) -> ResponseHead:
    """Answer ``GET /api/settings``: what may be uploaded here; ``media_types`` has those of all kinds.

    Spec: GET /api/settings.
    """
    shown = [_profile(profile, media_types) for _, profile in sorted(profiles.items())]
    document = {"success": True, "profiles": shown, "version": version, "undoSeconds": UNDO_SECONDS}
    return json_body.render(document, headers=(("Cache-Control", "no-cache"),))


def _profile(profile: Profile, media_types: Mapping[str, str]) -> dict[str, object]:
    kinds = None if profile.types is None else sorted(profile.types)
    return {
        "name": profile.name,
        "types": None if kinds is None else [media_types[kind] for kind in kinds],
        "extensions": None if kinds is None else [f".{kind}" for kind in kinds],
        "maxSize": profile.max_length,
        "chunkSize": profile.chunk_size,
        "visibility": "public" if profile.public else "private",
    }
