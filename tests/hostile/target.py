"""A server under attack: uploads that were stored before, and what must hold after every single request."""

import hashlib
import random
import re
import time
import unicodedata
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.faults.processes import ServerProcess
from tests.faults.wire import ANSWER_SECONDS, Answer, Connection, NoAnswer, request
from tests.media.clip import CLIP
from tests.web import forms

TUS: Final = "Tus-Resumable: 1.0.0"
BYTES: Final = "Content-Type: application/offset+octet-stream"
JSON: Final = "Content-Type: application/json"
CHUNK: Final = forms.CHUNK
FINALIZE: Final = forms.FINALIZE
METADATA: Final = "/api/videos/metadata"
UNKNOWN: Final = "0" * 32

CHUNK_SIZE: Final = 8192
VIDEO: Final = CLIP.read_bytes()
NOISE: Final = random.Random(2).randbytes(4096)

HUGE: Final[Mapping[str, str]] = {"60 digits": "9" * 60, "5000 digits": "9" * 5000}
BAD_NUMBERS: Final[Mapping[str, str]] = {
    "empty": "",
    "negative": "-1",
    "minus zero": "-0",
    "plus": "+1",
    "leading zero": "01",
    "two zeros": "00",
    "float": "1.0",
    "exponent": "1e1",
    "hex": "0x1",
    "octal": "0o1",
    "underscore": "1_0",
    "comma": "1,000",
    "two numbers": "1 1",
    "a word": "abc",
    "not a number": "NaN",
    "infinity": "Infinity",
    "none": "null",
    "2^63": str(2**63),
    **HUGE,
}
"""Spellings that are no number here, whatever a lenient parser makes of them."""
UNICODE_NUMBERS: Final[Mapping[str, str]] = {
    "arabic digits": "\u0661\u0662",
    "full-width digits": "\uff11",
    "superscript": "\u00b2",
    "no-break space": "\u00a01",
    "minus sign": "\u22121",
}

