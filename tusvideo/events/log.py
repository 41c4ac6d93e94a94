"""Events that go into the log."""

import logging
from typing import Final

from tusvideo import log
from tusvideo.commands import UploadEvent
from tusvideo.model import Status

_logger: Final = logging.getLogger(__name__)
_LEVELS: Final = {Status.FAILED: logging.WARNING, Status.DAMAGED: logging.ERROR}


class LogEvents:
    """Write every event of an upload as one line of the log. Implements the EventSink port."""

    def emit(self, event: UploadEvent) -> None:
        upload = event.upload
        facts: dict[str, log.Value] = {
            "upload": upload.id,
            "protocol": upload.protocol.value,
            "profile": upload.profile,
            "status": upload.status.value,
            "offset": upload.offset,
            "length": upload.length,
        }
        for name, told in event.data.items():
            facts.setdefault(name, told)
        log.event(_logger, _LEVELS.get(upload.status, logging.INFO), event.name, **facts)
