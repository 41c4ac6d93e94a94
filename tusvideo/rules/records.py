"""What becomes of a record when somebody changes it."""

from dataclasses import replace

from tusvideo.commands import ChangeVideo
from tusvideo.model import Upload, Video


def record_of(upload: Upload, video: Video) -> Video | None:
    """Give the record of a published upload, from one that has all but the texts that its row has by now.

    None without a title: nobody asked for a record.
    """
    title = video.title if upload.title is None else upload.title
    description = video.description if upload.description is None else upload.description
    return replace(video, title=title, description=description) if title else None


def changed(video: Video, command: ChangeVideo) -> Video:
    """Give a record with the texts that a change tells; the others stay."""
    return replace(
        video,
        title=video.title if command.title is None else command.title,
        description=video.description if command.description is None else command.description,
        original_name=video.original_name if command.original_name is None else command.original_name,
    )
