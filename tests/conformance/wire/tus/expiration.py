"""X: unfinished uploads end some time; finished ones do not."""

import time
from email.utils import parsedate_to_datetime
from typing import Final

from tests.conformance.wire.answer import Answer
from tests.conformance.wire.calls import SOURCE, Upload
from tests.conformance.wire.catalogue import House, check, elsewhere
from tests.conformance.wire.target import Target
from tests.conformance.wire.tus.creations import NAMED_FIELD
from tests.conformance.wire.verdict import MAY, MUST, OURS, SHOULD

EXPIRES: Final = "expiration"
IMF_FIXDATE: Final = r"(Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT"


def expiry(answer: Answer) -> float:
    """Read Upload-Expires as seconds since 1970; it must be there, in the form of HTTP."""
    value = answer.expect_field("Upload-Expires").headers["Upload-Expires"]
    answer.expect_match("Upload-Expires", IMF_FIXDATE)
    return parsedate_to_datetime(value).timestamp()


def expired(t: Target, *, stored: int = 3) -> Upload:
    """Make an upload and wait until it is gone."""
    upload = t.make(10, stored=stored)
    with t.preparation():
        t.until(lambda: t.head(upload).status in {404, 410}, what="404 or 410 after the upload's time", seconds=4)
    return upload


@check("X-01", MUST, extension=EXPIRES)
def on_creation(t: Target) -> None:
    """A creation tells when the upload expires, as a date of HTTP in the future."""
    answer = t.post("Upload-Length: 10", NAMED_FIELD).expect(201)
    answer.require(expiry(answer) > time.time() - 60, "a time to come")


@check("X-02", MUST, extension=EXPIRES)
def on_a_patch(t: Target) -> None:
    """A PATCH that leaves the upload unfinished tells when it expires."""
    expiry(t.patch(t.make(), at=0, body=SOURCE[:5]).expect(204))


@check("X-03", MUST, extension=EXPIRES)
def on_a_refused_patch(t: Target) -> None:
    """A PATCH that is refused tells it too: each answer to a PATCH of an upload that will expire does."""
    upload = t.make(10, stored=3)
    expiry(t.patch(upload, at=0, body=b"x").expect_refusal())
    expiry(t.patch(upload, "Content-Type: text/plain", at=3, body=b"x").expect_refusal())


@check("X-04", MUST, extension=EXPIRES)
def finished_never_expires(t: Target) -> None:
    """The PATCH that finishes an upload has no Upload-Expires, as there is nothing to expire any more."""
    t.patch(t.make(10, stored=3), at=3, body=SOURCE[3:10]).expect(204).expect_no_field("Upload-Expires")


@check("X-05", SHOULD, extension=EXPIRES, inside=True, house=House.HASTY)
def past_its_time(t: Target) -> None:
    """Past its time an unfinished upload gets 410 or 404."""
    upload = expired(t)
    t.head(upload).expect(410, 404).expect_no_field("Upload-Offset")
    t.patch(upload, at=3, body=b"x").expect(410, 404)


@check("X-06", MUST, extension=EXPIRES, inside=True, house=House.HASTY)
def finished_past_the_time(t: Target) -> None:
    """Past the time a finished upload is there: HEAD and GET give it."""
    upload = t.make(10, stored=10)
    with t.preparation():
        expired(t)
    t.holds(upload, SOURCE[:10])
    got = t.get(upload).expect(200)
    got.require(got.body == SOURCE[:10], "the bytes that were sent")


@check("X-07", MAY, extension=EXPIRES)
def sliding(t: Target) -> None:
    """Bytes that are stored move the expiry on."""
    answer = t.post("Upload-Length: 10", NAMED_FIELD).expect(201)
    before, path = expiry(answer), t.located(answer)
    time.sleep(1.01)  # the date counts seconds
    later = t.patch(path, at=0, body=SOURCE[:5]).expect(204)
    later.require(expiry(later) > before, "a later Upload-Expires than that of the creation")


@check("X-08", OURS, extension=EXPIRES, inside=True, house=House.HASTY)
def kept_alive(t: Target) -> None:
    """An upload to which bytes keep coming lives on past its time."""
    upload = t.make(100)
    until = time.monotonic() + 1.6
    with t.begin_patch(upload, at=0, length=100) as call:
        sent = 0
        while time.monotonic() < until:
            call.send(SOURCE[sent : sent + 1])
            sent += 1
            call.connection.quiet(seconds=0.1)
        call.send(SOURCE[sent:100]).answer().expect(204).expect_field("Upload-Offset", "100")
    t.holds(upload, SOURCE[:100])


@check("X-09", OURS, extension=EXPIRES, inside=True, house=House.HASTY)
def nothing_stays(t: Target) -> None:
    """What expired leaves no file and no upload that counts; finished uploads are not touched."""
    done = t.make(10, stored=10)
    upload = expired(t)
    own = t.inside
    name = upload.path.rpartition("/")[2]
    t.until(lambda: f"staging/{name}" not in own.files() and name not in own.rows(), what="that file and row are gone")
    t.head(upload).expect(410, 404)
    t.holds(done, SOURCE[:10])


elsewhere(
    "X-10",
    OURS,
    "nothing is removed because the clock jumped",
    "tests/service/test_clock_jumps.py::test_nothing_goes_because_the_clock_was_set",
)


@check("X-11", OURS, extension=EXPIRES)
def on_head(t: Target) -> None:
    """HEAD of an unfinished upload tells when it expires; of a finished one it does not."""
    expiry(t.head(t.make(10, stored=3)).expect(200, 204))
    t.head(t.make(10, stored=10)).expect(200, 204).expect_no_field("Upload-Expires")


@check("X-12", MUST)
def announced(t: Target) -> None:
    """A server whose uploads expire announces expiration."""
    answer = t.post("Upload-Length: 10", NAMED_FIELD).expect(201)
    answer.require(
        ("Upload-Expires" in answer.headers) == (EXPIRES in t.announced), "Upload-Expires if and only if announced"
    )


@check("X-13", OURS, extension="concatenation", inside=True, house=House.HASTY)
def expired_part(t: Target) -> None:
    """A final upload of a part that expired is refused with a 4xx, and nothing is made."""
    with t.preparation():
        part = t.make(10, "Upload-Concat: partial", stored=3)
        t.until(lambda: t.head(part).status in {404, 410}, what="404 or 410 after the part's time", seconds=4)
    with t.nothing_made():
        t.post(f"Upload-Concat: final;{part.path}").expect_refusal()
