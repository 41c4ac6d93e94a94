"""tusvideo: a resumable upload server for video and any other file."""

__version__ = "0.1.0"
