"""resumable-upload with more retries and a stored URL: python resumable.py URL FILE STATE TOKEN-FILE."""

import sys
from pathlib import Path

from resumable_upload import FileURLStorage, TusClient

RETRIES, RETRY_SECONDS = 30, 1.0


def main(url: str, file: str, state: str, token: str) -> None:
    """Upload the file, or go on with it."""
    TusClient(
        f"{url}/files",
        headers={"Authorization": f"Bearer {Path(token).read_text()}"},
        max_retries=RETRIES,
        retry_delay=RETRY_SECONDS,
        store_url=True,
        url_storage=FileURLStorage(f"{state}/urls.json"),
    ).upload_file(file)


if __name__ == "__main__":
    main(*sys.argv[1:])
