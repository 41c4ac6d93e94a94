"""Appends to uploads that are complete when their client says so, and what their lengths must have in common.

Spec: draft-ietf-httpbis-resumable-upload-12 § Upload Append, § Upload-Length.
"""

from tusvideo.commands import AppendBytes, AppendPlan
from tusvideo.errors import AlreadyComplete, InconsistentLength, TooLarge, TooSmall, UnsupportedType
from tusvideo.model import Profile, Status, Upload


def plan_completing_append(upload: Upload, command: AppendBytes, *, profile: Profile) -> AppendPlan:
    """Judge an append at the right offset before a byte of it is read.

    A complete upload takes an append of nothing, whose answer is the last one again; of anything else AlreadyComplete
    is raised. Raises InconsistentLength when what was told and what comes contradict each other, TooLarge above the
    limit of the profile or of one body, TooSmall below that of a body that is not the last one, UnsupportedType for an
    empty video. Nothing is changed.
    Spec: draft-ietf-httpbis-resumable-upload-12 § Upload Append.
    """
    exact = command.body_length is not None
    if upload.status is Status.COMPLETE:
        if command.body_length:
            raise AlreadyComplete
        return AppendPlan(position=upload.offset, accept_at_most=0, length=upload.length, exact=exact)
    length = _agreed_length(upload, command)
    if length is not None and length > profile.max_length:
        raise TooLarge("the file", limit=profile.max_length, got=length)
    if length == 0 and profile.takes_video_only:
        raise UnsupportedType(expected="the content of a video", got="an empty file")
    room = profile.max_length - upload.offset if length is None else length - upload.offset
    if command.body_length is not None and command.body_length > room:
        if length is not None:
            raise InconsistentLength(expected=length, got=upload.offset + command.body_length)
        raise TooLarge("the body", limit=room, got=command.body_length)
    if command.body_length is not None:
        _judge_bounds(command, command.body_length, room=None if length is None else room)
    most = room if command.body_at_most is None else min(room, command.body_at_most)
    return AppendPlan(
        position=upload.offset, accept_at_most=most, length=length, exact=exact, completes=command.completes
    )


def _judge_bounds(command: AppendBytes, size: int, *, room: int | None) -> None:
    """Judge the size of one body; the last one, by its own word or because it fills the upload, may be small."""
    if command.body_at_most is not None and size > command.body_at_most:
        raise TooLarge("the body", limit=command.body_at_most, got=size)
    if size < command.body_at_least and not command.completes and size != room:
        raise TooSmall("the body", limit=command.body_at_least, got=size)


def _agreed_length(upload: Upload, command: AppendBytes) -> int | None:
    """Give the length by everything that tells it: an earlier request, this one, and the end of this one's body."""
    length = upload.length
    end = upload.offset + command.body_length if command.completes and command.body_length is not None else None
    for told in (command.declares_length, end):
        if length is None:
            length = told
        elif told is not None and told != length:
            raise InconsistentLength(expected=length, got=told)
    if length is not None and length < upload.offset:
        raise InconsistentLength(expected=length, got=upload.offset)
    return length
