"""Who the client says it is: the bearer of a token, or somebody with a name and a password (Basic)."""

import base64
import inspect
from collections.abc import Awaitable, Callable

from .errors import AuthError

Token = str | Callable[[], str | Awaitable[str]] | None
Auth = tuple[str, str] | Callable[[], tuple[str, str] | Awaitable[tuple[str, str]]] | None


class Credentials:
    """What goes into the field ``Authorization``; never into an address, a log or a record.

    Args:
        token: Bearer token, or a callable (may be async) that makes one.
        auth: Name and password, or a callable (may be async) that gives both.

    Raises:
        ValueError: Both are given, or the name cannot be sent.
    """

    def __init__(self, *, token: Token = None, auth: Auth = None) -> None:
        if token is not None and auth is not None:
            message = "token and auth are two ways to say the same thing: give one of them"
            raise ValueError(message)
        self.scheme = "Bearer" if auth is None else "Basic"
        self._given = auth if token is None else token
        self._value: str | None = None
        if isinstance(auth, tuple):
            encode(*auth)

    def __repr__(self) -> str:
        return f"<Credentials {self.scheme}>"

    @property
    def can_renew(self) -> bool:
        """True if refused ones may be replaced by fresh ones."""
        return callable(self._given)

    async def value(self) -> str | None:
        """What follows the scheme in the field; None if there are no credentials.

        Raises:
            AuthError: It cannot be sent, or the callable had none.
        """
        if self._value is None:
            given = self._given() if callable(self._given) else self._given
            told = await given if inspect.isawaitable(given) else given
            try:
                self._value = encode(*told) if isinstance(told, tuple) else _judged(told)
            except ValueError as error:
                raise AuthError(str(error)) from error
        return self._value

    async def renew(self, refused: str | None) -> bool:
        """Ask the callable again, unless another upload has done so; true if the value is another one than before.

        Args:
            refused: The value that was refused; None if the request carried none.
        """
        before = refused or self._value
        if self._value == before:
            self._value = None
        return await self.value() != before


def encode(name: str, password: str) -> str:
    """Name and password as the Basic scheme wants them, in UTF-8.

    Raises:
        ValueError: The name has a colon, or one of them a character that steers a terminal or is no text.

    Spec: RFC 7617 § 2
    """
    if not name or ":" in name or not name.isprintable():
        message = "the user name cannot be sent: expected printable characters without a colon"
        raise ValueError(message)
    if any(ord(char) < ord(" ") or char == "\x7f" for char in password):
        message = "the password cannot be sent: it has a control character; look for a line break at its end"
        raise ValueError(message)
    if any(
        "\ud800" <= char <= "\udfff" for char in password
    ):  # so Python shows bytes of the environment that are no text
        message = "the password cannot be sent: expected text in UTF-8"
        raise ValueError(message)
    return base64.b64encode(f"{name}:{password}".encode()).decode()


def _judged(token: str | None) -> str | None:
    if token and not (token.isascii() and token.isprintable()):
        message = "the token cannot be sent: expected printable ASCII"
        raise AuthError(message, hint="look for a line break at the end of the token's file")
    return token
