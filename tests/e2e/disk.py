"""What lies in a data directory, seen from outside the server."""

import random
from pathlib import Path
from urllib.parse import unquote

from tests.media.clip import CLIP

MIB = 1024 * 1024


def video(seed: int, size: int) -> bytes:
    """Make the content of a playable mp4 of ``size`` bytes, the same for the same seed: a clip and a box of noise."""
    clip = CLIP.read_bytes()
    noise = size - len(clip) - 8
    return clip + (noise + 8).to_bytes(4, "big") + b"free" + random.Random(seed).randbytes(noise)


def staged(data_dir: Path) -> list[Path]:
    """List what lies in staging."""
    return sorted((data_dir / "staging").iterdir())


def published(data_dir: Path, directory: str) -> list[Path]:
    """List everything below the folder of a profile, hidden names included."""
    return sorted(path for path in (data_dir / "uploads" / directory).rglob("*") if path.is_file())


def place_of(data_dir: Path, url: str) -> Path:
    """Give the file on disk that is served under a path."""
    return data_dir / unquote(url).lstrip("/")
