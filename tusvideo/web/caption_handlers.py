"""The captions of videos, ``/api/videos/{id}/captions/{language}``: files of text."""

from tusvideo.errors import TooLarge
from tusvideo.message import ResponseHead
from tusvideo.protocol import captions, ranges, videos_api
from tusvideo.video import MAX_CAPTION_BYTES
from tusvideo.web.exchange import Exchange
from tusvideo.web.video_handlers import url_of


async def put(exchange: Exchange) -> ResponseHead:
    """PUT: the body is the file."""
    house, route = exchange.house, exchange.route
    command = captions.parse_put(exchange.head, video_id=route.video_id, language=route.name or "")
    length = exchange.head.content_length
    if length is not None and length > MAX_CAPTION_BYTES:
        raise TooLarge("the file of captions", limit=MAX_CAPTION_BYTES, got=length)
    await house.videos.get(exchange.owner, route.video_id)  # before anything is read for nobody
    outcome = await house.captions.put(exchange.owner, command, exchange.body)
    return captions.render_put(outcome, language=command.language, url=url_of(house, outcome.video))


async def get(exchange: Exchange) -> ResponseHead:
    """GET and HEAD: for whom the file of the video is."""
    house, route = exchange.house, exchange.route
    found = await house.captions.get(exchange.user, route.video_id, captions.parse_language(route.name or ""))
    profile = house.profiles.get(found.video.profile)
    plan = ranges.plan(
        exchange.head.method,
        headers=exchange.head.headers,
        size=len(found.content),
        etag=f'"{found.caption.version}"',
        modified_at=found.updated_at,
        content_type=captions.MEDIA_TYPE,
        filename=captions.filename(found.video, found.caption),
        public=profile is not None and profile.public,
    )
    return ResponseHead(status=plan.status, headers=plan.headers, body=found.content[plan.start : plan.stop])


async def remove(exchange: Exchange) -> ResponseHead:
    """DELETE."""
    language = captions.parse_language(exchange.route.name or "")
    await exchange.house.captions.remove(exchange.owner, exchange.route.video_id, language)
    return videos_api.render_removed()
