"""Real videos of any size: a two-second clip (H.264 and AAC, made with ffmpeg's test sources) and padding behind it."""

import random
from pathlib import Path

CLIP = Path(__file__).with_name("clip.mp4")
_BOX_HEAD = 8


def make_mp4(path: Path, *, size: int, seed: int = 0) -> Path:
    """Write a playable mp4 of exactly ``size`` bytes: the clip, then a ``free`` box of seeded noise.

    Players skip the box; the noise makes every byte matter in a comparison.
    """
    clip = CLIP.read_bytes()
    rest = size - len(clip)
    if rest < _BOX_HEAD:
        message = f"an mp4 of {size} bytes cannot be made: the clip alone has {len(clip)}, a box {_BOX_HEAD} more"
        raise ValueError(message)
    noise = random.Random(seed)
    with path.open("wb") as file:
        file.write(clip)
        file.write(rest.to_bytes(4, "big") + b"free")
        rest -= _BOX_HEAD
        while rest:
            block = noise.randbytes(min(rest, 1 << 20))
            file.write(block)
            rest -= len(block)
    return path
