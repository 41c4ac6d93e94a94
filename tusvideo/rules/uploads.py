"""What may be done to an upload, and what it is afterwards. Pure: everything needed is passed in."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from tusvideo.commands import AppendBytes, AppendPlan, CreateUpload
from tusvideo.errors import (
    Busy,
    Expired,
    FactConflict,
    Forbidden,
    InconsistentLength,
    InvalidField,
    NotFound,
    OffsetMismatch,
    SessionConflict,
    TooLarge,
    UnsupportedType,
    WrongProtocol,
)
from tusvideo.model import TRANSITIONS, Limits, Location, Profile, Protocol, Standing, Status, Upload, UploadId, UserId
from tusvideo.rules.completing import plan_completing_append
from tusvideo.rules.sniff import enough_to_judge


def new_upload(
    command: CreateUpload, *, profile: Profile, limits: Limits, owner: UserId, upload_id: UploadId, now: datetime
) -> Upload:
    """Judge a creation and give the session to begin with.

    Raises TooLarge when the length, or the body that comes along, is over a limit; UnsupportedType for an empty video.
    Spec: tus 1.0.0 § Creation.
    """
    if command.length is not None and command.length > profile.max_length:
        raise TooLarge("the file", limit=profile.max_length, got=command.length)
    if command.length == 0 and profile.takes_video_only and command.concat is None:
        raise UnsupportedType(expected="the content of a video", got="an empty file")
    room = profile.max_length if command.length is None else command.length
    most = room if command.body_at_most is None else min(room, command.body_at_most)
    if command.takes_body and command.body_length is not None and command.body_length > most:
        raise TooLarge("the body", limit=most, got=command.body_length)
    return Upload(
        id=upload_id,
        owner=owner,
        protocol=command.protocol,
        profile=profile.name,
        status=Status.OPEN,
        created_at=now,
        stored_at=now,
        expires_at=now + timedelta(seconds=limits.expiry_seconds),
        length=command.length,
        creation_key=command.creation_key,
        metadata=command.metadata,
        original_name=command.original_name,
        title=command.title,
        description=command.description,
        needs_completion=command.needs_completion,
        vanishes=command.forgets_cut and command.creation_key is None,
        digests=command.digests,
        wants_digest=command.wants_digest,
        concat=command.concat,
        replaces=command.replaces,
    )


def judge_same_creation(upload: Upload, new: Upload) -> None:
    """Judge a creation whose key was used before: the same request again is fine, another one is not.

    Raises Expired when the upload of then was removed, FactConflict when protocol, profile, length, metadata or the
    record that is replaced differ.
    """
    judge_known(upload)
    if upload.protocol is not new.protocol:
        raise FactConflict("protocol", stored=upload.protocol.value, got=new.protocol.value)
    if upload.profile != new.profile:
        raise FactConflict("profile", stored=upload.profile, got=new.profile)
    if upload.length != new.length and new.length is not None:
        raise FactConflict("Upload-Length", stored=str(upload.length), got=str(new.length))
    if upload.metadata != new.metadata:
        raise FactConflict("Upload-Metadata", stored=upload.metadata, got=new.metadata)
    if upload.replaces != new.replaces:
        raise FactConflict("replaces", stored=upload.replaces or "none", got=new.replaces or "none")
    if (upload.is_partial, upload.sources) != (new.is_partial, new.sources):
        raise FactConflict("Upload-Concat", stored=upload.concat or "none", got=new.concat or "none")


def begins_again(upload: Upload, command: CreateUpload) -> bool:
    """Tell whether a creation takes the place of the upload that has its key, instead of giving that again: nobody can
    go on with it."""
    return command.forgets_cut and upload.status is Status.OPEN


def judge_owner(upload: Upload | None, user: UserId) -> Upload:
    """Give the upload to its owner. Raises NotFound for an unknown and for somebody else's alike."""
    if upload is None or upload.owner != user:
        raise NotFound
    return upload


def judge_known(upload: Upload) -> None:
    """Refuse what is no longer there: NotFound when terminated, failed or damaged; Expired when it was removed for age.

    No clock is asked: a client that is told 410 throws its progress away, and a clock may be wrong. An upload past its
    time goes on as ever until the sweeper has removed it.
    """
    if upload.status in {Status.TERMINATED, Status.FAILED, Status.DAMAGED}:
        raise NotFound
    if upload.status is Status.EXPIRED:
        raise Expired


def is_due(upload: Upload, *, now: datetime) -> bool:
    """Tell whether an unfinished upload is past its time. Finished ones and those that are finalizing never are."""
    return upload.status is Status.OPEN and now >= upload.expires_at


def plan_append(upload: Upload, command: AppendBytes, *, profile: Profile) -> AppendPlan:
    """Judge an append before a byte of it is read.

    Raises, in this order: NotFound, Expired, Forbidden for a final upload, WrongProtocol, Busy while finalizing,
    OffsetMismatch (with the true offset), InvalidField for a length that contradicts, TooLarge for a body that does not
    fit; for the IETF dialect what ``plan_completing_append`` raises. Nothing is changed.
    Spec: tus 1.0.0 § Core Protocol / PATCH; § Creation / Upload-Defer-Length.
    """
    judge_known(upload)
    if upload.is_final:
        message = "a final upload takes no bytes, it is made of others; send them to an upload of their own"
        raise Forbidden(message)
    if upload.protocol is not command.protocol:
        raise WrongProtocol(expected=upload.protocol.value)
    if upload.status is Status.FINALIZING:
        raise Busy
    if command.at_offset != upload.offset:
        raise OffsetMismatch(expected=upload.offset, got=command.at_offset)
    if upload.protocol is Protocol.IETF:
        return plan_completing_append(upload, command, profile=profile)
    length = _length_after(upload, command.declares_length, profile=profile)
    room = (profile.max_length if length is None else length) - upload.offset
    if command.body_length is not None and command.body_length > room:
        raise TooLarge("the body", limit=room, got=command.body_length)
    return AppendPlan(position=upload.offset, accept_at_most=room, length=length, exact=command.body_length is not None)


