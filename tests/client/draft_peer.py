"""The same small server, speaking the IETF draft; what the draft leaves open is switched by its attributes."""

import base64
import hashlib
from urllib.parse import unquote

from aiohttp import web

from tests.client.peer import SEEN, UPLOADS, Peer, Upload

PROBLEMS = "https://iana.org/assignments/http-problem-types#"


class DraftPeer(Peer):
    """Interop version 9.

    Attributes:
        limits: What Upload-Limit says.
        says_complete: False leaves Upload-Complete out of answers to HEAD and to the last append.
        says_offset: False leaves Upload-Offset out of answers to appends.
        digest: What Repr-Digest says of the whole; the truth if None.
        verdict: Answer the last append with this status, as the last word.
    """

    def __init__(self) -> None:
        super().__init__()
        self.limits = "max-size=1000000000"
        self.offer = {"Upload-Limit": self.limits}
        self.says_complete = True
        self.says_offset = True
        self.digest: str | None = None
        self.verdict = 0
        self.finished: set[int] = set()

    def only_data(self) -> bytes:
        """The bytes of the one upload, which has to be finished."""
        upload = self.only()
        assert id(upload) in self.finished
        return bytes(upload.data)

    async def _create(self, request: web.Request) -> web.Response:
        fields = request.headers
        assert fields["Upload-Draft-Interop-Version"] == "9"
        assert "Tus-Resumable" not in fields
        assert (fields["Upload-Complete"], request.content_length) == ("?0", 0)
        key = fields["Idempotency-Key"]
        found = [name for name, upload in self.uploads.items() if upload.key == key]
        name = found[0] if found else hashlib.sha256(str(len(self.seen)).encode()).hexdigest()[:32]
        if not found:
            upload = Upload(length=int(fields["Upload-Length"]), key=key)
            upload.metadata["filename"] = unquote(fields["Content-Disposition"].partition("UTF-8''")[2])
            self.uploads[name] = upload
        told = {"Location": f"/files/{name}", "Upload-Complete": "?0", "Upload-Limit": self.limits}
        return web.Response(status=201, headers=told)

    async def _head(self, request: web.Request) -> web.Response:
        upload = self.uploads.get(request.match_info["id"])
        if upload is None:
            return web.Response(status=404)
        told = {"Upload-Offset": str(len(upload.data)), "Upload-Limit": self.limits}
        if self.says_complete:
            told["Upload-Complete"] = "?1" if id(upload) in self.finished else "?0"
        return web.Response(status=204, headers=told)

    async def _patch(self, request: web.Request) -> web.Response:
        fields = request.headers
        upload = self.uploads[request.match_info["id"]]
        assert fields["Content-Type"] == "application/partial-upload"
        offset = int(fields["Upload-Offset"])
        request[SEEN].start = offset
        stored = len(upload.data)
        if offset != stored:
            problem = {"type": f"{PROBLEMS}mismatching-upload-offset", "expected-offset": stored}
            told = {"Upload-Complete": "?0", **({"Upload-Offset": str(stored)} if self.says_offset_on_409 else {})}
            return web.json_response(problem, status=409, headers=told)
        if not await self._store(request, upload):
            problem = {"type": f"{PROBLEMS}digest-mismatched-values"}
            return web.json_response(problem, status=400, headers={"Upload-Complete": "?0"})
        told = {"Upload-Offset": str(len(upload.data))} if self.says_offset else {}
        if fields["Upload-Complete"] == "?0":
            return web.Response(status=204, headers={**told, "Upload-Complete": "?0"})
        assert len(upload.data) == upload.length
        self.finished.add(id(upload))
        if self.says_complete:
            told["Upload-Complete"] = "?1"
        if self.verdict:
            return web.json_response({"detail": "that is no video"}, status=self.verdict, headers=told)
        digest = hashlib.sha256(upload.data).digest() if self.digest is None else self.digest.encode()
        told["Repr-Digest"] = f"sha-256=:{base64.b64encode(digest).decode()}:"
        told["Content-Location"] = f"{UPLOADS}/{upload.metadata['filename']}"
        return web.json_response({"success": True}, status=201, headers=told)
