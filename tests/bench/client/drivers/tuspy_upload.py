"""tuspy with retries and a stored URL: python tuspy_upload.py URL FILE STATE TOKEN-FILE [checksum]."""

import io
import sys
from contextlib import closing
from pathlib import Path

from tusclient.client import TusClient
from tusclient.storage.filestorage import FileStorage

RETRIES, RETRY_SECONDS = 30, 1


class Reopened(io.FileIO):
    """A file that stays open: tuspy closes the stream that it has taken the fingerprint of, and reads it afterwards."""

    def __exit__(self, *_: object) -> None:
        """Do not close."""


def main(url: str, file: str, state: str, token: str, *more: str) -> None:
    """Upload the file, or go on with it."""
    client = TusClient(f"{url}/files/", headers={"Authorization": f"Bearer {Path(token).read_text()}"})
    storage = FileStorage(f"{state}/urls.json")  # type: ignore[no-untyped-call]  # tuspy's
    with closing(storage), Reopened(file) as stream:
        client.uploader(
            file_stream=stream,
            metadata={"filename": Path(file).name},
            retries=RETRIES,
            retry_delay=RETRY_SECONDS,
            store_url=True,
            url_storage=storage,
            upload_checksum="checksum" in more,
        ).upload()


if __name__ == "__main__":
    main(*sys.argv[1:])
