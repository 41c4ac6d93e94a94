"""The geometry of the chunk API: which part lies where, and which facts about a file agree with each other.

Every part but the last has one size; the last is what remains. Clients may leave the size unsaid, send the parts in any
order and start with the last one, so the facts are learned as they come and never changed afterwards.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from tusvideo.commands import PutPart
from tusvideo.errors import AlreadyComplete, FactConflict, InvalidField, TooLarge, UnsupportedType, WrongProtocol
from tusvideo.model import Limits, Part, Profile, Protocol, Status, Upload, UploadId, UserId
from tusvideo.rules.uploads import judge_known

MISSING_SHOWN = 1000
"""So many missing parts are listed at most."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PartFacts:
    """What is known about the parts of a file; None is not told yet. Sizes are in bytes."""

    total: int
    size: int | None = None
    length: int | None = None

    def position(self, index: int) -> int | None:
        """Where a part starts, None while the size that decides it is unknown."""
        if index == 0 and self.total == 1:
            return 0
        return None if self.size is None else index * self.size

    def exact_size(self, index: int) -> int | None:
        """How many bytes a part must have, None while that is open."""
        if index < self.total - 1:
            return self.size
        if self.total == 1:
            return self.length
        if self.size is None or self.length is None:
            return None
        return self.length - (self.total - 1) * self.size


def facts_of(upload: Upload) -> PartFacts:
    """Read the facts off a session of the chunk API."""
    if upload.total_parts is None:
        raise WrongProtocol(expected=upload.protocol.value)
    return PartFacts(total=upload.total_parts, size=upload.part_size, length=upload.length)


def told_by(command: PutPart) -> PartFacts:
    """Read the facts off a request."""
    return PartFacts(total=command.total_parts, size=command.part_size, length=command.length)


def merge(stored: PartFacts, told: PartFacts) -> PartFacts:
    """Put together what is stored and what a request tells. Raises FactConflict when they contradict each other."""
    if stored.total != told.total:
        raise FactConflict("totalChunks", stored=str(stored.total), got=str(told.total))
    if stored.size is not None and told.size is not None and stored.size != told.size:
        raise FactConflict("chunkSize", stored=str(stored.size), got=str(told.size))
    if stored.length is not None and told.length is not None and stored.length != told.length:
        raise FactConflict("fileSize", stored=str(stored.length), got=str(told.length))
    return PartFacts(
        total=stored.total,
        size=stored.size if stored.size is not None else told.size,
        length=stored.length if stored.length is not None else told.length,
    )


