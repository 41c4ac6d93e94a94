"""What every dialect but tus says about a file that was published."""

from tusvideo.model import Upload


def describe(upload: Upload, *, url: str) -> dict[str, object]:
    """Give the JSON that answers a finalize; ``url`` is the path of the published file, ``size`` is in bytes.

    ``uploadId`` is the client's own name of the upload if it has one, else ours.
    Spec: POST /api/{profile}/video/finalize.
    """
    return {
        "success": True,
        "filename": upload.location.filename if upload.location is not None else None,
        "url": url,
        "size": upload.length,
        "contentType": upload.content_type,
        "uploadId": upload.client_key or upload.id,
    }
