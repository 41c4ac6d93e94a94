"""What kind of file a download is: what its content shows, else what its client called it, if no browser runs that.

Spec: RFC 9110 §8.3 (Content-Type); draft-ietf-httpbis-resumable-upload-12 § Upload Creation (fields of the whole file).
"""

import re
from typing import Final

from tusvideo.model import Upload
from tusvideo.protocol import metadata

KEY: Final = "filetype"
"""Where clients of tus tell it."""

# Neither pages nor scripts, styles or drawings: those would speak with the voice of this server.
_HARMLESS: Final = re.compile(
    r"audio/[a-z0-9][a-z0-9.+-]{0,99}|image/[a-z0-9][a-z0-9.-]{0,99}"
    r"|text/(?:plain|csv|markdown|vtt)|application/(?:pdf|zip|gzip|x-tar|vnd\.[a-z0-9.-]{1,99})",
    re.ASCII,
)


def parse(text: str | None) -> str | None:
    """Give the type that a client names, in lower case and without parameters; None unless it is a harmless one."""
    told = (text or "").partition(";")[0].strip(" \t").lower()
    return told if _HARMLESS.fullmatch(told) is not None else None


def of(upload: Upload) -> str | None:
    """Give the type under which a published file is served; None: nothing is known of it."""
    judged = upload.content_type
    if judged is not None and judged.startswith("video/"):
        return judged
    return parse(metadata.parse([upload.metadata]).text(KEY)) or judged
