"""Which server a command speaks to, and with which credentials."""

import argparse
import asyncio
import os
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TypedDict

from tusvideo_client.credentials import Auth, Token
from tusvideo_client.errors import AuthError
from tusvideo_client.wire import origin_of

from .arguments import TO_VARIABLE, TOKEN_VARIABLE
from .password import filed_password_of, password_of

COMMAND_SECONDS = 60.0


class Keys(TypedDict, total=False):
    """Credentials as uploaders and transports take them: one of the two, or none."""

    token: Token
    auth: Auth


def server_of(namespace: argparse.Namespace) -> str:
    """The root of the server that the options name.

    Raises:
        ValueError: They name none.
    """
    if not namespace.to:
        message = f"no server: give --to URL or set {TO_VARIABLE}"
        raise ValueError(message)
    url: str = namespace.to
    return url.rstrip("/")


def keys_of(
    namespace: argparse.Namespace, *, servers: Iterable[str], strangers: Iterable[str] = ()
) -> Mapping[str, Keys]:
    """The credentials that the options name, or how to get them, for each server: a token, or a name and its password.

    Of tokens a file wins over a command, and both over the variable. A password comes from its variable, from the
    netrc file, or from whoever sits at the terminal. All of these but the netrc file have one secret, which is for one
    server; the file has one for each host, and vouches for the hosts that stand in it.

    Args:
        namespace: The options.
        servers: The roots of all servers that they would go to.
        strangers: Those of them that only an address tells, which does not make them ones to trust.

    Raises:
        ValueError: There are several servers, and credentials are for one; a stranger is not the server that they
            name; there are two kinds of credentials; or there is no password.
    """
    known = sorted(set(servers))
    token = _token_of(namespace)
    if token is None and not namespace.user:
        return {server: {} for server in known}
    if token is not None and namespace.user:
        message = f"a token and --user are given: the server takes one of them (look at {TOKEN_VARIABLE}, too)"
        raise ValueError(message)
    if token is not None:
        _judge(known, among=known, strangers=strangers, named=namespace.to, what="a token")
        return {server: {"token": token} for server in known}
    filed = {server: filed_password_of(namespace.user, server=server) for server in known}
    others = [server for server in known if filed[server] is None]
    _judge(others, among=known, strangers=strangers, named=namespace.to, what="a password")
    asked = password_of(namespace.user, server=others[0]) if others else ""
    return {
        server: {"auth": (namespace.user, asked if (password := filed[server]) is None else password)}
        for server in known
    }


def _token_of(namespace: argparse.Namespace) -> Token:
    if namespace.token_file:
        return partial(_read, namespace.token_file)
    if namespace.token_command:
        return partial(_run, namespace.token_command)
    return os.environ.get(TOKEN_VARIABLE) or None


def _judge(
    servers: Sequence[str], *, among: Sequence[str], strangers: Iterable[str], named: str | None, what: str
) -> None:
    """Make sure that a secret that stands under no host may go to these servers: to one only, and to no stranger.

    Raises:
        ValueError: It may not.
    """
    if servers and len({origin_of(server) for server in among}) > 1:
        message = f"{what} is for one server, and there are {len(among)}: name one with --to ({', '.join(among)})"
        if what == "a password":
            message += ", or put a password for each into the netrc file"
        raise ValueError(message)
    for server in strangers:
        if server in servers and (named is None or origin_of(server) != origin_of(named)):
            message = f"{what} is not sent to {server}, which --to does not name: give --to {server} if it may have it"
            raise ValueError(message)


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8").strip()
    except OSError as error:
        message = f"the token file {path} cannot be read: {error.strerror or error}"
        raise AuthError(message) from error


async def _run(words: Sequence[str]) -> str:
    try:
        process = await asyncio.create_subprocess_exec(
            *words, stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE
        )
    except (OSError, ValueError, TypeError) as error:
        message = f"the token command {words[0]} cannot be started: {getattr(error, 'strerror', None) or error}"
        raise AuthError(message, hint="give a program and its arguments; no shell reads them") from error
    try:
        async with asyncio.timeout(COMMAND_SECONDS):
            out, _ = await process.communicate()
    except TimeoutError as error:
        message = f"the token command {words[0]} printed no token within {COMMAND_SECONDS:.0f} s"
        raise AuthError(message) from error
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    text = out.decode(errors="replace").strip()
    if process.returncode != 0 or not text:
        message = f"the token command {words[0]} ended with {process.returncode} and printed {len(text)} characters"
        raise AuthError(message, hint="it has to print the token and to end with 0")
    return text
