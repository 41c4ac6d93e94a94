"""What can be set, and to what it is set when nobody says: frozen values with the unit in their names."""

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType
from typing import Final

from tusvideo.model import Durability, InterimAnswers, Limits, Profile
from tusvideo.rules.sniff import MEDIA_TYPES

KIB: Final = 1024
MIB: Final = 1024 * KIB
GIB: Final = 1024 * MIB

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


@dataclass(frozen=True, slots=True)
class Address:
    """Where the server listens: a host name or IP address, and a port (0: any that is free)."""

    host: str
    port: int

    @property
    def is_loopback(self) -> bool:
        """True when only programs on this machine can connect: 127.0.0.0/8, ::1, or the name localhost."""
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return self.host.lower() == "localhost"

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerSettings:
    """Where the server is reached, by whom, and how it stops."""

    listen: Address = Address("127.0.0.1", 8080)
    """Where to listen; anything but loopback needs ``insecure_anonymous``."""
    insecure_anonymous: bool = False
    """True: whoever reaches the server may do everything, because there are no accounts."""
    allowed_hosts: tuple[str, ...] = ()
    """Names besides localhost and IP addresses under which the server may be addressed; lower case."""
    allowed_origins: tuple[str, ...] = ()
    """Other web origins whose pages may upload (CORS); as browsers send them."""
    trusted_proxies: tuple[Network, ...] = ()
    """Peers whose forwarded fields are believed; from anybody else such fields are refused."""
    interim_answers: InterimAnswers = InterimAnswers.AUTO
    """Who is told of an upload while the request still runs (104): auto, always or never; auto leaves proxies out."""
    stop_seconds: float = 8.0
    """How long running requests have to store what they hold after SIGTERM."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StorageSettings:
    """Where bytes and rows live."""

    data_dir: Path = Path("data")
    """Folder of uploads, staging and the database; made when it is not there."""
    database: Path | None = None
    """File of the session table; None: ``tusvideo.db`` in ``data_dir``."""
    durability: Durability = Durability.STRICT
    """What an acknowledged byte survives: a power loss too, or a kill -9 only."""
    disk_threads: int = 8
    """So many reads, writes and syncs run side by side."""
    sweep_seconds: float = 60.0
    """So often expired uploads are looked for."""

    @property
    def database_path(self) -> Path:
        """The file of the session table."""
        return self.data_dir / "tusvideo.db" if self.database is None else self.database


@dataclass(frozen=True, slots=True, kw_only=True)
class LogSettings:
    """What is told on stderr, and how."""

    level: str = "info"
    """The least that is told: debug, info, warning or error."""
    format: str = "text"
    """text: name and key=value; json: one object per line."""


VIDEO_PATTERN: Final = "video_{milliseconds}.{ext}"

BUILT_IN_PROFILES: Final[Mapping[str, Profile]] = MappingProxyType(
    {
        "poster": Profile(
            name="poster",
            directory="posters",
            types=frozenset(MEDIA_TYPES),
            max_length=50 * MIB,
            chunk_size=MIB,
            pattern=VIDEO_PATTERN,
            public=True,
        ),
        "video": Profile(
            name="video",
            directory="videos",
            types=frozenset(MEDIA_TYPES),
            max_length=20 * GIB,
            chunk_size=MIB,
            pattern=VIDEO_PATTERN,
            public=False,
        ),
        "files": Profile(
            name="files",
            directory="files",
            types=None,
            max_length=20 * GIB,
            chunk_size=MIB,
            pattern="{name}",
            public=False,
        ),
    },
)
"""Profiles that are there without being configured; a table of the same name changes single fields."""


def new_profile(name: str) -> Profile:
    """Give what a profile that is not built in starts from: the fields of ``files``, and its name as folder."""
    return replace(BUILT_IN_PROFILES["files"], name=name, directory=name)


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """Everything that an operator can set."""

    server: ServerSettings = field(default_factory=ServerSettings)
    storage: StorageSettings = field(default_factory=StorageSettings)
    log: LogSettings = field(default_factory=LogSettings)
    limits: Limits = field(default_factory=Limits)
    max_header_bytes: int = 64 * KIB
    """Bytes of the header fields of a request, at most; in the section ``[limits]``."""
    profiles: Mapping[str, Profile] = field(default_factory=lambda: BUILT_IN_PROFILES)
    """By name; the built-in ones are always there."""
