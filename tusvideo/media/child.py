"""The process that reads one video and tells what it consists of: ``python -I -m tusvideo.media.child FD KIND``.

It inherits the file as a descriptor, tells its result on stdout (a line of JSON, then the bytes of a JPEG) and ends. It
is taken for conquered by whoever made the video: what it may do is limited before the first byte is read (``confine``),
and what it tells is judged by its parent (``inspector``).
"""

import importlib
import json
import os
import pkgutil
import sys
from collections.abc import Iterator
from fractions import Fraction
from types import ModuleType
from typing import TYPE_CHECKING, Any, BinaryIO, Final, Literal

from tusvideo.media.boxes import is_faststart
from tusvideo.media.confine import confine, shut

if TYPE_CHECKING:
    import av
    import av.filter
    from av.container import InputContainer
    from av.video.stream import VideoStream

DEMUXERS: Final = {
    "mp4": "mov",
    "mov": "mov",
    "m4v": "mov",
    "3gp": "mov",
    "webm": "matroska",
    "mkv": "matroska",
    "avi": "avi",
    "mpeg": "mpeg",
    "ogv": "ogg",
    "ts": "mpegts",
}
"""The one reader that each kind of ``rules.sniff`` is given to; what a file says of itself opens no other."""
_ELEMENTARY: Final = b"\x00\x00\x01\xb3"
"""An MPEG video that no container holds begins so."""
LONGEST_SIDE: Final = 640
"""Pixels of a thumbnail."""
LATEST_SECOND: Final = 10.0
"""A thumbnail shows the end of the first tenth, or this second of a long video."""
MOST_PACKETS: Final = 2_000
"""So many packets are read until one gives a picture."""
_MICROSECONDS: Final = 1_000_000
_ISO: Final = "mov"


def main(arguments: list[str]) -> int:
    """Examine the file and tell; give the exit code, which says nothing: the parent goes by what was told."""
    fd, kind = int(arguments[0]), arguments[1]
    confine()
    try:
        import av  # noqa: PLC0415  # within the limits, because its size is not ours to know

        _load_all(av)
    except ImportError:
        _tell({"fault": "no_reader"})
        return 0
    av.logging.set_level(None)
    shut(highest=fd)
    try:
        with os.fdopen(fd, "rb") as file:
            _examine(file, kind)
    except MemoryError:
        _tell({"fault": "too_large"})
    except (av.FFmpegError, ValueError, EOFError, OverflowError, LookupError):
        _tell({"fault": "unreadable"})
    return 0


def _load_all(library: ModuleType) -> None:
    """Load what the library would load when it needs it: then nothing can be opened any more."""
    for module in pkgutil.walk_packages(library.__path__, f"{library.__name__}."):
        if not module.name.endswith((".__main__", ".datasets")):  # a command, and a list of films on the web
            importlib.import_module(module.name)


def _examine(file: BinaryIO, kind: str) -> None:
    import av  # noqa: PLC0415  # loaded by main

    size = os.fstat(file.fileno()).st_size
    demuxer = DEMUXERS[kind]
    if demuxer == "mpeg" and file.read(4) == _ELEMENTARY:
        demuxer = "mpegvideo"
    faststart = is_faststart(file, size=size) if demuxer == _ISO else None
    file.seek(0)
    # The whitelist names no protocol that there is: a file that wants to open another one is unreadable.
    with av.open(
        file, "r", format=demuxer, options={"protocol_whitelist": "none"}, metadata_errors="replace"
    ) as container:
        video = _picture(container)
        if video is None:
            _tell({"fault": "no_picture"})
            return
        if _codec(video) is None:  # what little is there of it says not even that
            _tell({"fault": "unreadable"})
            return
        frame = _frame(container, video)
        facts = {
            "duration": _duration(container, video),
            "width": video.width or None,
            "height": video.height or None,
            "rotation": -frame.rotation % 360 if frame is not None else 0,
            "video_codec": _codec(video),
            "audio_codec": next((_codec(stream) for stream in container.streams.audio), None),
            "faststart": faststart,
        }
    _tell({"facts": facts}, b"" if frame is None else _jpeg(frame))


