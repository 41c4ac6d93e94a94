"""What becomes of a record when somebody changes it, or its file."""

from dataclasses import replace

from tusvideo.commands import ChangeVideo
from tusvideo.errors import InvalidField, NotFound
from tusvideo.model import TITLE_CHARACTERS, Upload
from tusvideo.video import Video, VideoState


def record_of(upload: Upload, video: Video) -> Video | None:
    """Give the record of a published upload, from one that has all but the texts that its row has by now.

    None without a title: nobody asked for a record. An upload that was to replace the file of a record, and finds none,
    has one in any case: somebody counts on seeing it.
    """
    title = video.title if upload.title is None else upload.title
    description = video.description if upload.description is None else upload.description
    if not title and upload.replaces is not None:
        title = _readable(video.original_name or "") or _readable(video.filename)
    return replace(video, title=title, description=description) if title else None


def judge_replaced(video: Video | None, *, profile: str) -> None:
    """Judge whether an upload of a profile may become the file of a record; None when its owner sees no such record.

    Raises NotFound, and InvalidField when the record belongs to another profile.
    """
    if video is None:
        raise NotFound("video")
    if video.profile != profile:
        expected = f"a video of the profile {profile}, as the upload is; that one is of {video.profile}"
        raise InvalidField("replaces", expected=expected, got=video.id)


def with_file(video: Video, upload: Upload, file: Video) -> Video:
    """Give a record once it has the file of an upload. ``file`` is what a new record of it would be, texts aside.

    Its id, its age, its captions and its texts stay, unless the upload brought a title or a description.
    """
    return replace(
        file,
        id=video.id,
        title=upload.title or video.title,
        description=video.description if upload.description is None else upload.description,
        created_at=video.created_at,
        captions=video.captions,
        replaced_at=file.updated_at,
    )


def left_behind(video: Video, old: Upload, *, directory: str) -> Video:
    """Give the hidden record that stands for the old file of a record until that is removed, under the upload's id.

    ``directory`` is that of the profile now. If the old file lies in another one, that becomes part of its name, as it
    can of no other: there may be a file of the same name in both.
    """
    filename = video.filename
    if old.location is not None and old.location.directory != directory:
        filename = f"{old.location.directory}/{filename}"
    return replace(
        video, id=old.id, filename=filename, state=VideoState.READY, thumbnail=None, beginning=None, captions=()
    )


def described(video: Video, told: Video, *, keeps_description: bool) -> Video:
    """Give a record with the texts that another one for the same file has."""
    description = video.description if keeps_description else told.description
    return replace(video, title=told.title, description=description, updated_at=told.updated_at)


def changed(video: Video, command: ChangeVideo) -> Video:
    """Give a record with the texts that a change tells; the others stay."""
    return replace(
        video,
        title=video.title if command.title is None else command.title,
        description=video.description if command.description is None else command.description,
        original_name=video.original_name if command.original_name is None else command.original_name,
    )


def _readable(name: str) -> str:
    """Make a title of a file name."""
    return "".join(character for character in name if character.isprintable()).strip()[:TITLE_CHARACTERS]