_EXCEPTION: Final = re.compile(r"\b[A-Z]\w*(?:Error|Exception|Warning|Cut|Exit)\b")
_PLACES: Final = re.compile(
    r"data(?:|/tusvideo\.db(?:|-wal|-shm|\.lock)|/\.lock|/staging|/lost\+found|/uploads)|data\.log"
)
_STAGED: Final = re.compile(r"data/staging/[0-9a-f]{32}", re.ASCII)
_THUMBNAIL: Final = re.compile(r"data/media(?:/local(?:/[0-9a-f]{32}-[0-9a-f]{16}\.(?:jpg|new))?)?", re.ASCII)
_SPARE: Final = re.compile(r"data/uploads/(?:posters|videos|files)/local/[.]tusvideo-[0-9a-f]{32}", re.ASCII)
"""The name that a file has beside its own, for a moment, while it is published under one that may be taken."""
_PUBLISHED: Final = re.compile(r"data/uploads/(?:posters|videos|files)(?:/local(?:/([^/]+))?)?")
_ADVICE: Final = re.compile(
    r"expected|use |send |check |at most|allowed|leave |add it|may not|continue at|keep it|finalize again|too large"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """Uploads that were stored before the attacks, by where they lie on disk and under which address."""

    partial: str
    """Path of a tus upload of 4,096 bytes that has half of them."""
    complete: str
    """Path of a finished tus upload."""
    published: str
    """Path under which the finalized video is served."""
    filename: str
    """Name of the finalized video."""
    files: Mapping[Path, bytes]
    """What lies on disk, and must lie there still."""


class Target:
    """A running server, and the judge of its answers."""

    def __init__(self, server: ServerProcess) -> None:
        self.server = server
        self.port = server.port
        self.root = server.data_dir.parent
        self.sent = 0
        """So many requests were answered by tusvideo itself, which logs each."""
        self._number = 0
        self.kept = self._store()
        self._seen: set[str] = set()
        self.stands(nothing_new=False)
        self.memory_kib = self.resident_kib()

    # --- asking

    def ask(self, data: bytes, *, method: str | None = None) -> Answer:
        """Send one request on a connection of its own; nothing is judged."""
        with Connection(self.port) as connection:
            self.sent += 1
            return connection.ask(data, method=method)

    def refused(
        self,
        data: bytes,
        status: int | Collection[int],
        *,
        says: str = "",
        bare: bool = False,
        method: str | None = None,
    ) -> Answer:
        """Send a request that must be refused with this status; ``says`` is a part of the sentence.

        ``bare`` is for what aiohttp's parser refuses by itself, in its own words.
        """
        method = method or data.partition(b" ")[0].decode("latin-1")
        answer = self.ask(data, method=method)
        allowed = {status} if isinstance(status, int) else set(status)
        assert answer.status in allowed, (answer.status, answer.body[:400])
        path = data.split(b" ", 2)[1].decode("latin-1")
        if bare:
            self.sent -= 1
            judge_bare(answer)
        else:
            judge_refusal(
                answer, method=method, tus=path.startswith("/files") and b"\r\nTus-Resumable:" in data, says=says
            )
        judge_words(answer, root=self.root)
        self.stands(nothing_new=True)
        return answer

    def taken(self, data: bytes, status: int | Collection[int], *, method: str | None = None) -> Answer:
        """Send a request that must work; what it stores must lie where uploads lie."""
        answer = self.ask(data, method=method)
        allowed = {status} if isinstance(status, int) else set(status)
        assert answer.status in allowed, (answer.status, answer.body[:400])
        judge_words(answer, root=self.root)
        self.stands(nothing_new=False)
        return answer

    def judge(self, answer: Answer, *, method: str, tus: bool = False, says: str = "") -> None:
        """Judge a refusal that a test got by itself."""
        self.sent += 1
        judge_refusal(answer, method=method, tus=tus, says=says)
        judge_words(answer, root=self.root)
        self.stands(nothing_new=True)

    # --- what must hold

    def stands(self, *, nothing_new: bool) -> None:
        """The server answers, nothing stored is lost, and nothing lies where nothing may lie."""
        self.healthy()
        for path, data in self.kept.files.items():
            assert path.read_bytes()[: len(data)] == data, f"{path.name} was changed"
        now = self._tree("")
        gone = {place for place in self._seen - now if place.startswith("data/uploads") and not _SPARE.fullmatch(place)}
        new, self._seen = now - self._seen, now
        assert not gone, gone
        for place in new:
            published = _PUBLISHED.fullmatch(place)
            known = next(
                filter(None, (kind.fullmatch(place) for kind in (_PLACES, _STAGED, _THUMBNAIL, _SPARE))), published
            )
            assert known, f"made outside of staging and the user's folders: {place!r}"
            if published is not None and published[1] is not None and _SPARE.fullmatch(place) is None:
                assert not nothing_new, f"published by a refused request: {place!r}"
                judge_name(published[1])

    def spares(self) -> set[str]:
        """Name what is being published at this moment."""
        return {place for place in self._tree("") if _SPARE.fullmatch(place)}

    def healthy(self) -> None:
        """The server answers within the bound."""
        assert self.ask(request("GET /healthz HTTP/1.1", "Connection: close")).status == 200

    def resident_kib(self) -> int:
        """KiB of memory that the server holds."""
        status = Path(f"/proc/{self.server.pid}/status").read_text()
        return int(re.search(r"VmRSS:\s+(\d+) kB", status)[1])  # type: ignore[index]  # a process has that line

    def logged(self, answer: Answer) -> str:
        """Give the line that the log has for a request; it is written when all is over, the unread body too."""
        wanted = f"request_id={answer.headers['X-Request-ID']} "
        deadline = time.monotonic() + ANSWER_SECONDS
        while time.monotonic() < deadline:
            for line in reversed(self.server.log.read_text().splitlines()):
                if wanted in line:
                    return line
            time.sleep(0.005)  # nobody tells when a line is written
        raise NoAnswer(f"no line with {wanted}")

    def whole(self) -> None:
        """What was stored before can be read and completed: the last word after all attacks."""
        kept = self.kept
        assert self.ask(request(f"GET {kept.complete} HTTP/1.1")).body == NOISE
        assert self.ask(request(f"GET {kept.published} HTTP/1.1")).body == VIDEO
        head = self.ask(request(f"HEAD {kept.partial} HTTP/1.1", TUS))
        assert (head.status, head.headers["Upload-Offset"], head.headers["Upload-Length"]) == (200, "2048", "4096")
        fields = (TUS, BYTES, "Upload-Offset: 2048")
        assert self.ask(request(f"PATCH {kept.partial} HTTP/1.1", *fields, body=NOISE[2048:])).status == 204
        assert self.ask(request(f"GET {kept.partial} HTTP/1.1")).body == NOISE
        assert self.put("kept-partial", 1, 2, data=VIDEO[CHUNK_SIZE:]).status == 200
        checksum = hashlib.sha256(VIDEO).hexdigest()
        done = self.finalize("kept-partial", 2, checksum=f'"{checksum}"')
        assert done.status == 200, done.body
        assert self.ask(request(f"GET {done.json['url']} HTTP/1.1")).body == VIDEO

    # --- requests that work

    def key(self) -> str:
        """Make an uploadId that nobody has used."""
        self._number += 1
        return f"key-{self._number}"

    def create(self, length: int = 10, *fields: str) -> str:
        """Make a tus upload and give its path."""
        answer = self.ask(request("POST /files/ HTTP/1.1", TUS, f"Upload-Length: {length}", *fields))
        assert answer.status == 201, answer.body
        return answer.headers["Location"]

    def offset(self, path: str) -> int:
        """Ask where a tus upload stands."""
        answer = self.ask(request(f"HEAD {path} HTTP/1.1", TUS))
        assert answer.status == 200
        return int(answer.headers["Upload-Offset"])

    def put(self, key: str, index: int, total: int, *, data: bytes) -> Answer:
        """Send a chunk."""
        body = forms.form(*forms.chunk_fields(index, total, key=key), ("chunk", data))
        return self.ask(request(f"POST {CHUNK} HTTP/1.1", forms.TYPE, body=body))

    def finalize(self, key: str, total: int, *, filename: str = '"clip.mp4"', checksum: str = "null") -> Answer:
        """Finalize; ``filename`` and ``checksum`` are JSON."""
        body = f'{{"uploadId":"{key}","totalChunks":{total},"filename":{filename},"checksum":{checksum}}}'
        return self.ask(request(f"POST {FINALIZE} HTTP/1.1", JSON, body=body.encode()))

    def _store(self) -> Kept:
        half = self.create(4096, "Upload-Metadata: filename aGFsZi5iaW4=")
        fields = (TUS, BYTES, "Upload-Offset: 0")
        assert self.ask(request(f"PATCH {half} HTTP/1.1", *fields, body=NOISE[:2048])).status == 204
        complete = self.create(4096, "Upload-Metadata: filename d2hvbGUuYmlu")
        assert self.ask(request(f"PATCH {complete} HTTP/1.1", *fields, body=NOISE)).status == 204
        before = self._tree("staging")
        assert self.put("kept-partial", 0, 2, data=VIDEO[:CHUNK_SIZE]).status == 200
        (chunks,) = self._tree("staging") - before
        for index in range(2):
            data = VIDEO[index * CHUNK_SIZE :][:CHUNK_SIZE]
            assert self.put("kept-done", index, 2, data=data).status == 200
        done = self.finalize("kept-done", 2)
        assert done.status == 200, done.body
        folder = self.server.data_dir
        return Kept(
            partial=half,
            complete=complete,
            published=done.json["url"],
            filename=done.json["filename"],
            files={
                folder / "staging" / half.rpartition("/")[2]: NOISE[:2048],
                self.root / chunks: VIDEO[:CHUNK_SIZE],
                folder / "uploads" / "files" / "local" / "whole.bin": NOISE,
                folder / "uploads" / "posters" / "local" / done.json["filename"]: VIDEO,
            },
        )

    def _tree(self, below: str) -> set[str]:
        start = self.server.data_dir / below if below else self.root
        return {str(path.relative_to(self.root)) for path in start.rglob("*")}


def judge_refusal(answer: Answer, *, method: str, tus: bool, says: str = "") -> None:
    """A refusal is a problem document: a stable code, and a sentence that tells what to do."""
    assert 400 <= answer.status < 500, answer
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    if tus:
        assert answer.headers["Tus-Resumable"] == "1.0.0"
    if method == "HEAD":
        assert not answer.body
        return
    assert answer.headers["Content-Type"] == "application/problem+json"
    document = answer.json
    assert document["status"] == answer.status
    assert re.fullmatch(r"[a-z_]+", document["code"]), document
    assert (document["success"], document["error"]) == (False, document["detail"])
    detail = document["detail"]
    assert detail.isprintable(), detail
    assert len(detail) <= 400, detail
    assert _ADVICE.search(detail), f"no advice in {detail!r}"
    assert says in detail, (says, detail)


def judge_bare(answer: Answer) -> None:
    """What the parser itself refuses gets its short 400, and the connection ends."""
    assert answer.status == 400
    assert answer.closes


def judge_words(answer: Answer, *, root: Path) -> None:
    """No answer tells a path of the server, a stack or the name of an exception."""
    text = "".join(f"{name}: {value}\n" for name, value in answer.headers.items())
    if answer.headers.get("Content-Type", "").endswith(("json", "plain; charset=utf-8")):
        text += answer.body.decode("utf-8")  # else it is a file, whose bytes are nobody's words
    for secret in (str(root), "site-packages", "tusvideo/", ".py", "Traceback", 'File "', "/staging", "sqlite"):
        assert secret not in text, (secret, text[:400])
    assert _EXCEPTION.search(text) is None, text[:400]
    assert all(name.isascii() and value.isprintable() for name, value in answer.headers.items())


def judge_name(name: str) -> None:
    """A published name is one plain name that no shell, terminal or file system trips over."""
    assert name.isprintable(), ascii(name)
    assert unicodedata.normalize("NFC", name) == name, ascii(name)
    assert not name.startswith((".", " ", "-")), name
    assert not name.endswith((".", " ")), name
    assert not set(name) & set('/\\<>:"|?*'), name
    assert len(name.encode()) <= 255