def _picture(container: "InputContainer") -> "VideoStream | None":
    """Give the first stream of moving pictures; a cover is none."""
    import av.stream  # noqa: PLC0415  # loaded by main

    still = av.stream.Disposition.attached_pic
    return next((stream for stream in container.streams.video if not stream.disposition & still), None)


def _codec(stream: Any) -> str | None:  # noqa: ANN401  # of any medium
    context = stream.codec_context
    return None if context is None else str(context.codec.canonical_name)


def _duration(container: "InputContainer", video: "VideoStream") -> float | None:
    """Tell the seconds, as the container does, or the stream; else count, as what browsers record must be."""
    if container.duration is not None and container.duration > 0:
        return container.duration / _MICROSECONDS
    if video.duration is not None and video.time_base is not None and video.duration > 0:
        return float(video.duration * video.time_base)
    return _counted(container)


def _counted(container: "InputContainer") -> float | None:
    first = last = None
    container.seek(0)
    for packet in container.demux():
        if packet.pts is None or packet.time_base is None:
            continue
        start = float(packet.pts * packet.time_base)
        end = start + float((packet.duration or 0) * packet.time_base)
        first = start if first is None else min(first, start)
        last = end if last is None else max(last, end)
    return None if first is None or last is None or last <= first else last - first


def _frame(container: "InputContainer", video: "VideoStream") -> "av.VideoFrame | None":
    """Give a picture from near the beginning; None when there is nothing to decode."""
    import av  # noqa: PLC0415  # loaded by main

    video.thread_type = "NONE"
    video.codec_context.thread_count = 1
    seconds = min((container.duration or 0) / _MICROSECONDS / 10, LATEST_SECOND)
    attempts: tuple[tuple[float, Literal["NONKEY", "DEFAULT"]], ...] = ((seconds, "NONKEY"), (0.0, "DEFAULT"))
    for start, skipped in attempts:
        try:
            container.seek(int(start * _MICROSECONDS))
            video.codec_context.flush_buffers()
            video.codec_context.skip_frame = skipped
            frame = next(_frames(container, video), None)
        except av.FFmpegError:
            frame = None
        if frame is not None:
            return frame
    return None


def _frames(container: "InputContainer", video: "VideoStream") -> Iterator["av.VideoFrame"]:
    for count, packet in enumerate(container.demux(video)):
        if count >= MOST_PACKETS:
            return
        yield from packet.decode()


def _jpeg(frame: "av.VideoFrame") -> bytes:
    """Draw a picture as a player would show it, turned and in its proportions, no side longer than ``LONGEST_SIDE``."""
    import av  # noqa: PLC0415  # loaded by main

    ratio = frame.sample_aspect_ratio if hasattr(frame, "sample_aspect_ratio") else None
    wide = frame.width * float(ratio) if ratio else float(frame.width)
    scale = min(1.0, LONGEST_SIDE / max(wide, frame.height))
    width, height = max(2, round(wide * scale)), max(2, round(frame.height * scale))
    graph = av.filter.Graph()
    steps = [graph.add_buffer(width=frame.width, height=frame.height, format=frame.format, time_base=frame.time_base)]
    steps.append(graph.add("scale", f"{width}:{height}:out_range=full"))
    steps += [graph.add(*turn) for turn in _TURNS.get(-frame.rotation % 360, ())]
    steps += [graph.add("format", "pix_fmts=yuvj420p"), graph.add("buffersink")]
    graph.link_nodes(*steps).configure()
    graph.vpush(frame)
    drawn = graph.vpull()
    encoder = av.CodecContext.create("mjpeg", "w")
    encoder.width, encoder.height, encoder.pix_fmt = drawn.width, drawn.height, "yuvj420p"
    encoder.time_base = Fraction(1, 1)
    encoder.options = {"qmin": "3", "qmax": "5"}
    return b"".join(bytes(packet) for packet in [*encoder.encode(drawn), *encoder.encode(None)])


_TURNS: Final = {
    90: (("transpose", "clock"),),
    180: (("hflip",), ("vflip",)),
    270: (("transpose", "cclock"),),
}


def _tell(told: dict[str, object], thumbnail: bytes = b"") -> None:
    sys.stdout.buffer.write(json.dumps(told).encode() + b"\n" + thumbnail)
    sys.stdout.buffer.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
