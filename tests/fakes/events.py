"""Somebody who wants to know, and remembers."""

from tusvideo.commands import UploadEvent


class Recorder:
    """Implements the EventSink port."""

    def __init__(self) -> None:
        self.events: list[UploadEvent] = []

    def emit(self, event: UploadEvent) -> None:
        self.events.append(event)

    def names(self) -> list[str]:
        """The names of the events so far, in order."""
        return [event.name for event in self.events]
