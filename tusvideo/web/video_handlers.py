"""The records of published videos, ``/api/videos``: between JSON and the service."""

from tusvideo.message import ResponseHead
from tusvideo.model import Location
from tusvideo.protocol import video_list, videos_api
from tusvideo.rules.names import user_folder
from tusvideo.video import Video
from tusvideo.web.chunk_handlers import read_json
from tusvideo.web.exchange import Download, Exchange
from tusvideo.web.keys import House
from tusvideo.web.routes import published_path

DEFAULT_PROFILE = "poster"


async def describe(exchange: Exchange) -> ResponseHead:
    """POST /api/videos/metadata."""
    command = videos_api.parse_describe(
        await read_json(exchange), default_profile=DEFAULT_PROFILE, profiles=exchange.house.profiles
    )
    outcome = await exchange.house.videos.describe(exchange.owner, command)
    return videos_api.render_described(outcome, url=url_of(exchange.house, outcome.video))


async def list_all(exchange: Exchange) -> ResponseHead:
    """GET /api/videos."""
    command = video_list.parse_list(exchange.head, profiles=exchange.house.profiles)
    outcome = await exchange.house.videos.list(exchange.owner, command)
    return videos_api.render_list(outcome, url_of=lambda video: url_of(exchange.house, video))


async def get(exchange: Exchange) -> ResponseHead:
    """GET /api/videos/{id}."""
    video = await exchange.house.videos.get(exchange.owner, exchange.route.video_id)
    return videos_api.render_video(video, url=url_of(exchange.house, video))


async def download(exchange: Exchange) -> Download:
    """GET and HEAD /api/videos/{id}/download: the file, to be saved."""
    video, upload, file = await exchange.house.videos.open_file(exchange.owner, exchange.route.video_id)
    return Download(upload=upload, file=file, save_as=video.original_name or video.filename)


async def play(exchange: Exchange) -> Download:
    """GET and HEAD /api/videos/{id}/play: the file as players get it, for whom the file is."""
    upload, file = await exchange.house.playing.open(exchange.user, exchange.route.video_id)
    return Download(upload=upload, file=file)


async def change(exchange: Exchange) -> ResponseHead:
    """PATCH /api/videos/{id}."""
    command = videos_api.parse_change(await read_json(exchange), video_id=exchange.route.video_id)
    video = await exchange.house.videos.change(exchange.owner, command)
    return videos_api.render_video(video, url=url_of(exchange.house, video))


async def remove(exchange: Exchange) -> ResponseHead:
    """DELETE /api/videos/{id}, with ``?file=1`` the file too, with ``?undo=0`` at once."""
    wanted = videos_api.parse_remove(exchange.head)
    await exchange.house.videos.remove(
        exchange.owner, exchange.route.video_id, with_file=wanted.with_file, at_once=wanted.at_once
    )
    return videos_api.render_removed()


async def restore(exchange: Exchange) -> ResponseHead:
    """POST /api/videos/{id}/restore."""
    video = await exchange.house.videos.restore(exchange.owner, exchange.route.video_id)
    return videos_api.render_video(video, url=url_of(exchange.house, video))


def url_of(house: House, video: Video) -> str:
    """Give the path of the file of a record."""
    profile = house.profiles.get(video.profile)
    directory = video.profile if profile is None else profile.directory
    return published_path(Location(directory=directory, folder=user_folder(video.owner), filename=video.filename))
