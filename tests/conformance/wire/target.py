"""The server that is asked: how a request to it is written, and the uploads that a check begins from."""

import contextlib
import re
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final, Unpack
from urllib.parse import SplitResult, urljoin, urlsplit

from tests.conformance.wire import invariants
from tests.conformance.wire.answer import Answer, words
from tests.conformance.wire.calls import (
    INTEROP,
    NAMED,
    OFFSET_TYPE,
    ORIGIN,
    SOURCE,
    VERSION,
    Call,
    Options,
    Upload,
    append_fields,
    fields_of_user,
    path_of,
    short,
)
from tests.conformance.wire.connection import ANSWER_SECONDS, Connection, Message, write
from tests.conformance.wire.own import Own
from tests.conformance.wire.verdict import Failed, NotApplicable

_FRAMES: Final = ("content-length:", "transfer-encoding:")

Liar = Callable[[Message], Message]


@dataclass(slots=True)
class Target:
    """A server under test. ``own`` is its inside when it is one of ours that was started for this."""

    url: str
    own: Own | None = None
    origin: str | None = None
    """Sent with every request once the server is known to answer this page."""
    options: Answer | None = None
    announced: frozenset[str] = frozenset()
    interop: int | None = None
    """The newest interop version of the IETF draft that the server answers in, None when it knows none."""
    violations: dict[str, str] = field(default_factory=dict)
    """The first broken invariant of each kind since somebody took them away."""
    memory: invariants.Memory = field(default_factory=invariants.Memory)
    downloads: bool = True
    """False for a server that does not survive to be asked for a file; its content is not looked at then."""
    liar: Liar | None = None
    """Falsifies answers that are not of a preparation: so it is seen that a check can fail."""
    preparing: int = 0
    connections: list[Connection] = field(default_factory=list)
    """Those that were opened since ``hang_up``."""

    # --- getting to know it

    def discover(self) -> None:
        """Ask OPTIONS what is announced, and whether pages of ``ORIGIN`` get an answer."""
        with self.preparation():
            answer = self.ask("OPTIONS", self.collection, version=None)
            if not 200 <= answer.status < 300:
                answer = self.ask("OPTIONS", self.collection)
            self.options = answer
            self.announced = words(answer.get("Tus-Extension"))
            asked = ("Access-Control-Request-Method: PATCH",)
            granted = self.ask("OPTIONS", self.collection, f"Origin: {ORIGIN}", *asked, version=None)
            if "Access-Control-Allow-Origin" in granted.headers:
                self.origin = ORIGIN
            fields = ("Upload-Complete: ?0", f"Upload-Draft-Interop-Version: {INTEROP}")
            probe = self.post(*fields, version=None)
            # Who asks for credentials tells in OPTIONS, which needs none.
            told = "Upload-Limit" in answer.headers
            if told or (probe.status == 201 and probe.get("Upload-Complete") == "?0"):
                self.interop = INTEROP
        self.violations.clear()

    @property
    def base(self) -> SplitResult:
        """The parts of the address of the collection."""
        return urlsplit(self.url)

    @property
    def collection(self) -> str:
        """The request target of the collection."""
        return self.base.path or "/"

    @property
    def max_size(self) -> int | None:
        """Tus-Max-Size, if it is announced."""
        value = self.options.get("Tus-Max-Size") if self.options is not None else None
        return int(value) if value is not None and value.isdigit() else None

    @property
    def inside(self) -> Own:
        """Disk, rows and log of our own server. Raises NotApplicable for any other."""
        if self.own is None:
            raise NotApplicable("only our own server shows its inside")
        return self.own

    # --- asking

    def connect(self) -> Connection:
        """Open a connection; it is closed when the check is over at the latest."""
        self.connections.append(Connection(self.base))
        return self.connections[-1]

    def hang_up(self) -> None:
        """Close every connection that a check has left open."""
        while self.connections:
            self.connections.pop().close()

    def begin(
        self,
        method: str,
        path: str,
        *fields: str,
        body: bytes = b"",
        **options: Unpack[Options],
    ) -> Call:
        """Send a head and the body that is given.

        Host, Origin and Tus-Resumable are added unless a field or ``version`` says otherwise, and Content-Length unless
        a field frames the body or ``framed`` is False.
        """
        version, framed = options.get("version", VERSION), options.get("framed", True)
        told = [name.lower() for name in fields]
        lines = list(fields)
        if framed and not any(name.startswith(_FRAMES) for name in told) and (body or method in {"POST", "PATCH"}):
            lines.append(f"Content-Length: {len(body)}")
        extra = []
        if not any(name.startswith("host:") for name in told):
            extra.append(f"Host: {self.base.netloc.rpartition('@')[2]}")
        if version is not None:
            extra.append(f"Tus-Resumable: {version}")
        if self.origin is not None and not any(name.startswith("origin:") for name in told):
            extra.append(f"Origin: {self.origin}")
        call = Call(
            target=self,
            connection=options.get("on") or self.connect(),
            method=method,
            path=path,
            sent=self._describe(method, path, lines, body, version),
            fields=lines,
            version=version,
            bare=options.get("bare", False),
        )
        call.send(write(f"{method} {path} {options.get('protocol', 'HTTP/1.1')}", [*extra, *lines], body=body))
        return call

    def ask(self, method: str, path: str, *fields: str, body: bytes = b"", **options: Unpack[Options]) -> Answer:
        """Send a request on a connection of its own, and read its answer."""
        with self.begin(method, path, *fields, body=body, **options) as call:
            return call.answer(allow=options.get("allow", ()))

    def heard(self, call: Call, message: Message, *, allow: Sequence[int]) -> Answer:
        """Judge an answer by what holds for all, and give it to the check."""
        if self.liar is not None and not self.preparing:
            message = self.liar(message)
        answer = Answer(sent=call.sent, message=message)
        for id_, sentence in invariants.judge(self, call, answer, allow=allow):
            self.violations.setdefault(id_, f"{call.sent}: {sentence}")
        return answer

    def post(self, *fields: str, body: bytes = b"", **options: Unpack[Options]) -> Answer:
        """POST to the collection."""
        return self.ask("POST", self.collection, *fields, body=body, **options)

    def head(self, upload: Upload | str, *fields: str, **options: Unpack[Options]) -> Answer:
        """HEAD an upload."""
        return self.ask("HEAD", path_of(upload), *fields, **options)

    def patch(
        self,
        upload: Upload | str,
        *fields: str,
        at: int | str | None = None,
        body: bytes = b"",
        **options: Unpack[Options],
    ) -> Answer:
        """PATCH an upload at an offset, by default with the content type of tus; a field replaces that."""
        return self.ask("PATCH", path_of(upload), *append_fields(fields, at=at), body=body, **options)

    def begin_patch(self, upload: Upload | str, *fields: str, at: int, length: int, body: bytes = b"") -> Call:
        """Send the head of a PATCH of ``length`` bytes, and some of them."""
        lines = (*append_fields(fields, at=at), f"Content-Length: {length}")
        return self.begin("PATCH", path_of(upload), *lines, body=body)

    def delete(self, upload: Upload | str, *fields: str, **options: Unpack[Options]) -> Answer:
        """DELETE an upload."""
        return self.ask("DELETE", path_of(upload), *fields, **options)

    def get(self, upload: Upload | str, *fields: str) -> Answer:
        """GET an upload, as a browser does that knows no tus."""
        return self.ask("GET", path_of(upload), *fields, version=None)

    # --- preparing

    @contextlib.contextmanager
    def preparation(self) -> Iterator[None]:
        """Mark what is asked only to get to where the check begins."""
        self.preparing += 1
        try:
            yield
        finally:
            self.preparing -= 1

    def make(
        self,
        length: int | None = 10,
        *fields: str,
        stored: int = 0,
        source: bytes = SOURCE,
        metadata: str | None = NAMED,
    ) -> Upload:
        """Make an upload, of unknown length when that is None, with some bytes stored already."""
        if length is None and "creation-defer-length" not in self.announced:
            raise NotApplicable("creation-defer-length is not announced")
        size = "Upload-Defer-Length: 1" if length is None else f"Upload-Length: {length}"
        named = () if metadata is None else (f"Upload-Metadata: {metadata}",)
        with self.preparation():
            made = self.post(size, *named, *fields).expect(200, 201)
            upload = Upload(path=self.located(made), length=length, source=source)
            if stored or (length == 0 and self.head(upload).get("Upload-Offset") is None):
                self.patch(upload, *fields_of_user(fields), at=0, body=source[:stored]).expect(200, 204)
                upload.offset = stored
            upload.metadata = self.head(upload, *fields_of_user(fields)).get("Upload-Metadata")
        return upload

    def gone(self) -> Upload:
        """Make an upload and terminate it."""
        self.needs("termination")
        upload = self.make()
        with self.preparation():
            self.delete(upload).expect(204)
        return upload

    @property
    def unknown(self) -> str:
        """The request target of an upload that never was, spelled like those that are."""
        with self.preparation():
            path = self.make().path
        start, slash, name = path.rpartition("/")
        other = re.sub(r"[0-9a-zA-Z]", lambda found: "0" if found[0] != "0" else "1", name)
        return start + slash + other

    def needs(self, extension: str) -> None:
        """Raise NotApplicable unless an extension is announced."""
        if extension not in self.announced:
            raise NotApplicable(f"{extension} is not announced")

    def located(self, answer: Answer) -> str:
        """Give the request target that Location names."""
        location = answer.expect_field("Location").headers["Location"]
        found = urlsplit(urljoin(self.url, location))
        if not found.path:
            answer.fail("a Location that names an upload", got=f"Location: {location}")
        return found.path + (f"?{found.query}" if found.query else "")

    # --- looking

    def offset_of(self, upload: Upload | str) -> int:
        """Ask where an upload stands, which must be there."""
        return self.head(upload).expect(200, 204).number("Upload-Offset")

    def stands(self, upload: Upload, *, offset: int, length: int | None = None) -> Answer:
        """Fail unless HEAD shows this offset, and the stored bytes are those of the source."""
        answer = self.head(upload).expect(200, 204).expect_field("Upload-Offset", str(offset))
        if length is not None:
            answer.expect_field("Upload-Length", str(length))
        if self.own is not None and not self.preparing:
            stored = self.own.bytes_of(upload.path, published=answer.get("Content-Location"))
            self.same_bytes(answer, stored[:offset], upload.source[:offset])
        return answer

    def unchanged(self, upload: Upload, *, may_lie_beyond: bool = False) -> Answer:
        """Fail unless the upload stands as it did when the check began: offset, length, metadata and bytes.

        ``may_lie_beyond``: bytes that were written and not believed may lie behind the offset, where nobody sees them.
        """
        answer = self.stands(upload, offset=upload.offset, length=upload.length)
        if upload.length is None:
            answer.expect_no_field("Upload-Length")
        told, before = words(answer.get("Upload-Metadata")), words(upload.metadata)
        answer.require(told == before, f"Upload-Metadata: {upload.metadata}", got=answer.get("Upload-Metadata"))
        if self.own is not None and not may_lie_beyond:
            stored = self.own.bytes_of(upload.path, published=answer.get("Content-Location"))
            answer.require(len(stored) == upload.offset, f"{upload.offset} bytes on disk", got=f"{len(stored)}")
        return answer

    def completes(self, upload: Upload, *fields: str) -> Answer:
        """Send what is missing from the offset that HEAD tells, and fail unless the content is that of the source."""
        upload.offset = self.offset_of(upload)
        if upload.offset < (upload.length or 0):
            answer = self.patch(upload, *fields, at=upload.offset, body=upload.rest).expect(204)
            answer.expect_field("Upload-Offset", str(upload.length))
        upload.offset = upload.length or 0
        return self.holds(upload, upload.source[: upload.length])

    def holds(self, upload: Upload | str, content: bytes) -> Answer:
        """Fail unless a finished upload has this content; a server that serves no downloads is not asked about it."""
        path = path_of(upload)
        answer = self.head(path).expect(200, 204).expect_field("Upload-Offset", str(len(content)))
        if self.own is not None:
            stored = self.own.bytes_of(path, published=answer.get("Content-Location"))
            return self.same_bytes(answer, stored, content)
        if not self.downloads:
            return answer
        got = self.get(path)
        if got.status == 200:
            self.same_bytes(got, got.body, content)
        return answer

    def same_bytes(self, answer: Answer, found: bytes, sent: bytes) -> Answer:
        """Fail, and say that G-06 is broken, unless the stored bytes are those that were sent."""
        self.memory.looked_at += 1
        if found != sent:
            got = f"{len(found)} bytes, which differ from byte {_first_difference(found, sent)} on"
            self.violations.setdefault(
                "G-06", f"{answer.sent}: expected the {len(sent)} bytes that were sent, got {got}"
            )
            answer.fail(f"the {len(sent)} bytes that were sent", got=got)
        return answer

    def until(self, check: Callable[[], bool], *, what: str, seconds: float = ANSWER_SECONDS) -> float:
        """Wait until something has become true on the other side, which tells nobody when; give the seconds."""
        if self.liar is not None:
            seconds = min(seconds, 0.3)  # it will not come
        began = time.monotonic()
        while not check():
            if time.monotonic() - began > seconds:
                raise Failed(f"expected within {seconds:g} s {what}, and it did not come")
            time.sleep(0.005)
        return time.monotonic() - began

    @contextlib.contextmanager
    def nothing_made(self) -> Iterator[None]:
        """Fail if there is an upload or a file afterwards that was not there before; looks at our own server only."""
        if self.own is None:
            yield
            return
        before = self.own.census()
        yield
        new = self.own.census() - before
        if new:
            raise Failed(f"expected that nothing is made, got {', '.join(sorted(new))}")

    def _describe(self, method: str, path: str, lines: Sequence[str], body: bytes, version: str | None) -> str:
        told = [short(line) for line in lines if not line.startswith(("Content-Length: ", OFFSET_TYPE))]
        if version != VERSION and method != "OPTIONS":
            told.insert(0, "no Tus-Resumable" if version is None else f"Tus-Resumable: {version}")
        if body:
            told.append(f"{len(body)} bytes")
        where = "C" if path == self.collection else "U" if path.startswith(self.collection) else path
        return f"{method} {where}" + (f" with {', '.join(told)}" if told else "")


def _first_difference(one: bytes, other: bytes) -> int:
    return next((at for at, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))
