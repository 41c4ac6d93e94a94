"""Where a password comes from, so that it stands in no command: a variable, the netrc file, or a terminal."""

import getpass
import netrc
import os
import stat
import sys
from pathlib import Path

from tusvideo_client.wire import origin_of

from .arguments import PASSWORD_VARIABLE

NETRC_VARIABLE = "NETRC"


def filed_password_of(user: str, *, server: str) -> str | None:
    """The password of a user that stands in the netrc file under the host of a server; None if none does.

    None, too, if the variable is set: it wins over the file.

    Raises:
        ValueError: Others may read the netrc file, or it makes no sense.
    """
    path = _netrc()
    if os.environ.get(PASSWORD_VARIABLE) or path is None:
        return None
    return _in_file(path, host=origin_of(server)[1], user=user)


def password_of(user: str, *, server: str) -> str:
    """The password of a user at a server for which no file has one: from the variable, else asked for at the terminal.

    Raises:
        ValueError: There is none.
    """
    if password := os.environ.get(PASSWORD_VARIABLE):
        return password
    host = origin_of(server)[1]
    if sys.stdin is not None and sys.stdin.isatty():
        try:
            return getpass.getpass(f"password of {user} at {host}: ")
        except EOFError as error:
            message = f"no password of {user} at {host} was typed"
            raise ValueError(message) from error
    message = (
        f"no password of {user} at {host}: set {PASSWORD_VARIABLE}, or put `machine {host} login {user} password …`"
        f" into {_netrc() or '~/.netrc'} (mode 600)"
    )
    raise ValueError(message)


def _netrc() -> Path | None:
    """The user's netrc file, which need not be there; None for a user without a home."""
    if path := os.environ.get(NETRC_VARIABLE):
        return Path(path)
    try:
        return Path.home() / ".netrc"
    except RuntimeError:
        return None


def _in_file(path: Path, *, host: str, user: str) -> str | None:
    """The password that stands under this host and this user; what stands there for every other host is none."""
    try:
        facts = path.stat()
        if sys.platform != "win32" and (stat.S_IMODE(facts.st_mode) & 0o077 or facts.st_uid != os.getuid()):
            message = f"{path} holds passwords, and others may read it: `chmod 600 {path}`, and let it be your own file"
            raise ValueError(message)
        found = _Logins(str(path)).of(host, user)
    except FileNotFoundError:
        return None
    except OSError as error:
        message = f"{path} cannot be read: {error.strerror or error}"
        raise ValueError(message) from error
    except netrc.NetrcParseError as error:
        message = f"{path} is no netrc file: line {error.lineno} makes no sense"
        raise ValueError(message) from None  # the parser's own words may repeat what stands there
    except UnicodeDecodeError:
        message = f"{path} is no netrc file: expected text in UTF-8"
        raise ValueError(message) from None
    return found


class _Logins(netrc.netrc):
    """A netrc file with all users of a host, of whom the parser keeps only the last."""

    @property
    def hosts(self) -> dict[str, tuple[str, str, str]]:
        """Where the parser puts what it reads."""
        return self._entries

    @hosts.setter
    def hosts(self, _: dict[str, tuple[str, str, str]]) -> None:
        self._entries = _Entries()

    def of(self, host: str, user: str) -> str | None:
        """The password that stands first under this host and this user, as curl takes it."""
        return self._entries.passwords.get((host, user))


class _Entries(dict[str, tuple[str, str, str]]):
    """What a netrc parser puts under the names of hosts, none of it overwritten."""

    def __init__(self) -> None:
        super().__init__()
        self.passwords: dict[tuple[str, str], str] = {}

    def __setitem__(self, host: str, entry: tuple[str, str, str]) -> None:
        super().__setitem__(host, entry)
        if entry:  # the parser begins each with nothing
            login, _, password = entry
            self.passwords.setdefault((host, login), password)
