"""Where settings come from, one over the other, and everything that is wrong with them at once."""

import difflib
import os
import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from tusvideo.config.kinds import Kind, Unfit, size_text, text_of
from tusvideo.config.options import OPTIONS, PROFILE_OPTIONS
from tusvideo.config.settings import (
    BUILT_IN_PROFILES,
    Config,
    LogSettings,
    ServerSettings,
    StorageSettings,
    new_profile,
)
from tusvideo.errors import ConfigError, shown
from tusvideo.model import Limits, Profile

FLAGS: Final[Mapping[str, tuple[str, str]]] = MappingProxyType(
    {
        "--listen": ("server", "listen"),
        "--insecure-anonymous": ("server", "insecure_anonymous"),
        "--data-dir": ("storage", "data_dir"),
        "--log-level": ("log", "level"),
        "--log-format": ("log", "format"),
    },
)
"""Flags of ``tusvideo serve``, and the option that each of them sets."""

_PREFIX: Final = "TUSVIDEO_"
_VARIABLES: Final[Mapping[str, tuple[str, str]]] = MappingProxyType(
    {f"{_PREFIX}{section}_{name}".upper(): (section, name) for section, options in OPTIONS.items() for name in options},
)
_PROFILE_NAME: Final = re.compile(r"[a-z][a-z0-9_-]{0,31}", re.ASCII)


def load_config(
    *,
    file: Path | None = None,
    flags: Mapping[str, str] | None = None,
    environ: Mapping[str, str] | None = None,
) -> Config:
    """Read the configuration: defaults, over them the file, over it the environment, over it the flags.

    Args:
        file: A TOML file; None when there is none.
        flags: Text by flag, for flags that are given (see ``FLAGS``).
        environ: Variables by name; those of this process when left out.

    Raises:
        ConfigError: with every mistake there is; nothing is half accepted.
    """
    reading = _Reading()
    if file is not None:
        reading.file(file)
    reading.environment(os.environ if environ is None else environ)
    reading.flags(flags or {})
    return reading.config()


