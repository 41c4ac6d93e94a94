"""``python -m tusvideo_client upload FILE… --to URL``."""

import sys

from .cli import run

if __name__ == "__main__":
    sys.exit(run())
