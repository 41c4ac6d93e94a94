"""Whether an upload may become the file of a record, judged before a byte of it is read."""

from tusvideo.model import UserId
from tusvideo.records import VideoRepository
from tusvideo.rules.records import judge_replaced


async def judge(videos: VideoRepository, user: UserId, replaces: str | None, *, profile: str) -> None:
    """Look at the record that an upload says it is to replace; None says nothing.

    Raises NotFound when the user sees none of that id, InvalidField when it is one of another profile. Nothing is held:
    a record that goes later leaves the upload to get one of its own.
    """
    if replaces is not None:
        judge_replaced(await videos.video(user, replaces), profile=profile)
