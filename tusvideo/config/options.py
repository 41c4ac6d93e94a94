"""Every option: its section, its name, and the kind of its value. The defaults are in ``settings``."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from tusvideo.config.kinds import (
    ADDRESS,
    FOLDER,
    HOSTS,
    MAYBE_PATH,
    NETWORKS,
    ORIGINS,
    PATH,
    PATTERN,
    TYPES,
    YES_OR_NO,
    Kind,
    member_of,
    one_of,
    seconds,
    size,
    whole,
)
from tusvideo.config.settings import GIB, KIB, MIB
from tusvideo.model import Durability, Faststart, InterimAnswers

_YEARS: Final = 10 * 366 * 24 * 3600
_HOUR: Final = 3600

OPTIONS: Final[Mapping[str, Mapping[str, Kind]]] = MappingProxyType(
    {
        "server": {
            "listen": ADDRESS,
            "insecure_anonymous": YES_OR_NO,
            "allowed_hosts": HOSTS,
            "allowed_origins": ORIGINS,
            "trusted_proxies": NETWORKS,
            "interim_answers": member_of(InterimAnswers),
            "stop_seconds": seconds(0, 9),  # closing takes a moment too, and the whole stays under 10 s
        },
        "storage": {
            "data_dir": PATH,
            "database": MAYBE_PATH,
            "durability": member_of(Durability),
            "disk_threads": whole(1, 64),
            "sweep_seconds": seconds(0.1, 24 * _HOUR),
        },
        "log": {
            "level": one_of("debug", "info", "warning", "error"),
            "format": one_of("text", "json"),
        },
        "limits": {
            "max_chunk_size": size(KIB, 64 * MIB),
            "max_chunks": whole(1, 100_000),
            "max_fields_bytes": size(KIB, MIB),
            "max_header_bytes": size(4 * KIB, 64 * KIB),  # the HTTP parser reads no more than that
            "expiry_seconds": whole(1, _YEARS),
            "tombstone_seconds": whole(0, _YEARS),
            "checkpoint_bytes": size(64 * KIB, GIB),
            "checkpoint_seconds": seconds(0.01, 60),
            "stall_seconds": seconds(0.1, _HOUR),
            "takeover_seconds": seconds(0.1, _HOUR),
            "patience_seconds": seconds(0, _HOUR),
            "max_transfers": whole(1, 1_000_000),
            "max_append_bytes": size(0, 16 * 1024 * GIB),
            "min_append_bytes": size(0, GIB),
            "min_free_bytes": size(0, 1024 * GIB),
        },
    },
)
"""By section and name, for the sections that every configuration has."""

PROFILE_OPTIONS: Final[Mapping[str, Kind]] = MappingProxyType(
    {
        "directory": FOLDER,
        "types": TYPES,
        "max_length": size(1, 16 * 1024 * GIB),
        "chunk_size": size(KIB, 64 * MIB),
        "pattern": PATTERN,
        "public": YES_OR_NO,
        "faststart": member_of(Faststart),
    },
)
"""By name, for every section ``[profiles.NAME]``."""
