"""J: what clients depend on that are out there, in the words in which they ask."""

import json
import time
from email.utils import parsedate_to_datetime
from typing import Final
from urllib.parse import urljoin

from tests.conformance.wire.answer import words
from tests.conformance.wire.calls import OFFSET_TYPE, SOURCE, Upload, metadata
from tests.conformance.wire.catalogue import check
from tests.conformance.wire.target import Target
from tests.conformance.wire.tus.checksums import sha1
from tests.conformance.wire.tus.cors import known, preflight
from tests.conformance.wire.tus.facts import same
from tests.conformance.wire.verdict import OURS, Failed, NotApplicable

MIB: Final = 1 << 20
DAY: Final = 24 * 3600


@check("J-01", OURS)
def location_of_a_creation(t: Target) -> None:
    """tus-js-client: a creation has a Location, which may be relative to the endpoint."""
    answer = t.post("Upload-Length: 10", f"Upload-Metadata: {metadata(filename='a.bin', filetype='x/y')}")
    path = t.located(answer.expect_success())
    t.head(urljoin(t.collection, path)).expect(200, 204)


@check("J-02", OURS)
def fields_across_origins(t: Target) -> None:
    """tus-js-client in a browser: Location, Upload-Offset and Upload-Length can be read across origins."""
    known(t)
    upload = t.make(10, stored=3)
    for answer in (t.post("Upload-Length: 10"), t.head(upload), t.patch(upload, at=3, body=SOURCE[3:4])):
        shown = words(answer.expect_success().get("Access-Control-Expose-Headers"))
        missing = [name for name in ("Location", "Upload-Offset", "Upload-Length") if name.lower() not in shown]
        answer.require(not missing or "*" in shown, "them in Access-Control-Expose-Headers", got=f"no {missing}")


@check("J-03", OURS)
def one_of_two_lengths(t: Target) -> None:
    """tus-js-client: HEAD has an offset, and a length or Upload-Defer-Length: 1."""
    uploads = [t.make(10), t.make(10, stored=3), t.make(10, stored=10)]
    if "creation-defer-length" in t.announced:
        uploads += [t.make(None), t.make(None, stored=3)]
    for upload in uploads:
        answer = t.head(upload).expect(200, 204).expect_field("Upload-Offset")
        if answer.get("Upload-Length") is None:
            answer.expect_field("Upload-Defer-Length", "1")


