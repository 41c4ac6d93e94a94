"""What is found out about videos of every kind, by the process that reads them."""

import random
import zlib
from io import BytesIO
from pathlib import Path

import pytest

from tests.inspection.conftest import Examine
from tests.media.clip import CLIP
from tests.media.clips import av, make_clip, turn
from tusvideo.video import Facts, Fault, Inspection


def size_of(picture: bytes) -> tuple[int, int]:
    """Decode a JPEG; its width and height."""
    with av.open(BytesIO(picture), format="jpeg_pipe") as container:
        frame = next(container.decode(video=0))
        return frame.width, frame.height


@pytest.mark.parametrize(
    ("name", "container", "video", "audio", "codecs", "faststart"),
    [
        ("a.mp4", None, "libx264", "aac", ("h264", "aac"), False),
        ("a.mov", None, "libx264", None, ("h264", None), False),
        ("a.m4v", "ipod", "libx264", "aac", ("h264", "aac"), False),
        ("a.3gp", None, "mpeg4", None, ("mpeg4", None), False),
        ("a.webm", None, "libvpx-vp9", "libopus", ("vp9", "opus"), None),
        ("b.webm", None, "libvpx", None, ("vp8", None), None),
        ("a.mkv", None, "libx264", "aac", ("h264", "aac"), None),
        ("a.avi", None, "mpeg4", None, ("mpeg4", None), None),
        ("a.mpeg", "mpeg", "mpeg2video", "mp2", ("mpeg2video", "mp2"), None),
        ("b.mpeg", "mpeg2video", "mpeg2video", None, ("mpeg2video", None), None),
        ("a.ts", None, "libx264", "aac", ("h264", "aac"), None),
    ],
)
async def test_every_kind(
    tmp_path: Path,
    examine: Examine,
    name: str,
    container: str | None,
    video: str,
    audio: str | None,
    codecs: tuple[str, str | None],
    faststart: bool | None,
) -> None:
    """Duration, size, codecs and the order of boxes are told; a thumbnail is drawn."""
    size = (352, 288) if name.endswith("3gp") else (320, 240)
    path = make_clip(tmp_path / name, container=container, video=video, audio=audio, size=size)
    found = await examine(path)
    assert found.fault is None
    facts = found.facts
    assert (facts.video_codec, facts.audio_codec) == codecs
    assert (facts.width, facts.height, facts.rotation) == (*size, 0)
    assert facts.faststart is faststart
    if name != "b.mpeg":  # no container, so that nobody knows when it ends but by counting
        assert facts.duration == pytest.approx(2, abs=0.35)
    assert found.thumbnail is not None
    assert size_of(found.thumbnail) == size


async def test_the_clip_of_the_house(examine: Examine) -> None:
    """The clip that other tests send."""
    found = await examine(CLIP)
    assert (found.fault, found.facts.video_codec, found.facts.audio_codec) == (None, "h264", "aac")
    assert found.facts.duration == pytest.approx(2, abs=0.2)


async def test_an_index_in_front(tmp_path: Path, examine: Examine) -> None:
    """A file that plays while it loads is known as one."""
    found = await examine(make_clip(tmp_path / "a.mp4", movflags="faststart"))
    assert found.facts.faststart is True


async def test_fragments(tmp_path: Path, examine: Examine) -> None:
    """A file in fragments, as browsers record them, has its index first."""
    path = make_clip(tmp_path / "a.mp4", movflags="frag_keyframe+empty_moov")
    found = await examine(path)
    assert (found.fault, found.facts.faststart) == (None, True)
    assert found.facts.duration == pytest.approx(2, abs=0.2)


async def test_a_recording_that_does_not_say_how_long_it_is(tmp_path: Path, examine: Examine) -> None:
    """A live webm has no duration in its head: it is counted."""
    path = make_clip(tmp_path / "a.webm", video="libvpx", live="1")
    found = await examine(path)
    assert found.facts.duration == pytest.approx(2, abs=0.2)


@pytest.mark.parametrize("degrees", [90, 180, 270])
async def test_a_turned_picture(tmp_path: Path, examine: Examine, degrees: int) -> None:
    """Width and height are those that are stored, the rotation is told, and the thumbnail is upright."""
    path = turn(make_clip(tmp_path / "a.mp4"), degrees)
    found = await examine(path)
    assert (found.facts.width, found.facts.height, found.facts.rotation) == (320, 240, degrees)
    assert found.thumbnail is not None
    assert size_of(found.thumbnail) == ((320, 240) if degrees == 180 else (240, 320))


