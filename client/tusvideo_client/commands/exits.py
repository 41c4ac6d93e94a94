"""Exit codes: what a calling program learns from how a command ended."""

import signal
from collections.abc import Iterable, Mapping
from typing import Final

from tusvideo_client.errors import (
    AuthError,
    FileTooLargeError,
    GaveUpError,
    IntegrityError,
    LocalFileError,
    RejectedError,
    UnsupportedTypeError,
    UploadError,
    UploadGoneError,
)

OK, UNEXPECTED, USAGE, SOME_FAILED, LOCAL, REFUSED, CREDENTIALS, DIFFERENT, LATER = 0, 1, 2, 3, 4, 5, 6, 7, 75
SIGNAL_CODES: Final[Mapping[int, int]] = {signal.SIGINT: 130, signal.SIGTERM: 143}

MEANINGS: Final[Mapping[int, str]] = {
    OK: "done",
    UNEXPECTED: "unexpected: a server that makes no sense, or a mistake of ours",
    USAGE: "the words of the command make no sense",
    SOME_FAILED: "of several files or uploads some failed, or each in its own way",
    LOCAL: "a local file is missing, cannot be read, was changed, or is being uploaded by another process; or what came"
    " through\n       a pipe, which gives its bytes but once, did not arrive",
    REFUSED: "the server refuses it: type, size, quota, or it is not there",
    CREDENTIALS: "the server wants credentials, or others; or its certificate is not trusted",
    DIFFERENT: "the bytes on the server are not those of the file; of doctor: a trap was found",
    LATER: "not now: the state is saved, and the same command again goes on",
    130: "interrupted by SIGINT (Ctrl-C); the state is saved, and the same command again goes on, but not with a pipe",
    143: "ended by SIGTERM; as 130",
}

EXIT_CODES: Final[tuple[tuple[type[UploadError], int], ...]] = (
    (UnsupportedTypeError, REFUSED),
    (FileTooLargeError, REFUSED),
    (LocalFileError, LOCAL),
    (RejectedError, REFUSED),
    (UploadGoneError, REFUSED),
    (AuthError, CREDENTIALS),
    (IntegrityError, DIFFERENT),
    (GaveUpError, LATER),
)


def exit_code_of(error: UploadError) -> int:
    """The exit code that tells a calling program what kind of error it was.

    75 promises that the same command again goes on: who gave up on a stream ends as a stream that broke.
    """
    if isinstance(error, GaveUpError) and not error.retryable:
        return LOCAL
    return next((code for kind, code in EXIT_CODES if isinstance(error, kind)), UNEXPECTED)


def in_one(codes: Iterable[int]) -> int:
    """One exit code for several outcomes: the one that all share, else 3; 0 if there were none."""
    distinct = set(codes)
    return SOME_FAILED if len(distinct) > 1 else distinct.pop() if distinct else OK


def as_text() -> str:
    """All of them, for ``--help``."""
    return "exit codes:\n" + "\n".join(f"  {code:>3}  {meaning}" for code, meaning in MEANINGS.items())
