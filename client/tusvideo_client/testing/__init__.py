"""A server for tests of your own upload scripts: it speaks tus and the chunk API, and fails exactly when it is told to.

::

    from tusvideo_client import Uploader
    from tusvideo_client.testing import FlakyServer

    with FlakyServer() as server:
        server.cut(after_bytes=1_000_000)
        server.refuse(status=503, times=2, retry_after=0)
        with Uploader(server.url) as uploader:
            uploader.upload("talk.mp4")
        server.assert_holds("talk.mp4")
        assert server.creations == 1
        assert server.repeated == 0

With pytest name the fixture's home in the ``conftest.py`` of the root, and take ``flaky_server`` as an argument::

    pytest_plugins = ["tusvideo_client.testing.plugin"]

The server runs in a thread of its own and keeps everything in memory, so it serves blocking code, async code and other
processes alike. Faults happen at a byte or at a request, never after a time: a test that passes once passes always.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .faults import Fault
    from .records import Request, Upload
    from .server import FlakyServer

__all__ = ["Fault", "FlakyServer", "Request", "Upload"]

_HOMES = {"FlakyServer": "server", "Fault": "faults", "Request": "records", "Upload": "records"}
"""The server loads the HTTP library: with the first test that uses it, not with the plugin."""


def __getattr__(name: str) -> Any:  # noqa: ANN401  # each name has its own type, given above to the type checker
    if name not in _HOMES:
        message = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(message)
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
