"""A process that has imported the server and forks one whenever it is asked to; each costs milliseconds.

Talks over a socket that is its standard input. A request is one JSON object with two descriptors: where the server's
standard output and error go. The answer is its process id. ``{"reap": pid}`` gives its exit code instead.
"""

import gc
import json
import os
import signal
import socket
import sys
from typing import Any, Final

MOST_BYTES: Final = 65_536


def main(plug: socket.socket) -> None:
    """Serve requests until the other end closes; then end what was started."""
    import tusvideo.serving  # noqa: F401  # imported once, for all

    gc.freeze()
    children: set[int] = set()
    while True:
        data, descriptors, _, _ = socket.recv_fds(plug, MOST_BYTES, 2)
        if not data:
            break
        request = json.loads(data)
        if "reap" in request:
            _, status = os.waitpid(request["reap"], 0)
            children.discard(request["reap"])
            plug.sendall(json.dumps({"code": os.waitstatus_to_exitcode(status)}).encode())
            continue
        pid = os.fork()
        if not pid:
            plug.close()
            _serve(request, descriptors)
        children.add(pid)
        for descriptor in descriptors:
            os.close(descriptor)
        plug.sendall(json.dumps({"pid": pid}).encode())
    for child in children:
        os.kill(child, signal.SIGKILL)


def _serve(request: dict[str, Any], descriptors: list[int]) -> None:
    """Become a server, as ``python -m tusvideo serve`` would; never returns."""
    code = 1
    try:
        with open(os.devnull, "rb") as nothing:  # noqa: PTH123  # a descriptor is wanted
            os.dup2(nothing.fileno(), 0)
        os.dup2(descriptors[0], 1)
        os.dup2(descriptors[1], 2)
        for descriptor in descriptors:
            os.close(descriptor)
        os.environ.update(request["environment"])
        if request["stopped"]:
            os.kill(os.getpid(), signal.SIGSTOP)
        from tests.faults.programme import small_bodies
        from tests.faults.selftest import planted
        from tusvideo.__main__ import main as command

        planted.apply(os.environ)
        small_bodies.apply(os.environ)
        code = command(request["words"])
        sys.stdout.flush()
    finally:
        os._exit(code)


if __name__ == "__main__":
    main(socket.socket(fileno=0))
