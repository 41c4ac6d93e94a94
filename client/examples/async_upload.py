"""Upload files side by side and print where they are.

Usage: python async_upload.py URL FILE…
"""

import asyncio
import sys

from tusvideo_client import AsyncUploader, UploadError


async def main(url: str, *paths: str) -> int:
    """Upload every path; run the same command again to resume what is left."""
    async with AsyncUploader(url) as uploader:
        results = await asyncio.gather(*(uploader.upload(path) for path in paths), return_exceptions=True)
    for path, result in zip(paths, results, strict=True):
        if isinstance(result, UploadError):
            print(f"{path}: {result}", file=sys.stderr)
        elif isinstance(result, BaseException):
            raise result
        else:
            print(result.url)
    return 1 if any(isinstance(result, UploadError) for result in results) else 0


if __name__ == "__main__":
    if len(sys.argv) < 3:  # noqa: PLR2004  # the server and at least one file
        sys.exit(__doc__)
    sys.exit(asyncio.run(main(*sys.argv[1:])))
