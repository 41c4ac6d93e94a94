"""What is in a video, packet by packet."""

from pathlib import Path

from tests.media.clips import av


def packets(path: Path) -> list[tuple[int, int | None, int | None, bytes]]:
    """Every packet of a file: its stream, its times and its bytes."""
    with av.open(str(path)) as container:
        return [
            (packet.stream_index, packet.pts, packet.dts, bytes(packet)) for packet in container.demux() if packet.size
        ]
