"""How a file and its destination are recognised when the same upload is asked for again."""

import hashlib
import json
import os
from dataclasses import asdict, dataclass, replace
from typing import BinaryIO, Self

from .model import Protocol

EDGE = 64 * 1024
BLOCK = 4 * 1024
BLOCKS = 16
GROWING = -1
NO_INODE = -1


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """What the file system says about a file; cheap enough to ask before every read.

    Of a file that is followed while it grows: how much of it the server has, and :data:`GROWING` for the time.
    """

    size: int
    mtime_ns: int
    inode: int

    @classmethod
    def of(cls, file: BinaryIO) -> Self:
        """The identity of an open file."""
        return cls.told_by(os.fstat(file.fileno()))

    @classmethod
    def told_by(cls, facts: os.stat_result) -> Self:
        """The identity in what the system told about a file."""
        return cls(size=facts.st_size, mtime_ns=facts.st_mtime_ns, inode=facts.st_ino)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fingerprint:
    """A file's identity and a digest of samples of its content; equal fingerprints mean that resuming is safe."""

    identity: Identity
    probe: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """What goes where: two uploads with the same place are the same upload, or an older version of the file.

    Attributes:
        path: Real path of the file, links resolved; ``held:`` and a digest for bytes that have none.
        endpoint: Base URL of the server.
        account: Whose upload it is, if one user of this machine has several accounts there.
        protocol: ``chunks``, or ``tus`` for every upload with an address of its own, whatever it speaks.
        profile: The server's profile; empty for its default.
        name: Name sent to the server.
        replaces: Id of the record whose file it is to become; empty for a record of its own.
    """

    path: str
    endpoint: str
    account: str
    protocol: Protocol
    profile: str
    name: str
    replaces: str = ""

    def key(self) -> str:
        """A file name for this place, 32 hex digits."""
        told = asdict(self)
        if not self.replaces:
            del told["replaces"]  # so were keys made before there was such a thing
        text = json.dumps(told, sort_keys=True)
        return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


def take_fingerprint(file: BinaryIO) -> Fingerprint:
    """The fingerprint of an open file; moves its position.

    Reads the first and the last 64 KiB and 16 blocks of 4 KiB spread between, so the cost does not grow with the file.

    Raises:
        OSError: It cannot be read.
    """
    identity = Identity.of(file)
    return Fingerprint(identity=identity, probe=probe_of(file, identity.size))


def probe_of(file: BinaryIO, length: int) -> str:
    """The digest of samples of the first ``length`` bytes; moves the file's position.

    Raises:
        OSError: It cannot be read.
    """
    digest = hashlib.blake2b(digest_size=32)
    for start, size in sample_ranges(length):
        file.seek(start)
        digest.update(file.read(size))
    return digest.hexdigest()


def spoiled(fingerprint: Fingerprint) -> Fingerprint:
    """The fingerprint of a file that was seen to change: no file has it, so that no later call goes on from it."""
    return replace(fingerprint, identity=replace(fingerprint.identity, inode=NO_INODE))


def grows_from(kept: Fingerprint, file: BinaryIO) -> bool:
    """True if ``kept`` was taken while a file grew, and this one still begins with what was there then.

    Raises:
        OSError: It cannot be read.
    """
    now, then = Identity.of(file), kept.identity
    if then.mtime_ns != GROWING or now.inode != then.inode or now.size < then.size:
        return False
    return probe_of(file, then.size) == kept.probe


def sample_ranges(size: int) -> list[tuple[int, int]]:
    """The ``(start, length)`` pairs that the probe reads from a file of ``size`` bytes, in order, none past its end."""
    if size <= 2 * EDGE + BLOCKS * BLOCK:
        return [(0, size)]
    gap = (size - 2 * EDGE - BLOCKS * BLOCK) // (BLOCKS + 1)
    between = [(EDGE + gap + index * (BLOCK + gap), BLOCK) for index in range(BLOCKS)]
    return [(0, EDGE), *between, (size - EDGE, EDGE)]
