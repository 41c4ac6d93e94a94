"""A record as JSON, the same in every answer that has one.

Spec: the table of the documented API; the README has it.
"""

from tusvideo.protocol import fields
from tusvideo.video import Video


def build(video: Video, *, url: str) -> dict[str, object]:
    """Give the record as an object; ``url`` is the path of its published file.

    Spec: GET /api/videos/{id}.
    """
    return {
        "id": video.id,
        "profile": video.profile,
        "filename": video.filename,
        "originalName": video.original_name or video.filename,
        "title": video.title,
        "description": video.description,
        "url": url,
        "play": url if video.beginning is None else f"/api/videos/{video.id}/play?v={video.beginning}",
        "download": f"/api/videos/{video.id}/download",
        "size": video.size,
        "contentType": video.content_type,
        "createdAt": fields.build_timestamp(video.created_at),
        "updatedAt": fields.build_timestamp(video.updated_at),
        "replacedAt": None if video.replaced_at is None else fields.build_timestamp(video.replaced_at),
        "state": video.state.value,
        "reason": video.reason,
        "duration": video.duration,
        "width": video.width,
        "height": video.height,
        "rotation": video.rotation,
        "videoCodec": video.video_codec,
        "audioCodec": video.audio_codec,
        "faststart": video.faststart,
        "thumbnail": _thumbnail(video),
        "captions": [
            {
                "language": caption.language,
                "label": caption.label,
                "url": f"/api/videos/{video.id}/captions/{caption.language}?v={caption.version}",
                "size": caption.size,
            }
            for caption in video.captions
        ],
    }


def _thumbnail(video: Video) -> str | None:
    """Give the path of the thumbnail; another picture has another one, so that no browser shows the old."""
    return None if video.thumbnail is None else f"/api/videos/{video.id}/thumbnail?v={video.thumbnail}"
