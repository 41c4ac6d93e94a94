"""What becomes of a record when somebody changes it."""

from dataclasses import replace

from tusvideo.commands import ChangeVideo
from tusvideo.model import Video


def changed(video: Video, command: ChangeVideo) -> Video:
    """Give a record with the texts that a change tells; the others stay."""
    return replace(
        video,
        title=video.title if command.title is None else command.title,
        description=video.description if command.description is None else command.description,
        original_name=video.original_name if command.original_name is None else command.original_name,
    )
