"""The thumbnails of videos: small pictures, whole in memory, which a browser keeps and asks about."""

from tusvideo.message import ResponseHead
from tusvideo.protocol import ranges
from tusvideo.web.exchange import Exchange


async def get(exchange: Exchange) -> ResponseHead:
    """GET and HEAD /api/videos/{id}/thumbnail: for the owner of the record."""
    video = await exchange.house.videos.get(exchange.owner, exchange.route.video_id)
    picture = await exchange.house.pictures.picture(video)
    plan = ranges.plan(
        exchange.head.method,
        headers=exchange.head.headers,
        size=len(picture),
        etag=f'"{video.thumbnail}"',
        modified_at=video.replaced_at or video.created_at,
        content_type="image/jpeg",
        filename=f"{video.title}.jpg",
        public=False,
    )
    return ResponseHead(status=plan.status, headers=plan.headers, body=picture[plan.start : plan.stop])
