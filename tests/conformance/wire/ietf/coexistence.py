"""105 to 115: beside tus and plain uploads, and what else must hold."""

import base64
import hashlib
import time

from tests.conformance.wire.answer import words
from tests.conformance.wire.calls import ORIGIN, SOURCE
from tests.conformance.wire.catalogue import House, check
from tests.conformance.wire.ietf.dialect import append, cancel, create, gone, head, make, stands, unchanged, whole
from tests.conformance.wire.target import Target
from tests.conformance.wire.tus.cors import known, preflight
from tests.conformance.wire.verdict import MUST, OURS, SHOULD

ALICE, BOB = "Authorization: Bearer alice", "Authorization: Bearer bob"
FIELDS = (
    *("upload-complete", "upload-offset", "upload-length", "upload-draft-interop-version", "content-type"),
    *("content-disposition", "content-digest", "repr-digest", "want-repr-digest", "upload-incomplete"),
)
SHOWN = ("location", "upload-offset", "upload-length", "upload-complete", "upload-limit", "upload-incomplete")


def digest(name: str, data: bytes) -> str:
    """Write a digest field."""
    return f"{name}: sha-256=:{base64.b64encode(hashlib.sha256(data).digest()).decode()}:"


@check("105", OURS)
def both_at_once(t: Target) -> None:
    """Tus-Resumable together with Upload-Complete is tus: the fields of the draft do not count."""
    fields = ("Upload-Length: 10", "Upload-Complete: ?1", "Upload-Draft-Interop-Version: 9")
    answer = t.post(*fields).expect(201).expect_field("Tus-Resumable", "1.0.0")
    answer.require(not answer.interim, "no interim answer").expect_no_field("Upload-Complete")


@check("106", MUST)
def no_version_of_tus(t: Target) -> None:
    """Requests of the draft need no Tus-Resumable; those of tus with a wrong one get 412."""
    upload = make(t)
    for answer in (create(t), head(t, upload), append(t, upload, at=0, body=b"x"), cancel(t, upload)):
        answer.expect_success()
    t.post("Upload-Length: 10", version="0.0.1").expect(412)


@check("107", MUST)
def fields_of_the_dialect(t: Target) -> None:
    """Answers of tus carry Tus-Resumable, those of the draft do not."""
    upload = make(t)
    for answer in (create(t), head(t, upload), append(t, upload, at=0, body=b"x")):
        answer.expect_success().expect_no_field("Tus-Resumable")
    t.head(upload).expect(200, 204).expect_field("Tus-Resumable", "1.0.0")


@check("108", OURS)
def other_dialect(t: Target) -> None:
    """A PATCH of tus to an upload of the draft is refused, and HEAD tells the same offset in both."""
    upload = make(t, length=10, stored=5)
    t.patch(upload, at=5, body=b"x").expect_refusal()
    unchanged(t, upload)
    t.head(upload).expect(200, 204).expect_field("Upload-Offset", "5")
    theirs = t.make(10, stored=3)
    append(t, theirs, at=3, body=b"x").expect_refusal()
    t.unchanged(theirs)


@check("109", OURS)
def plain(t: Target) -> None:
    """A plain POST gets an ordinary answer without an interim one, and leaves no unfinished upload."""
    before = set(t.own.files()) if t.own is not None else set()
    answer = t.post(body=SOURCE[:5], version=None).expect_success()
    answer.require(not answer.interim, "no interim answer").expect_no_field("Upload-Offset", "Upload-Complete")
    if t.own is not None:
        left = {name for name in set(t.own.files()) - before if name.startswith("staging/")}
        answer.require(not left, "nothing in staging", got=str(left))


@check("110", SHOULD, inside=True, house=House.SHARED)
def foreign(t: Target) -> None:
    """Somebody else's upload gets 403 or 404 from HEAD, PATCH and DELETE, and stays."""
    upload = make(t, ALICE, length=10, stored=3)
    head(t, upload, BOB).expect(403, 404)
    append(t, upload, BOB, at=3, body=b"x").expect(403, 404)
    cancel(t, upload, BOB).expect(403, 404)
    head(t, upload, ALICE).expect_success().expect_field("Upload-Offset", "3")


@check("111", SHOULD, inside=True, house=House.SHARED)
def permission_taken_back(t: Target) -> None:
    """Who may upload no more cannot complete what was begun: 401 or 403, and nothing is published."""
    upload = make(t, ALICE, length=10, stored=3)
    place = t.inside.folder / "revoked"
    place.write_text("alice")
    try:
        append(t, upload, ALICE, at=3, body=SOURCE[3:10], complete=True).expect(401, 403)
    finally:
        place.unlink()
    found = head(t, upload, ALICE).expect_success().expect_field("Upload-Offset", "3")
    found.expect_field("Upload-Complete", "?0").expect_no_field("Content-Location")


@check("112", SHOULD, inside=True, house=House.HASTY)
def endless(t: Target) -> None:
    """Empty appends without end keep no upload alive."""
    upload = make(t, stored=3)
    until = time.monotonic() + 4
    while append(t, upload, at=3).expect(204, 201, 404, 410).status < 300 and time.monotonic() < until:
        time.sleep(0.05)
    gone(t, upload)


@check("113", OURS)
def content_digest(t: Target) -> None:
    """Content that does not fit its Content-Digest gets 400 and leaves no trace; what fits is appended."""
    upload = make(t, stored=5)
    append(t, upload, digest("Content-Digest", b"other"), at=5, body=SOURCE[5:10]).expect(400)
    unchanged(t, upload)
    append(t, upload, digest("Content-Digest", SOURCE[5:10]), at=5, body=SOURCE[5:10]).expect_success()
    stands(t, upload, offset=10)


@check("114", OURS)
def repr_digest(t: Target) -> None:
    """A whole that does not fit its Repr-Digest gets a 4xx with ?1 and no file; what fits can be told back."""
    upload = make(t, digest("Repr-Digest", b"other"))
    refused = append(t, upload, at=0, body=SOURCE[:10], complete=True).expect_refusal()
    refused.expect_field("Upload-Complete", "?1")
    gone(t, upload)
    wanted = ("Want-Repr-Digest: sha-256=1", digest("Repr-Digest", SOURCE[:10]))
    answer = create(t, *wanted, body=SOURCE[:10], complete=True).expect_success()
    answer.expect_field("Repr-Digest", digest("Repr-Digest", SOURCE[:10]).partition(": ")[2])
    whole(t, t.located(answer), SOURCE[:10])


@check("115", SHOULD)
def browsers(t: Target) -> None:
    """A preflight grants the fields of the draft, and answers show theirs."""
    known(t)
    granted = words(preflight(t, t.collection).get("Access-Control-Allow-Headers"))
    answer = create(t).expect(201)
    shown = words(answer.get("Access-Control-Expose-Headers"))
    missing = [name for name in FIELDS if name not in granted and "*" not in granted]
    missing += [name for name in SHOWN if name not in shown and "*" not in shown]
    answer.require(not missing, f"all fields of the draft for {ORIGIN}", got=f"none for {', '.join(missing)}")