def _length_after(upload: Upload, declared: int | None, *, profile: Profile) -> int | None:
    if declared is None or declared == upload.length:
        return upload.length
    if upload.length is not None:
        raise InvalidField("Upload-Length", expected=f"{upload.length}, as told before", got=str(declared))
    if declared > profile.max_length:
        raise TooLarge("the file", limit=profile.max_length, got=declared)
    if declared < upload.offset:
        raise InvalidField("Upload-Length", expected=f"at least {upload.offset}, as stored", got=str(declared))
    if declared == 0 and profile.takes_video_only and not upload.is_partial:
        raise UnsupportedType(expected="the content of a video", got="an empty file")
    return declared


def settle_append(
    upload: Upload,
    *,
    position: int,
    length: int | None,
    epoch: int,
    content_type: str | None,
    now: datetime,
    limits: Limits,
) -> Upload:
    """Give the session after bytes up to ``position`` became durable. Storing bytes moves the expiry on.

    The sync that made them durable did so for the whole file: nothing is at risk any more, unless ``at_risk`` says so.
    ``content_type`` was judged as the bytes passed; it is kept once all those that it was judged by are durable.
    """
    judged = content_type if enough_to_judge(offset=position, length=length) else upload.content_type
    settled: dict[str, Any] = {"offset": position, "length": length, "epoch": epoch, "content_type": judged}
    if position == upload.offset:
        return replace(upload, **settled)
    expires_at = now + timedelta(seconds=limits.expiry_seconds)
    return replace(upload, **settled, stored_at=now, expires_at=expires_at, boot_id=None)


def at_risk(upload: Upload, *, was: Upload, boot_id: str) -> Upload:
    """Give the session that counts bytes which nobody synced: they survive within this boot of the machine only."""
    synced = was.offset if was.boot_id is None else was.synced_offset
    return replace(upload, boot_id=boot_id, synced_offset=synced)


def after_boot(upload: Upload, *, boot_id: str) -> Upload:
    """Give the session as it stands now: after another boot it counts no bytes that were not synced before."""
    if upload.boot_id is None or upload.boot_id == boot_id:
        return upload
    offset = min(upload.offset, upload.synced_offset)
    judged = upload.content_type if enough_to_judge(offset=offset, length=upload.length) else None
    return replace(upload, offset=offset, content_type=judged, boot_id=None)


def fallen_back(upload: Upload) -> Upload:
    """Give the session once a sync of its bytes has failed: it counts those only that were synced before."""
    return after_boot(upload, boot_id="none")


def agrees(standing: Standing, *, staged: int | None, boot_id: str) -> bool:
    """Tell from little that an open upload is as its file says and that nothing is to be done about it.

    ``staged`` is the size of its staging file in bytes, None when there is none. False says no more than that row and
    parts must be looked at.
    """
    if standing.boot_id is not None and standing.boot_id != boot_id:
        return False
    if standing.parts_stored or standing.offset == standing.length or standing.vanishes:
        return False
    return (staged or 0) >= standing.offset


def is_whole(upload: Upload, *, completes: bool = False) -> bool:
    """Tell whether an open upload has all its bytes and is to be published; numbered parts wait for their finalize,
    partial uploads for their final one, and that is put together by itself.

    ``completes`` says that the request at hand makes it complete; some uploads wait for one that does.
    """
    if upload.status is not Status.OPEN or upload.protocol is Protocol.CHUNKS or upload.concat is not None:
        return False
    if upload.needs_completion and not completes:
        return False
    return upload.offset == upload.length


def length_at_end(upload: Upload, *, told: int | None) -> int:
    """Give the length of an upload whose last body has ended. Raises InconsistentLength when another one was told."""
    if told is not None and told != upload.offset:
        raise InconsistentLength(expected=told, got=upload.offset)
    return upload.offset


def awaits_publishing(upload: Upload) -> bool:
    """Tell whether nothing is missing but the publishing: an interrupted one can go on without any client."""
    return upload.status is Status.FINALIZING or is_whole(upload)


def ended(upload: Upload, status: Status, *, now: datetime, reason: str | None = None) -> Upload:
    """Give the session that is complete or failed from now on. Raises as ``moved``."""
    return replace(moved(upload, status, reason=reason), ended_at=now)


def moved(upload: Upload, status: Status, *, reason: str | None = None) -> Upload:
    """Give the session in another status. Raises SessionConflict when the life of an upload knows no such step."""
    if status not in TRANSITIONS[upload.status]:
        message = f"an upload that is {upload.status} cannot become {status}"
        raise SessionConflict(message)
    return replace(upload, status=status, reason=reason if reason is not None else upload.reason)


def finalizing(upload: Upload, location: Location) -> Upload:
    """Give the session that has chosen its final name; from FINALIZING it may choose another one."""
    if upload.status is Status.FINALIZING:
        return replace(upload, location=location)
    return replace(moved(upload, Status.FINALIZING), location=location)
