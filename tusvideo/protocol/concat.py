"""Upload-Concat: whether an upload is a piece of another one, or made of pieces.

Spec: tus 1.0.0 § Concatenation / Headers / Upload-Concat.
"""

import re
from typing import Final

from tusvideo.errors import InvalidField
from tusvideo.message import RequestHead
from tusvideo.model import PARTIAL

FINAL: Final = "final;"
MAX_SOURCES: Final = 1_000
"""Pieces of one final upload, at most; so many addresses fit into a head."""

_ADDRESS: Final = re.compile(r"(?:(https?)://([^/?#@\s]+))?(/[^?#\s]*/)[0-9a-f]{32}", re.ASCII | re.IGNORECASE)
_SPACES: Final = re.compile(r"[ \t]+", re.ASCII)
_ID: Final = re.compile(r"[0-9a-f]{32}", re.ASCII)
_AUTHORITY: Final = re.compile(r"(.+?)(?::([0-9]{1,5}))?", re.ASCII)
_PORTS: Final = {"http": "80", "https": "443"}


def parse(text: str, *, head: RequestHead, base_path: str) -> str:
    """Check Upload-Concat and give it as it came; ``partial``, or ``final;`` and addresses with spaces between them.

    An address is a path below ``base_path``, or a whole one at the host that the request names. Raises InvalidField for
    anything else: other hosts, queries, dots, encoded characters, none at all, or more than ``MAX_SOURCES``.
    Spec: tus 1.0.0 § Concatenation / Headers / Upload-Concat.
    """
    if text == PARTIAL:
        return text
    if not text.startswith(FINAL):
        raise InvalidField("Upload-Concat", expected="partial, or final; and the addresses of uploads", got=text)
    addresses = _SPACES.sub(" ", text.removeprefix(FINAL)).strip(" ").split(" ")
    if addresses == [""] or len(addresses) > MAX_SOURCES:
        expected = f"1 to {MAX_SOURCES} addresses after final;"
        raise InvalidField("Upload-Concat", expected=expected, got=str(len(addresses) if addresses[0] else 0))
    hosts = [host for name in ("Host", "X-Forwarded-Host") if (host := head.one(name)) is not None]
    for number, address in enumerate(addresses, 1):
        if not _is_ours(address, hosts=hosts, base_path=base_path):
            # What came is not repeated: it may look like a path of the disk.
            expected = f"addresses of uploads at this server, such as {base_path}ID"
            raise InvalidField("Upload-Concat", expected=expected, got=f"another one as number {number}")
    return text


def build(addresses: tuple[str, ...]) -> str:
    """Write the value of Upload-Concat for a final upload that is made of these, in order."""
    return FINAL + " ".join(addresses)


def _is_ours(address: str, *, hosts: list[str], base_path: str) -> bool:
    found = _ADDRESS.fullmatch(address)
    if found is None or found[3] != base_path or _ID.fullmatch(address[-32:]) is None:
        return False
    if found[1] is None:
        return True
    port = _PORTS[found[1].lower()]
    return _with_port(found[2], port) in {_with_port(host.strip(" \t"), port) for host in hosts}


def _with_port(authority: str, port: str) -> tuple[str, str]:
    found = _AUTHORITY.fullmatch(authority.lower())
    return (authority, port) if found is None else (found[1], found[2] or port)
