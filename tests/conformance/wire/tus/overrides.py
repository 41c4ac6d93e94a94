"""M: X-HTTP-Method-Override, for clients whose way lets only GET and POST through."""

from typing import Final

from tests.conformance.wire.calls import OFFSET_TYPE, SOURCE
from tests.conformance.wire.catalogue import House, check
from tests.conformance.wire.target import Target
from tests.conformance.wire.verdict import MUST, OURS

HELLO: Final = SOURCE[:5]


def override(method: str) -> str:
    """Write the field."""
    return f"X-HTTP-Method-Override: {method}"


@check("M-01", MUST)
def post_as_patch(t: Target) -> None:
    """POST to an upload with the override PATCH is a PATCH."""
    upload = t.make()
    answer = t.ask("POST", upload.path, override("PATCH"), OFFSET_TYPE, "Upload-Offset: 0", body=HELLO).expect(204)
    answer.expect_field("Upload-Offset", "5")
    t.stands(upload, offset=5)


@check("M-02", MUST, extension="termination")
def post_as_delete(t: Target) -> None:
    """POST to an upload with the override DELETE is a DELETE."""
    upload = t.make()
    t.ask("POST", upload.path, override("DELETE")).expect(204)
    t.head(upload).expect(404, 410)


@check("M-03", MUST)
def get_as_head(t: Target) -> None:
    """GET or PUT with the override HEAD is a HEAD: its fields, and no body."""
    upload = t.make(10, stored=3)
    for method in ("GET", "PUT"):
        answer = t.ask(method, upload.path, override("HEAD"), "Content-Length: 0").expect(200, 204)
        answer.expect_field("Upload-Offset", "3").require(not answer.body, "no body")


@check("M-04", MUST, extension="termination")
def patch_as_delete(t: Target) -> None:
    """PATCH with the override DELETE is a DELETE, and its body is not stored."""
    upload = t.make()
    t.patch(upload, override("DELETE"), at=0, body=HELLO).expect(204).expect_no_field("Upload-Offset")
    t.head(upload).expect(404, 410)


@check("M-05", OURS)
def unknown_method(t: Target) -> None:
    """An override to a method that is none gets 405 with Allow, or 400, and nothing changes."""
    upload = t.make(10, stored=3)
    answer = t.ask("POST", upload.path, override("FOO"), OFFSET_TYPE, "Upload-Offset: 3", body=HELLO).expect(405, 400)
    if answer.status == 405:
        answer.expect_field("Allow")
    t.unchanged(upload)


@check("M-06", OURS)
def lower_case(t: Target) -> None:
    """The override is understood in lower case, too."""
    upload = t.make()
    t.ask("POST", upload.path, override("patch"), OFFSET_TYPE, "Upload-Offset: 0", body=HELLO).expect(204)
    t.stands(upload, offset=5)


@check("M-07", OURS)
def without_a_version(t: Target) -> None:
    """An override to PATCH without Tus-Resumable stores nothing: it is judged like a PATCH without it."""
    upload = t.make()
    fields = (override("PATCH"), OFFSET_TYPE, "Upload-Offset: 0")
    t.ask("POST", upload.path, *fields, body=HELLO, version=None).expect_refusal()
    t.unchanged(upload)


@check("M-08", OURS, inside=True, house=House.SHARED)
def foreign_upload(t: Target) -> None:
    """An override to DELETE has no more rights than a DELETE: somebody else's upload gets 404 and stays."""
    alice, bob = "Authorization: Bearer alice", "Authorization: Bearer bob"
    upload = t.make(10, alice, stored=3)
    t.ask("POST", upload.path, override("DELETE"), bob).expect(404)
    t.ask("POST", upload.path, override("DELETE")).expect(401)
    t.head(upload, alice).expect(200).expect_field("Upload-Offset", "3")


@check("M-09", OURS)
def empty_override(t: Target) -> None:
    """An empty override does not count: a POST is a POST."""
    t.post(override(""), "Upload-Length: 10").expect(201).expect_field("Location")
