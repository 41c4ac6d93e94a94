"""Final uploads: what the partial ones amount to that they are made of. Pure: everything needed is passed in.

Spec: tus 1.0.0 § Concatenation.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from tusvideo.errors import InvalidField, NotFound, TooLarge
from tusvideo.model import Profile, Status, Upload, UploadId
from tusvideo.rules.uploads import ended, moved


@dataclass(frozen=True, slots=True, kw_only=True)
class Pieces:
    """The partial uploads that a final one is made of, in order; one may come twice."""

    uploads: tuple[Upload, ...]

    @property
    def length(self) -> int | None:
        """Bytes of the whole, None while the length of one of them is not known."""
        total = 0
        for upload in self.uploads:
            if upload.length is None:
                return None
            total += upload.length
        return total

    @property
    def are_whole(self) -> bool:
        """True when all their bytes are there."""
        return all(upload.offset == upload.length for upload in self.uploads)


def pieces_of(final: Upload, found: Mapping[UploadId, Upload], *, profile: Profile) -> Pieces:
    """Judge what a final upload is to be made of, from the rows that were found under the ids that it names.

    Raises NotFound, with the number of the piece, for one that is unknown, somebody else's or gone; InvalidField for
    one that is no partial upload; TooLarge when together they are over the limit of the profile.
    Spec: tus 1.0.0 § Concatenation.
    """
    uploads = []
    for number, upload_id in enumerate(final.sources, 1):
        upload = found.get(upload_id)
        if upload is None or upload.owner != final.owner or (upload.is_partial and upload.status is not Status.OPEN):
            what = f"upload as piece {number} of Upload-Concat"
            raise NotFound(what)
        if not upload.is_partial:
            expected = f"as piece {number} an upload that was created as partial"
            raise InvalidField("Upload-Concat", expected=expected, got=upload_id)
        uploads.append(upload)
    known = sum(upload.length or upload.offset for upload in uploads)
    if known > profile.max_length:
        raise TooLarge("the file", limit=profile.max_length, got=known)
    return Pieces(uploads=tuple(uploads))


def key_of(final: Upload) -> str:
    """Give what tells a final upload from others when its client gave it no key: the same pieces and metadata again
    are the same request again. No key of a client can look like it, as those have no space."""
    told = "\n".join((final.protocol.value, final.profile, final.metadata, *final.sources))
    return f"final {hashlib.sha256(told.encode()).hexdigest()}"


def assembled(final: Upload, *, length: int, epoch: int, content_type: str, now: datetime) -> Upload:
    """Give the session of a final upload that has all its bytes."""
    return replace(final, offset=length, length=length, epoch=epoch, content_type=content_type, stored_at=now)


def broken(final: Upload, found: Mapping[UploadId, Upload], *, reason: str, now: datetime) -> Upload:
    """Give the session of a final upload that can never be put together: EXPIRED if a piece of it is, else FAILED."""
    states = {upload.status for upload_id in final.sources if (upload := found.get(upload_id)) is not None}
    if Status.EXPIRED in states:
        return moved(final, Status.EXPIRED, reason=reason)
    return ended(final, Status.FAILED, now=now, reason=reason)


def waiting(final: Upload, pieces: Pieces) -> Upload:
    """Give the session of a final upload that waits: it lasts as long as what it waits for."""
    return replace(final, expires_at=max(final.expires_at, *(upload.expires_at for upload in pieces.uploads)))