async def test_a_large_picture_gets_a_small_thumbnail(tmp_path: Path, examine: Examine) -> None:
    """No side is longer than 640."""
    found = await examine(make_clip(tmp_path / "a.mp4", size=(1920, 1080), seconds=0.3))
    assert found.thumbnail is not None
    assert size_of(found.thumbnail) == (640, 360)


async def test_sound_only(tmp_path: Path, examine: Examine) -> None:
    """An mp4 without a picture is no video."""
    path = make_clip(tmp_path / "a.mp4", video=None, audio="aac")
    assert await examine(path) == Inspection(fault=Fault.NO_PICTURE)


def cut(content: bytes) -> bytes:
    """The first half of it."""
    return content[: len(content) // 2]


def noise(content: bytes) -> bytes:
    """An honest beginning, and noise."""
    return content[:32] + random.Random(1).randbytes(20_000)


def playlist(content: bytes) -> bytes:
    """A playlist of other files behind the beginning of an mp4."""
    return content[:32] + b"\n#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\nhttp://127.0.0.1:9/x.ts\n"


def concat(content: bytes) -> bytes:
    """A script that names another file."""
    return content[:32] + b"\nffconcat version 1.0\nfile /etc/passwd\n"


def no_samples(content: bytes) -> bytes:
    """An index that names samples far beyond the end of the file."""
    at = content.index(b"stco") + 12
    return content[:at] + b"\xff" * 8 + content[at + 8 :]


@pytest.mark.parametrize("damage", [cut, noise, playlist, concat])
async def test_what_is_damaged_is_unreadable(tmp_path: Path, examine: Examine, damage: object) -> None:
    """A file that only begins like a video, whatever comes then, is a fault and nothing more."""
    path = make_clip(tmp_path / "a.mp4")
    assert callable(damage)
    path.write_bytes(damage(path.read_bytes()))
    assert await examine(path) == Inspection(fault=Fault.UNREADABLE)


@pytest.mark.parametrize("seed", range(12))
async def test_random_damage_is_survived(tmp_path: Path, examine: Examine, seed: int) -> None:
    """Of a hundred bytes changed anywhere the worst that comes is a fault."""
    chosen = random.Random(seed)
    content = bytearray(make_clip(tmp_path / "a.mp4", audio="aac").read_bytes())
    for _ in range(100):
        content[chosen.randrange(32, len(content))] = chosen.randrange(256)
    (tmp_path / "b.mp4").write_bytes(content)
    found = await examine(tmp_path / "b.mp4")
    assert found.fault is None or found.facts == Facts()


async def test_a_picture_that_takes_all_memory(tmp_path: Path, examine: Examine) -> None:
    """A head that claims a picture of a gigapixel costs no gigabytes: a fault, or facts without a thumbnail."""
    path = make_clip(tmp_path / "a.avi", video="mpeg4")
    content = path.read_bytes()
    claimed = (32_000).to_bytes(4, "little") * 2
    path.write_bytes(content.replace((320).to_bytes(4, "little") + (240).to_bytes(4, "little"), claimed))
    found = await examine(path)
    assert found.fault is not None or found.thumbnail is None or size_of(found.thumbnail) <= (640, 640)


async def test_an_index_that_unpacks_to_gigabytes(tmp_path: Path, examine: Examine) -> None:
    """A packed index (cmov) of 2 GiB is not unpacked: a fault."""
    packer = zlib.compressobj(9)
    packed = b"".join(packer.compress(bytes(1 << 20)) for _ in range(64)) + packer.flush()

    def box(kind: bytes, *contents: bytes) -> bytes:
        content = b"".join(contents)
        return (8 + len(content)).to_bytes(4) + kind + content

    cmov = box(b"cmov", box(b"dcom", b"zlib"), box(b"cmvd", (2**31 - 1).to_bytes(4), packed))
    path = tmp_path / "a.mp4"
    path.write_bytes(box(b"ftyp", b"isom\0\0\0\0isom") + box(b"moov", cmov) + box(b"mdat", bytes(5000)))
    found = await examine(path)
    assert found.fault in {Fault.UNREADABLE, Fault.TOO_LARGE, Fault.NO_PICTURE}
