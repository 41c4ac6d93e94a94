"""What one run has on disk."""

import hashlib
import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.media.clip import CLIP

TOKEN = "first"


@dataclass(frozen=True, slots=True)
class Folder:
    """The folder of one run: the file, the client's state, its token, and the server's data."""

    root: Path

    @property
    def file(self) -> Path:
        """What is uploaded."""
        return self.root / "talk.mp4"

    @property
    def state(self) -> Path:
        """Where the client may keep what it has to remember."""
        return self.root / "state"

    @property
    def token(self) -> Path:
        """A file with the token; it may change while the client runs."""
        return self.root / "token"

    @property
    def data(self) -> Path:
        """The server's data directory."""
        return self.root / "data"

    @property
    def log(self) -> Path:
        """What the client said."""
        return self.root / "client.log"

    def fill(self, size: int, *, seed: int) -> None:
        """Make the file and the rest."""
        self.state.mkdir(parents=True)
        self.token.write_text(TOKEN)
        with self.file.open("wb") as file:
            for piece in _video(size, seed=seed):
                file.write(piece)

    def rewrite(self, *, seed: int) -> None:
        """Put other bytes of the same length into the same file."""
        size = self.file.stat().st_size
        with self.file.open("r+b") as file:
            for piece in _video(size, seed=seed):
                file.write(piece)

    def results(self) -> list[Path]:
        """List what the server has published."""
        return sorted(path for path in (self.data / "uploads").rglob("*") if path.is_file())

    def unfinished(self) -> int:
        """Count what the server has of other uploads."""
        staging = self.data / "staging"
        return len(list(staging.iterdir())) if staging.exists() else 0


def _video(size: int, *, seed: int) -> Iterator[bytes]:
    """Make a playable video of ``size`` bytes: a clip and a box of noise."""
    clip, chance = CLIP.read_bytes(), random.Random(seed)
    yield clip + (size - len(clip)).to_bytes(4, "big") + b"free"
    for start in range(len(clip) + 8, size, 2**20):
        yield chance.randbytes(min(2**20, size - start))


def digest(path: Path) -> str:
    """SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