def check(facts: PartFacts, *, profile: Profile) -> None:
    """Judge whether facts can be those of one file that the profile takes.

    Raises TooLarge when the file would be over the profile's limit, UnsupportedType for an empty one, InvalidField when
    the count, the size and the length contradict each other.
    """
    if facts.length is not None and facts.length > profile.max_length:
        raise TooLarge("the file", limit=profile.max_length, got=facts.length)
    if facts.length == 0:
        raise UnsupportedType(expected="the content of a video", got="an empty file")
    if facts.size is not None and (least := (facts.total - 1) * facts.size + 1) > profile.max_length:
        raise TooLarge("the file", limit=profile.max_length, got=least)
    if facts.length is not None and facts.length < facts.total:
        raise InvalidField("totalChunks", expected=f"at most {facts.length}, a byte each", got=str(facts.total))
    if facts.size is None or facts.length is None:
        return
    count = -(-facts.length // facts.size)
    if count != facts.total:
        expected = f"{count}, for {facts.length} bytes in chunks of {facts.size}"
        raise InvalidField("totalChunks", expected=expected, got=str(facts.total))


def learn(facts: PartFacts, *, index: int, size: int, profile: Profile) -> PartFacts:
    """Give the facts after a part of ``size`` bytes came whole.

    Raises what ``merge`` and ``check`` raise, and InvalidField when the part's own size cannot be.
    """
    if size == 0:
        raise InvalidField("chunk", expected="at least one byte", got="an empty chunk")
    is_last = index == facts.total - 1
    if not is_last:
        if facts.size is not None and size != facts.size:
            raise InvalidField("chunk", expected=f"{facts.size} bytes, as all but the last", got=str(size))
        learned = replace(facts, size=size)
    elif facts.total == 1:
        learned = merge(facts, PartFacts(total=1, length=size))
    else:
        learned = _learn_from_last(facts, size=size)
    check(learned, profile=profile)
    return learned


def _learn_from_last(facts: PartFacts, *, size: int) -> PartFacts:
    before = facts.total - 1
    if facts.size is not None:
        if size > facts.size:
            raise InvalidField("the last chunk", expected=f"at most {facts.size} bytes", got=str(size))
        return merge(facts, PartFacts(total=facts.total, length=before * facts.size + size))
    if facts.length is None:
        return facts
    each, rest = divmod(facts.length - size, before)
    if rest or each < size:
        expected = f"what is left of fileSize {facts.length} after {before} equal chunks"
        raise InvalidField("the last chunk", expected=expected, got=f"{size} bytes")
    return replace(facts, size=each)


def most_bytes(facts: PartFacts, *, index: int, profile: Profile, limits: Limits) -> int:
    """How many bytes of a part are read at most; more is an overflow and nothing of the part is kept."""
    most = min(limits.max_chunk_size, profile.max_length)
    exact = facts.exact_size(index)
    if exact is not None:
        return min(most, exact)
    return most if facts.size is None else min(most, facts.size)


def parking_position(*, profile: Profile) -> int:
    """Where a last part waits whose place is not known: beyond the largest file that the profile takes."""
    return profile.max_length


def new_parts_upload(
    command: PutPart, *, profile: Profile, limits: Limits, owner: UserId, upload_id: UploadId, now: datetime
) -> Upload:
    """Judge the first request of an upload of the chunk API and give the session to begin with."""
    told = told_by(command)
    check(told, profile=profile)
    return Upload(
        id=upload_id,
        owner=owner,
        protocol=Protocol.CHUNKS,
        profile=profile.name,
        status=Status.OPEN,
        created_at=now,
        stored_at=now,
        expires_at=now + timedelta(seconds=limits.expiry_seconds),
        length=told.length,
        client_key=command.client_key,
        total_parts=told.total,
        part_size=told.size,
        replaces=command.replaces,
    )


def judge_part(upload: Upload, command: PutPart, *, profile: Profile) -> Upload:
    """Judge a part against the session and give the session with the facts that the request adds.

    Raises NotFound, Expired, FactConflict, InvalidField, TooLarge. The session may be finalizing or complete: then
    nothing is added and the part can only be compared.
    """
    judge_known(upload)
    if upload.profile != command.profile:
        raise FactConflict("profile", stored=upload.profile, got=command.profile)
    judge_same_record(upload, command.replaces)
    return with_facts(upload, merge(facts_of(upload), told_by(command)), profile=profile)


def judge_same_record(upload: Upload, replaces: str | None) -> None:
    """Judge the record that a later request says is to be replaced; None says nothing. Raises FactConflict."""
    if replaces is not None and replaces != upload.replaces:
        raise FactConflict("replaces", stored=upload.replaces or "none", got=replaces)


def with_facts(upload: Upload, facts: PartFacts, *, profile: Profile) -> Upload:
    """Give the session with these facts, checked. Raises what ``check`` raises; AlreadyComplete when the session is
    past being changed."""
    if facts == facts_of(upload):
        return upload
    if upload.status is not Status.OPEN:
        raise AlreadyComplete
    check(facts, profile=profile)
    return replace(upload, part_size=facts.size, length=facts.length)


def whole_length(facts: PartFacts, *, stored: int) -> int:
    """Give the length of a file of which all parts are there. Raises FactConflict when fileSize was told and differs
    from the bytes that are stored."""
    if facts.length is not None and facts.length != stored:
        raise FactConflict("fileSize", stored=str(facts.length), got=str(stored))
    return stored


def missing_of(parts: Sequence[Part], *, total: int) -> tuple[tuple[int, int], ...]:
    """List the gaps between stored parts as (first, last), both included."""
    gaps: list[tuple[int, int]] = []
    expected = 0
    for part in parts:
        if part.index > expected:
            gaps.append((expected, part.index - 1))
        expected = part.index + 1
    if expected < total:
        gaps.append((expected, total - 1))
    return tuple(gaps)


def runs_of(parts: Sequence[Part]) -> tuple[tuple[int, int], ...]:
    """List the stored parts as runs (first, last), both included."""
    runs: list[tuple[int, int]] = []
    for part in parts:
        if runs and runs[-1][1] == part.index - 1:
            runs[-1] = (runs[-1][0], part.index)
        else:
            runs.append((part.index, part.index))
    return tuple(runs)


def is_misplaced(last: Part, *, facts: PartFacts) -> bool:
    """Tell whether the last part waits at its parking position. Of any other the size is known as soon as it came, and
    with that its place."""
    return last.position != facts.position(last.index)
