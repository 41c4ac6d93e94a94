"""V: which version is spoken."""

from tests.conformance.wire.calls import SOURCE
from tests.conformance.wire.catalogue import check
from tests.conformance.wire.early import patch_refused_early
from tests.conformance.wire.target import Target
from tests.conformance.wire.verdict import MUST, OURS


@check("V-01", MUST)
def patch_of_another_version(t: Target) -> None:
    """A PATCH in another version gets 412."""
    t.patch(t.make(), at=0, body=b"hello", version="0.2.2").expect(412)


@check("V-02", MUST)
def refusal_names_the_version(t: Target) -> None:
    """A 412 for the version carries Tus-Version with 1.0.0 in it."""
    answer = t.patch(t.make(), at=0, body=b"hello", version="0.2.2")
    answer.require(answer.status >= 400, "a refusal").expect_word("Tus-Version", "1.0.0")


@check("V-03", MUST)
def other_version_stores_nothing(t: Target) -> None:
    """A PATCH in another version changes nothing."""
    upload = t.make()
    t.patch(upload, at=0, body=b"hello", version="0.2.2")
    t.unchanged(upload)


@check("V-04", MUST)
def creation_in_another_version(t: Target) -> None:
    """A creation in another version gets 412 with Tus-Version, no Location, and nothing is made."""
    with t.nothing_made():
        answer = t.post("Upload-Length: 5", version="0.2.2").expect(412)
    answer.expect_word("Tus-Version", "1.0.0").expect_no_field("Location")


@check("V-05", MUST, extension="termination")
def termination_in_another_version(t: Target) -> None:
    """A DELETE in another version gets 412, and the upload is still there."""
    upload = t.make(10, stored=10)
    t.delete(upload, version="2.0.0").expect(412)
    t.unchanged(upload)


@check("V-06", MUST)
def question_in_another_version(t: Target) -> None:
    """A HEAD in another version gets 412 with Tus-Version and no Upload-Offset."""
    answer = t.head(t.make(10, stored=3), version="2.0.0").expect(412)
    answer.expect_word("Tus-Version", "1.0.0").expect_no_field("Upload-Offset")


@check("V-07", OURS)
def patch_without_a_version(t: Target) -> None:
    """A PATCH without Tus-Resumable is no tus: it is refused, and nothing changes."""
    upload = t.make()
    t.patch(upload, at=0, body=b"hello", version=None).expect_refusal()
    t.unchanged(upload)


@check("V-08", OURS)
def spellings_of_the_version(t: Target) -> None:
    """1.0 and a list of versions get 412; spaces around 1.0.0 do not count."""
    upload = t.make()
    for version in ("1.0", "1.0.0,0.2.2"):
        t.patch(upload, at=0, body=b"hello", version=version).expect(412)
        t.unchanged(upload)
    t.patch(upload, "Tus-Resumable:   1.0.0  ", at=0, body=SOURCE[:5], version=None).expect(204)


@check("V-09", MUST)
def options_in_any_version(t: Target) -> None:
    """OPTIONS is answered as usual whatever Tus-Resumable says."""
    t.ask("OPTIONS", t.collection, version="9.9.9").expect(200, 204).expect_word("Tus-Version", "1.0.0")


@check("V-10", OURS)
def version_is_judged_before_the_body(t: Target) -> None:
    """A PATCH of 1 GiB in another version is refused before its body is read, without 100 Continue."""
    upload = t.make(1 << 30)
    patch_refused_early(t, upload, at=0, version="0.2.2").expect(400, 412)
    t.unchanged(upload)