@check("J-04", OURS)
def whole_means_final(t: Target) -> None:
    """tus-js-client: as soon as HEAD tells offset = length, the file is there as it will stay."""
    size = 4 * MIB
    data = SOURCE * (size // len(SOURCE))
    upload = t.make(size, source=data)
    with t.begin_patch(upload, at=0, length=size, body=data) as call:
        t.until(lambda: t.head(upload).get("Upload-Offset") == str(size), what=f"an offset of {size}", seconds=10)
        t.holds(upload, data)
        call.answer().expect(204)


@check("J-05", OURS)
def every_patch_tells_the_offset(t: Target) -> None:
    """tus-js-client: a PATCH that worked has Upload-Offset, never beyond the length."""
    upload = t.make()
    for at in (0, 4, 8):
        answer = t.patch(upload, at=at, body=SOURCE[at : min(at + 4, 10)]).expect_success()
        answer.require(answer.number("Upload-Offset") <= 10, "an offset of 10 at most")


@check("J-06", OURS)
def final_refusals(t: Target) -> None:
    """tus-js-client: what may work later is 409, 423 or 5xx; other 4xx are final."""
    upload = t.make(len(SOURCE))
    with t.begin_patch(upload, at=0, length=len(SOURCE), body=SOURCE[:1000]) as call:
        t.until(lambda: t.offset_of(upload) == 1000, what="an offset of 1000 during the PATCH", seconds=3)
        for at in (0, 500, 2000):
            # One that is ahead of what is known may be asked to wait or to look again; it is not wrong for ever.
            t.patch(upload, at=at, body=b"x", allow=(503,)).expect(409, 423, 503)
        if not call.connection.ends(seconds=0.1):
            call.send(SOURCE[1000:]).answer(allow=(503,)).expect(204, 409, 423, 503)
    t.completes(upload)


@check("J-07", OURS)
def empty_file(t: Target) -> None:
    """tus-js-client: for an empty file only the creation is sent, and that finishes it."""
    path = t.located(t.post("Upload-Length: 0", f"Upload-Metadata: {metadata(filename='empty.txt')}").expect(201))
    t.head(path).expect(200, 204).expect_field("Upload-Offset", "0").expect_field("Upload-Length", "0")


@check("J-08", OURS, extension="creation-defer-length")
def end_of_a_stream(t: Target) -> None:
    """tus-js-client: the last PATCH of a stream may be empty and tell the length."""
    upload = t.make(None, stored=3)
    t.patch(upload, "Upload-Length: 3", at=3).expect(204).expect_field("Upload-Offset", "3")
    t.holds(upload, SOURCE[:3])


@check("J-09", OURS, extension="concatenation")
def parallel_uploads(t: Target) -> None:
    """tus-js-client: parallelUploads makes parts, and then the final upload with the URLs that it was given."""
    urls = []
    for data in (b"hello", b" world"):
        fields = (f"Upload-Length: {len(data)}", "Upload-Concat: partial", f"Upload-Metadata: {metadata(part='1')}")
        answer = t.post(*fields).expect(201)
        urls.append(urljoin(t.url, answer.headers["Location"]))
        t.patch(t.located(answer), at=0, body=data).expect(204)
    told = f"Upload-Metadata: {metadata(filename='joined.txt')}"
    path = t.located(t.post(f"Upload-Concat: final;{' '.join(urls)}", told).expect(201))
    t.until(lambda: t.head(path).get("Upload-Offset") == "11", what="a final upload with offset 11")
    t.holds(path, b"hello world")


@check("J-10", OURS)
def questions_at_the_worst_moment(t: Target) -> None:
    """tus-js-client: HEAD gets 200 or 423 at any moment of an upload; with anything else it starts from byte 0."""
    size = 2 * MIB
    data = SOURCE * (size // len(SOURCE))
    upload = t.make(size, source=data)
    with t.begin_patch(upload, at=0, length=size) as call:
        for at in range(0, size, size // 16):
            call.send(data[at : at + size // 16])
            t.head(upload).expect(200, 204, 423)
        until = time.monotonic() + 5
        while t.head(upload).expect(200, 204, 423).get("Upload-Offset") != str(size):
            if time.monotonic() > until:
                raise Failed("HEAD U after all was sent: expected offset = length within 5 s, and it did not come")
        call.answer().expect(204)


@check("J-11", OURS)
def override(t: Target) -> None:
    """tus-js-client: overridePatchMethod sends POST with X-HTTP-Method-Override: PATCH."""
    upload = t.make()
    fields = ("Upload-Offset: 0", "X-HTTP-Method-Override: PATCH", OFFSET_TYPE)
    t.ask("POST", upload.path, *fields, body=SOURCE[:10]).expect(204).expect_field("Upload-Offset", "10")
    t.holds(upload, SOURCE[:10])


@check("J-12", OURS)
def request_id(t: Target) -> None:
    """tus-js-client: addRequestId sends X-Request-ID, which a preflight allows and the answer repeats."""
    name = "3f2504e0-4f89-41d3-9a0c-0305e82c3301"
    if t.origin is not None:
        granted = words(preflight(t, t.collection).get("Access-Control-Allow-Headers"))
        if not granted & {"x-request-id", "*"}:
            preflight(t, t.collection).fail("x-request-id in Access-Control-Allow-Headers", got="none")
    t.post("Upload-Length: 10", f"X-Request-ID: {name}").expect(201).expect_field("X-Request-ID", name)


@check("J-13", OURS, extension="termination")
def abort(t: Target) -> None:
    """tus-js-client: its abort cuts the PATCH and sends DELETE at once, which gets 204."""
    upload = t.make(len(SOURCE))
    t.begin_patch(upload, at=0, length=len(SOURCE), body=SOURCE[:5000]).connection.close()
    t.delete(upload).expect(204)
    t.head(upload).expect(404, 410)


@check("J-14", OURS)
def one_long_patch(t: Target) -> None:
    """tus-js-client: the whole rest may come in one PATCH, without a bound and without growing memory."""
    size = 64 * MIB
    upload = t.make(size)
    before = t.own.resident_kib() if t.own is not None else 0
    with t.begin_patch(upload, at=0, length=size) as call:
        sent = call.connection.push(SOURCE * 16, most=size)
        answer = call.answer(seconds=30).expect(204).expect_field("Upload-Offset", str(size))
        answer.require(sent == size, f"{size} bytes taken", got=str(sent))
    grown = (t.own.resident_kib() if t.own is not None else 0) - before
    answer.require(grown < 48 * 1024, "less than 48 MiB more memory", got=f"{grown // 1024} MiB")
    if "termination" in t.announced:
        t.delete(upload).expect(204)


@check("J-15", OURS)
def forgotten_uploads(t: Target) -> None:
    """tus-js-client: URLs are kept for months, so what is unknown gets 404 or 410 quickly."""
    path = t.unknown
    waits = []
    for _ in range(5):
        began = time.monotonic()
        t.head(path).expect(404, 410)
        waits.append(time.monotonic() - began)
    if min(waits) > 0.1:
        raise Failed(f"HEAD of an unknown upload: expected an answer within 100 ms, got one after {min(waits):.2f} s")


@check("J-16", OURS, extension="creation-with-upload")
def data_during_creation(t: Target) -> None:
    """tus-js-client: uploadDataDuringCreation sends bytes with the POST and reads Upload-Offset of the answer."""
    answer = t.post("Upload-Length: 10", OFFSET_TYPE, body=SOURCE[:10]).expect(201)
    answer.expect_field("Upload-Offset", "10")
    t.holds(t.located(answer), SOURCE[:10])


@check("J-17", OURS)
def twenty_files_at_once(t: Target) -> None:
    """Uppy: twenty files at once get no 429, which would be fatal the fifth time."""
    uploads = [t.make(1000) for _ in range(20)]
    calls = [t.begin_patch(upload, at=0, length=1000, body=SOURCE[:1000]) for upload in uploads]
    for call in calls:
        with call:
            call.answer().expect(204)


@check("J-18", OURS)
def words_of_a_refusal(t: Target) -> None:
    """Uppy: status and body of a refusal reach the application: short, as text or JSON, with a code that stays."""
    for answer in (t.patch(t.make(), body=b"x"), t.post("Upload-Length: x"), t.patch(t.unknown, at=0, body=b"x")):
        answer.expect_refusal()
        kind = answer.get("Content-Type") or "none"
        plain = kind.startswith(("text/plain", "application/json", "application/problem+json"))
        answer.require(
            plain and 0 < len(answer.body) < 2000, "a short text or JSON", got=f"{len(answer.body)} of {kind}"
        )
        if t.own is not None:
            answer.require(json.loads(answer.body)["code"], "a code in the body")


@check("J-19", OURS)
def all_fields_of_a_form(t: Target) -> None:
    """Uppy: every field of the form comes as metadata, some twice, and null as the text null."""
    facts = metadata(
        relativePath="null",
        name="clip.txt",
        type="text/plain",
        filename="clip.txt",
        filetype="text/plain",
        title="null",
    )
    upload = t.make(10, stored=10, metadata=facts)
    same(t.head(upload).expect(200, 204), facts)
    if t.own is not None:
        got = t.get(upload).expect(200)
        told = got.get("Content-Disposition") or "none"
        got.require("clip" in told and "null" not in told, "the name clip.txt in the download", got=told)


@check("J-20", OURS)
def long_expiry(t: Target) -> None:
    """Uppy: Golden Retriever resumes days later, so uploads live for a day at least."""
    value = t.head(t.make(10, stored=3)).expect(200, 204).get("Upload-Expires")
    if value is None:
        raise NotApplicable("no expiry is told")
    left = parsedate_to_datetime(value).timestamp() - time.time()
    if left < DAY:
        raise Failed(f"HEAD U: expected an Upload-Expires a day from now or later, got {value}")


@check("J-21", OURS)
def empty_metadata(t: Target) -> None:
    """tuspy: upload-metadata is always sent, also when it is empty."""
    answer = t.post("upload-length: 10", "upload-metadata: ", "Accept: */*", "Connection: keep-alive").expect(201)
    t.head(t.located(answer)).expect(200, 204).expect_no_field("Upload-Metadata")


@check("J-22", OURS)
def no_offset_in_refusals(t: Target) -> None:
    """tuspy: the offset of any answer to HEAD is believed, so a refusal has none."""
    for answer in (t.head(t.unknown), t.head(t.make(10, stored=3), version="0.0.1"), t.head(f"{t.collection}x")):
        answer.expect_refusal().expect_no_field("Upload-Offset")


@check("J-23", OURS)
def lower_case_names(t: Target) -> None:
    """tuspy: names of header fields come in lower case."""
    upload = t.make()
    fields = ("upload-offset: 0", "content-type: application/offset+octet-stream", "tus-resumable: 1.0.0")
    answer = t.ask("PATCH", upload.path, *fields, body=SOURCE[:10], version=None).expect(204)
    answer.expect_field("upload-offset", "10")


@check("J-24", OURS, extension="checksum")
def checksum_per_chunk(t: Target) -> None:
    """tuspy: each chunk has its sha1."""
    upload = t.make()
    for at in (0, 5):
        t.patch(upload, sha1(SOURCE[at : at + 5]), at=at, body=SOURCE[at : at + 5]).expect(204)
    t.holds(upload, SOURCE[:10])


@check("J-25", OURS, extension="creation-defer-length")
def end_of_a_python_stream(t: Target) -> None:
    """tuspy: a stream ends with an empty PATCH whose upload-length is the offset."""
    upload = t.make(None)
    t.patch(upload, at=0, body=SOURCE[:7]).expect(204)
    t.patch(upload, "upload-length: 7", at=7).expect(204).expect_field("Upload-Offset", "7")
    t.holds(upload, SOURCE[:7])


@check("J-26", OURS)
def expected_offset(t: Target) -> None:
    """TUSKit and tus-android: the answer to a PATCH has just the offset that is expected."""
    upload = t.make(1000)
    for at in range(0, 1000, 250):
        t.patch(upload, at=at, body=SOURCE[at : at + 250]).expect(204).expect_field("Upload-Offset", str(at + 250))


@check("J-27", OURS)
def late_patch(t: Target) -> None:
    """TUSKit: the system may deliver a PATCH long after others; it gets 409 with the true offset."""
    upload = t.make(10, stored=7)
    t.patch(upload, at=0, body=SOURCE[:7]).expect(409).expect_field("Upload-Offset", "7")
    t.unchanged(upload)


@check("J-28", OURS)
def no_redirects(t: Target) -> None:
    """tus-java: redirects are not followed, so nothing on the way of an upload is one."""
    upload = t.make()
    for path in (t.collection, t.collection.rstrip("/") or "/"):
        t.ask("POST", path, "Upload-Length: 10").expect(201)
    t.head(upload).expect(200, 204)
    t.patch(upload, at=0, body=SOURCE[:5]).expect(204)
    t.head(t.unknown).expect(404, 410)


@check("J-29", OURS)
def no_options_first(t: Target) -> None:
    """Scripts with curl: POST, HEAD and PATCH work without asking OPTIONS before."""
    path = t.located(t.post("Upload-Length: 5", "User-Agent: curl/8.5.0", "Accept: */*").expect(201))
    upload = Upload(path=path, length=5, source=SOURCE)
    t.head(upload, "User-Agent: curl/8.5.0", "Accept: */*").expect(200, 204)
    t.patch(upload, "User-Agent: curl/8.5.0", "Accept: */*", at=0, body=SOURCE[:5]).expect(204)


@check("J-30", OURS, extension="expiration")
def expiry_is_told(t: Target) -> None:
    """Nobody reads Upload-Expires today; it is sent nevertheless."""
    answer = t.post("Upload-Length: 10").expect(201).expect_field("Upload-Expires")
    t.patch(t.located(answer), at=0, body=SOURCE[:5]).expect(204).expect_field("Upload-Expires")
