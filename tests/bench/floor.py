"""The floor: the least that a server of one thread can do with a body, receive it into one hot buffer and write it.

    python -m tests.bench.floor FILE

Answers every request on loopback with 204 once its body is in FILE; knows nothing of offsets, rows or syncs. Prints
where it listens, serves one connection at a time, and ends when it is told to (SIGTERM).
"""

import argparse
import os
import re
import socket
from pathlib import Path
from typing import Final

BUFFER_BYTES: Final = 1024 * 1024
_LENGTH: Final = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_ANSWER: Final = b"HTTP/1.1 204 No Content\r\n\r\n"


def serve(connection: socket.socket, path: Path) -> None:
    """Answer one request after the other until the connection ends."""
    buffer = memoryview(bytearray(BUFFER_BYTES))
    held = b""
    while True:
        while (end := held.find(b"\r\n\r\n")) < 0:
            block = connection.recv(4096)
            if not block:
                return
            held += block
        found = _LENGTH.search(held[:end])
        rest = int(found[1]) if found is not None else 0
        body, held = held[end + 4 : end + 4 + rest], held[end + 4 + rest :]
        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        try:
            rest -= os.write(file, body) if body else 0
            while rest:
                size = connection.recv_into(buffer[: min(rest, BUFFER_BYTES)])
                if not size:
                    return
                rest -= os.write(file, buffer[:size])
        finally:
            os.close(file)
        connection.sendall(_ANSWER)


def main() -> None:
    """Listen on a free port of loopback, tell which, and serve."""
    parser = argparse.ArgumentParser(description="Receive and write; nothing else.")
    parser.add_argument("file", type=Path)
    arguments = parser.parse_args()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        print(f"listening on http://127.0.0.1:{listener.getsockname()[1]}", flush=True)
        while True:
            connection, _ = listener.accept()
            with connection:
                serve(connection, arguments.file)


if __name__ == "__main__":
    main()
