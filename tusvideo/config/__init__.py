"""The configuration: defaults, then a TOML file, then the environment, then flags.

Read once at start, all mistakes at once; afterwards it is a value that nobody changes, and nothing else looks at the
environment. ``conf/tusvideo.toml`` shows every option.
"""

from tusvideo.config.load import FLAGS, load_config
from tusvideo.config.settings import (
    BUILT_IN_PROFILES,
    Address,
    Config,
    LogSettings,
    ServerSettings,
    StorageSettings,
)

__all__ = [
    "BUILT_IN_PROFILES",
    "FLAGS",
    "Address",
    "Config",
    "LogSettings",
    "ServerSettings",
    "StorageSettings",
    "load_config",
]
