"""Clips of every kind that tests need, made when they are needed; and the ways in which a file can be broken."""

from pathlib import Path
from typing import Any

import pytest

av: Any = pytest.importorskip("av", reason="clips are made with PyAV: pip install 'tusvideo[media]'")

RATE = 10
"""Pictures a second."""


def make_clip(
    path: Path,
    *,
    video: str | None = "libx264",
    audio: str | None = None,
    seconds: float = 2.0,
    size: tuple[int, int] = (320, 240),
    container: str | None = None,
    **options: str,
) -> Path:
    """Write a clip of moving grey, and of silence; ``container`` as FFmpeg calls it, by the name's end if not given."""
    with av.open(str(path), "w", format=container, options=options) as out:
        streams: list[Any] = []
        picture = sound = None
        if video is not None:
            picture = out.add_stream(video, rate=RATE)
            picture.width, picture.height, picture.pix_fmt = *size, "yuv420p"
            streams.append(picture)
        if audio is not None:
            sound = out.add_stream(audio, rate=48_000, layout="mono")
        for number in range(round(seconds * RATE) if picture is not None else 0):
            frame = av.VideoFrame(*size, "yuv420p")
            for plane in frame.planes:
                plane.update(bytes([(40 + 7 * number) % 256]) * plane.buffer_size)
            frame.pts = number
            out.mux(streams[0].encode(frame))
        if sound is not None:
            _add_silence(out, sound, seconds)
        for stream in streams:
            out.mux(stream.encode(None))
    return path


def _add_silence(out: Any, sound: Any, seconds: float) -> None:
    samples = sound.codec_context.frame_size or 1024
    for number in range(round(seconds * 48_000 / samples)):
        frame = av.AudioFrame(sound.codec_context.format.name, "mono", samples)
        frame.planes[0].update(bytes(frame.planes[0].buffer_size))
        frame.sample_rate, frame.pts = 48_000, number * samples
        out.mux(sound.encode(frame))
    out.mux(sound.encode(None))


def turn(path: Path, degrees: int) -> Path:
    """Let a phone have held it otherwise: write the matrix of the first track of an mp4 whose index is not packed."""
    unit = 0x10000
    turns = {90: (0, unit, -unit, 0), 180: (-unit, 0, 0, -unit), 270: (0, -unit, unit, 0)}
    a, b, c, d = turns[degrees]
    content = bytearray(path.read_bytes())
    at = content.index(b"tkhd") + 4
    version = content[at]
    matrix = at + (52 if version else 40)
    words = (a, b, 0, c, d, 0, 0, 0, 0x40000000)
    content[matrix : matrix + 36] = b"".join(word.to_bytes(4, "big", signed=True) for word in words)
    path.write_bytes(content)
    return path
