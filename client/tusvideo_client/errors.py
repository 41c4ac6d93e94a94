"""Everything that can stop an upload, as one tree; no error of the HTTP library ever leaves this package.

::

    UploadError
    ├── LocalFileError              the file on this side: missing, unreadable, held by another process
    │   ├── FileChangedError        it is no longer the file that the upload began with
    │   ├── StreamBrokenError       a stream broke off, or cannot give again what the server lost
    │   ├── UnsupportedTypeError    its type is one that the server cannot want
    │   └── FileTooLargeError       it is larger than a limit that is known on this side
    ├── AuthError                   no or bad credentials, or a server whose certificate is not trusted
    ├── RejectedError               the server refuses this upload, and would refuse it again
    ├── UploadGoneError             the server lost or removed the upload, more than once
    ├── IntegrityError              the two sides hold different bytes
    ├── ProtocolError               the server's answer makes no sense
    ├── UploadCancelledError        the caller cancelled it; what is stored is kept, unless the caller had it removed
    └── GaveUpError                 patience ended; the journal is kept, and the same call again resumes

Every error can be pickled, so that it may cross a process pool.
"""

from typing import Any, Self, TypedDict, Unpack

KEPT = "what is stored is kept, and doing the same again resumes"
ONCE = "a stream gives its bytes but once: what is stored stays unfinished; send the stream anew"


class Facts(TypedDict, total=False):
    """What is known about the upload at the moment of the error."""

    upload_url: str | None
    offset: int | None
    status: int | None
    request_id: str | None
    retryable: bool
    hint: str | None


class UploadError(Exception):
    """An upload did not succeed; ``str()`` is a sentence that a person can act on.

    Attributes:
        upload_url: Address of the upload on the server, when one was made. It is a capability: do not log it in public.
        offset: Bytes known to be stored on the server.
        status: HTTP status of the answer that decided, if an answer decided.
        request_id: The server's name for that request, for its operator.
        retryable: True if the same call again may succeed without any change.
        hint: What to do about it, if there is something to do.
    """

    retryable: bool = False

    def __init__(self, message: str, **facts: Unpack[Facts]) -> None:
        super().__init__(message)
        self.upload_url = facts.get("upload_url")
        self.offset = facts.get("offset")
        self.status = facts.get("status")
        self.request_id = facts.get("request_id")
        self.retryable = facts.get("retryable", type(self).retryable)
        self.hint = facts.get("hint")

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuild, (type(self), str(self), self.facts())

    def facts(self) -> Facts:
        """The attributes as one value, for a report or for a copy."""
        return {
            "upload_url": self.upload_url,
            "offset": self.offset,
            "status": self.status,
            "request_id": self.request_id,
            "retryable": self.retryable,
            "hint": self.hint,
        }

    @classmethod
    def rebuild(cls, message: str, *, facts: Facts) -> Self:
        """The error that was taken apart by ``str()`` and :meth:`facts`."""
        return cls(message, **facts)


def _rebuild(kind: type[UploadError], message: str, facts: Facts) -> UploadError:
    return kind.rebuild(message, facts=facts)


class LocalFileError(UploadError):
    """The file cannot be read, or another process is uploading it."""


class FileChangedError(LocalFileError):
    """The file was changed while it was being sent; the next call starts a new upload."""

    retryable = True


class StreamBrokenError(LocalFileError):
    """A stream broke off before its end, or cannot give again what the server lost. The upload is left unfinished."""


class UnsupportedTypeError(LocalFileError):
    """The file's type is one that the server cannot want."""


class FileTooLargeError(LocalFileError):
    """The file is larger than a limit that is known on this side."""


class AuthError(UploadError):
    """The credentials are missing or refused, or the server's certificate is not trusted. The journal is kept."""


class RejectedError(UploadError):
    """The server refuses this upload for good: type, size, quota or syntax. What it has of it is remembered."""


class UploadGoneError(UploadError):
    """The server removed the upload again and again."""


class IntegrityError(UploadError):
    """The bytes on the server are not the bytes of the file."""


class ProtocolError(UploadError):
    """The server answered something that the protocol does not allow."""


class UploadCancelledError(UploadError):
    """The caller cancelled the upload through its handle."""

    retryable = True


class GaveUpError(UploadError):
    """Patience ended before the upload did. The state is on disk: the same call again resumes.

    Of a stream it does not, because the bytes do not come again: then ``retryable`` is False.
    """

    retryable = True