class _Reading:
    """The values and mistakes found so far."""

    def __init__(self) -> None:
        self.mistakes: list[str] = []
        self.values: dict[str, dict[str, Any]] = {section: {} for section in OPTIONS}
        self.origins: dict[str, str] = {}
        self.profiles: dict[str, Profile] = dict(BUILT_IN_PROFILES)

    def file(self, path: Path) -> None:
        try:
            tables = tomllib.loads(path.read_text("utf-8"))
        except FileNotFoundError:
            self.mistakes.append(f"{path}: expected a configuration file, got nothing under this name")
            return
        except OSError as error:
            self.mistakes.append(f"{path}: expected a configuration file that can be read, got: {error.strerror}")
            return
        except UnicodeDecodeError:
            self.mistakes.append(f"{path}: expected TOML, which is UTF-8 text, got other bytes")
            return
        except tomllib.TOMLDecodeError as error:
            self.mistakes.append(f"{path}: expected TOML, got a mistake in it: {error}")
            return
        for section, table in tables.items():
            if section == "profiles":
                self._profile_tables(path, table)
            elif section not in OPTIONS:
                suggestion = _suggest_section(section, table)
                self.mistakes.append(f"{path}: expected a section, got {shown(section)}, which is none{suggestion}")
            elif not isinstance(table, dict):
                self.mistakes.append(f"{path}: expected a section [{section}], got a value: {shown(text_of(table))}")
            else:
                self._table(path, section, table)

    def environment(self, environ: Mapping[str, str]) -> None:
        for variable, text in sorted(environ.items()):
            if variable in _VARIABLES:
                section, name = _VARIABLES[variable]
                self._take(section, name, text, where=variable, is_text=True)
            elif variable.startswith(_PREFIX):
                self._unknown_variable(variable)

    def flags(self, flags: Mapping[str, str]) -> None:
        for flag, text in flags.items():
            section, name = FLAGS[flag]
            self._take(section, name, text, where=flag, is_text=True)

    def config(self) -> Config:
        """Put the values together, check what they must agree in, and raise ConfigError if anything was wrong."""
        limits = dict(self.values["limits"])
        whole_request = {name: limits.pop(name) for name in ("max_header_bytes",) if name in limits}
        config = Config(
            server=ServerSettings(**self.values["server"]),
            storage=StorageSettings(**self.values["storage"]),
            log=LogSettings(**self.values["log"]),
            limits=Limits(**limits),
            profiles=self._checked_profiles(Limits(**limits).max_chunk_size),
            **whole_request,
        )
        self._check_listen(config.server)
        self._check_appends(config.limits)
        if self.mistakes:
            raise ConfigError(self.mistakes)
        return config

    def _table(self, path: Path, section: str, table: Mapping[str, object]) -> None:
        for name, value in table.items():
            if name in OPTIONS[section]:
                self._take(section, name, value, where=f"{path}: [{section}] {name}")
                continue
            suggestion = _suggest_option(section, name)
            self.mistakes.append(f"{path}: [{section}]: expected an option of it, got {shown(name)}{suggestion}")

    def _take(self, section: str, name: str, value: object, *, where: str, is_text: bool = False) -> None:
        found = self._read(OPTIONS[section][name], value, where=where, is_text=is_text)
        if found is not None:
            self.values[section][name] = found[0]
            self.origins[f"{section}.{name}"] = where

    def _read(self, kind: Kind, value: object, *, where: str, is_text: bool = False) -> tuple[object] | None:
        try:
            return (kind.read(kind.from_text(value) if is_text and isinstance(value, str) else value),)
        except Unfit as unfit:
            self.mistakes.append(f"{where}: expected {kind.expected}; got {shown(text_of(unfit.got))}")
            return None

    def _profile_tables(self, path: Path, tables: object) -> None:
        if not isinstance(tables, dict):
            self.mistakes.append(f"{path}: expected sections [profiles.NAME], got a value: {shown(text_of(tables))}")
            return
        for name, table in tables.items():
            if not isinstance(table, dict):
                self.mistakes.append(
                    f"{path}: [profiles]: expected sections [profiles.NAME], got a value {shown(name)}"
                )
            elif not _PROFILE_NAME.fullmatch(name):
                wanted = "a profile name of 1 to 32 of a-z 0-9 _ -, the first a letter"
                self.mistakes.append(f"{path}: [profiles]: expected {wanted}; got {shown(name)}")
            else:
                self._profile_table(path, name, table)

    def _profile_table(self, path: Path, name: str, table: Mapping[str, object]) -> None:
        values: dict[str, Any] = {}
        for key, value in table.items():
            where = f"{path}: [profiles.{name}] {key}"
            if key not in PROFILE_OPTIONS:
                suggestion = _or_there_are(key, PROFILE_OPTIONS)
                self.mistakes.append(
                    f"{path}: [profiles.{name}]: expected an option of it, got {shown(key)}{suggestion}"
                )
            elif (found := self._read(PROFILE_OPTIONS[key], value, where=where)) is not None:
                values[key] = found[0]
                self.origins[f"profiles.{name}.{key}"] = where
        start = BUILT_IN_PROFILES.get(name) or new_profile(name)
        self.profiles[name] = replace(start, **values)

    def _checked_profiles(self, max_chunk_size: int) -> Mapping[str, Profile]:
        holders: dict[str, str] = {}
        for name, profile in self.profiles.items():
            where = self.origins.get(f"profiles.{name}.chunk_size")
            if profile.chunk_size > max_chunk_size and where is None:
                self.profiles[name] = replace(profile, chunk_size=max_chunk_size)
            elif profile.chunk_size > max_chunk_size:
                wanted = f"at most max_chunk_size in [limits], which is {size_text(max_chunk_size)}"
                self.mistakes.append(f"{where}: expected {wanted}; got {size_text(profile.chunk_size)}")
            holder = holders.setdefault(profile.directory, name)
            if holder != name:
                where = self.origins.get(f"profiles.{name}.directory", f"[profiles.{name}] directory")
                got = f"{shown(profile.directory)}, which is that of profile {holder}"
                self.mistakes.append(f"{where}: expected a folder of its own; got {got}")
        return MappingProxyType(self.profiles)

    def _check_appends(self, limits: Limits) -> None:
        if 0 < limits.max_append_bytes < limits.min_append_bytes:
            where = self.origins.get("limits.min_append_bytes") or self.origins["limits.max_append_bytes"]
            told = f"{size_text(limits.max_append_bytes)}, as max_append_bytes"
            self.mistakes.append(f"{where}: expected at most {told}; got {size_text(limits.min_append_bytes)}")

    def _check_listen(self, server: ServerSettings) -> None:
        if server.listen.is_loopback or server.insecure_anonymous:
            return
        self.mistakes.append(
            f"{self.origins['server.listen']}: expected a loopback address, got {shown(str(server.listen))}:"
            " there are no accounts, so whoever reaches the server could read, change and delete everything;"
            " listen on 127.0.0.1 behind a proxy that asks for a password (conf/nginx.conf),"
            " or say --insecure-anonymous (insecure_anonymous = true in [server]) if that is what you want",
        )

    def _unknown_variable(self, variable: str) -> None:
        suggestion = _did_you_mean(variable, _VARIABLES, cutoff=0.8)
        section = variable.removeprefix(_PREFIX).partition("_")[0].lower()
        if section == "profiles":
            self.mistakes.append(f"environment: expected profiles in the configuration file, got {shown(variable)}")
        elif section in OPTIONS or suggestion:
            self.mistakes.append(f"environment: expected the name of an option, got {shown(variable)}{suggestion}")
        # Anything else belongs to somebody else, such as the client.


def _suggest_section(section: str, value: object) -> str:
    if isinstance(value, dict):
        return _did_you_mean(section, [*OPTIONS, "profiles"], form="[{}]")
    homes = [home for home, options in OPTIONS.items() if section in options]
    return f"; did you mean {section} in [{homes[0]}]?" if homes else ""


def _suggest_option(section: str, name: str) -> str:
    homes = [home for home, options in OPTIONS.items() if name in options]
    return f"; did you mean {name} in [{homes[0]}]?" if homes else _or_there_are(name, OPTIONS[section])


def _did_you_mean(name: str, names: Iterable[str], *, cutoff: float = 0.6, form: str = "{}") -> str:
    close = difflib.get_close_matches(name, names, n=1, cutoff=cutoff)
    return f"; did you mean {form.format(close[0])}?" if close else ""


def _or_there_are(name: str, names: Iterable[str]) -> str:
    return _did_you_mean(name, names) or f"; there are {', '.join(names)}"
