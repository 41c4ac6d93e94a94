"""Upload a video over the chunk API and print its name on the server.

Usage: python chunked_upload.py URL VIDEO
"""

import sys

from tusvideo_client import ChunkedVideoUploader, UploadError


def main(url: str, video: str) -> int:
    """Upload one video; run the same command again to resume it."""
    try:
        filename = ChunkedVideoUploader(url).upload_video(
            video,
            on_progress=lambda percent: print(f"{percent} %", file=sys.stderr),
            on_error=lambda text: print(f"{video}: {text}", file=sys.stderr),
        )
    except UploadError:
        return 1
    print(filename)
    return 0


if __name__ == "__main__":
    if len(sys.argv) != 3:  # noqa: PLR2004  # the server and the video
        sys.exit(__doc__)
    sys.exit(main(*sys.argv[1:]))
