"""The values that an upload hands out: where it stands, what it cost, and how it ended."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

Protocol = Literal["tus", "ietf", "chunks"]
Choice = Literal["auto", "tus", "ietf", "chunks"]
Integrity = Literal["auto", "always", "never"]
Proof = Literal["digests", "checksums"]


class Phase(StrEnum):
    """What an upload is doing."""

    PREPARING = "preparing"
    CREATING = "creating"
    PROBING = "probing"
    SENDING = "sending"
    FINALIZING = "finalizing"
    WAITING = "waiting"
    PAUSED = "paused"
    DONE = "done"


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """Where an upload stands. All counts are bytes of the file, and ``stored <= acked <= sent <= total``.

    Attributes:
        stored: Confirmed by the server; these bytes never have to be sent again. May fall if the server lost data.
        total: Length of the file; None while it is not known.
        sent: Handed to the network, counted from byte 0; falls back to ``stored`` after a cut.
        percent: 0 to 100, of ``sent``. Never falls; 100 only after the server confirmed the end; 0 while ``total`` is
            not known.
        phase: What is being done now.
        waiting: Why nothing is sent, and until when, in words; None unless ``phase`` is ``waiting``.
        acked: Acknowledged by the other end of the connection, counted from byte 0: between ``stored`` and ``sent``.
            Where the platform does not tell, the same as ``sent``.
    """

    stored: int
    total: int | None
    sent: int
    percent: float
    phase: Phase
    waiting: str | None = None
    acked: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class TransferStats:
    """What one call of ``upload`` cost.

    Attributes:
        wall: Seconds from start to end.
        wire_bytes: Bytes of the file handed to the network, repetitions included.
        resent_bytes: Those of them that had been handed over before.
        requests: HTTP requests begun.
        retries: Requests that had to be made because an earlier one failed.
        acked_bytes: Those of ``wire_bytes`` that the other end of the connection acknowledged; all of them where the
            platform does not tell.
        offline: Seconds during which the server could not be reached, without those of a pause.
        stalls: Requests given up because nothing moved.
        detect_max: Longest time from the last movement to that decision, in seconds.
        rewinds: How often the server had less than it had said before.
        damaged: How often bytes arrived as others than were sent.
    """

    wall: float
    wire_bytes: int
    resent_bytes: int
    requests: int
    retries: int
    acked_bytes: int = 0
    offline: float = 0.0
    stalls: int = 0
    detect_max: float = 0.0
    rewinds: int = 0
    damaged: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadResult:
    """A finished upload.

    Attributes:
        url: Address of the published file, or of the upload if the server names no other.
        filename: Name under which the server stored it, or the name it was sent under if the server did not say.
        size: Length in bytes.
        upload_id: The client's id of the upload; names it in the chunk API.
        upload_url: Address of the upload resource.
        protocol: ``tus``, ``ietf`` or ``chunks``.
        resumed_from: Bytes that an earlier call had already stored.
        restarted: True if stored bytes had to be sent again in a new upload, because the old one had gone from the
            server or because they were not those of the file.
        stats: What this call cost.
        unproven: Those of ``resumed_from`` that are not proven to be the file's, because the server tells no digests:
            that they are rests on the file's size, times and samples.
        verified: How every byte that is stored was compared with the file: by ``digests`` that the server told of what
            it stores, or by ``checksums`` that came with the bytes. None if that was not done or could not be.
    """

    url: str
    filename: str
    size: int
    upload_id: str
    upload_url: str
    protocol: Protocol
    resumed_from: int
    restarted: bool
    stats: TransferStats
    unproven: int = 0
    verified: Proof | None = None
