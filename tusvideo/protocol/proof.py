"""Proof of a prefix: what the stored bytes of an upload amount to, for a client that will not send them again blindly.

Spec: GET /files/{id}/digest?from=&to=&prefer=; the README has it.
"""

from typing import Final

from tusvideo.checksums import ALGORITHMS
from tusvideo.commands import Proven, ProveRange
from tusvideo.errors import InvalidField
from tusvideo.message import RequestHead, ResponseHead
from tusvideo.model import UploadId
from tusvideo.protocol import fields, json_body

SHA256, CRC32C = "sha256", "crc32c"
"""Algorithms, by the names that ``checksums`` has for them."""
NAMES: Final = {SHA256: "sha-256", CRC32C: "crc32c"}
"""What the registry of digest fields (RFC 9530 §7.2) calls them, and so do clients."""


def parse(head: RequestHead, *, upload_id: UploadId) -> ProveRange:
    """Turn the query into a command: bytes from ``from`` (0 if absent) up to ``to`` (the offset if absent), exclusive.

    ``prefer=crc32c`` wishes for a cheap one, which finds damage that nobody meant to do; whoever cannot compute it, and
    whoever is wished for something else, gives SHA-256.

    Raises InvalidField for what is no number or no range.
    Spec: GET /files/{id}/digest.
    """
    start, stop, wish = (head.one_query(name) for name in ("from", "to", "prefer"))
    command = ProveRange(
        upload_id=upload_id,
        start=0 if start is None else fields.parse_number(start, field="from"),
        stop=None if stop is None else fields.parse_number(stop, field="to"),
        algorithm=CRC32C if wish == NAMES[CRC32C] and CRC32C in ALGORITHMS else SHA256,
    )
    if command.stop is not None and command.stop < command.start:
        raise InvalidField("to", expected=f"at least {command.start}, as 'from'", got=str(command.stop))
    return command


def render(outcome: Proven) -> ResponseHead:
    """Answer with the lower-case hex digest of the bytes, by what it was computed, and which those are.

    Spec: GET /files/{id}/digest.
    """
    document = {
        "success": True,
        "uploadId": outcome.upload.id,
        "from": outcome.start,
        "to": outcome.stop,
        "algorithm": NAMES[outcome.algorithm],
        "digest": outcome.digest,
    }
    return json_body.render(document, headers=(("Cache-Control", "no-store"),))
