"""98 to 104: older versions of the draft."""

from tests.conformance.wire.calls import SOURCE
from tests.conformance.wire.catalogue import check
from tests.conformance.wire.ietf.dialect import append, begin_create, create, head, limit_of, make, told_of, whole
from tests.conformance.wire.target import Target
from tests.conformance.wire.verdict import MUST, Failed


@check("98", MUST)
def version_3_whole(t: Target) -> None:
    """Version 3, a whole file: 104 with its number and Location, and a 2xx that is not incomplete."""
    with begin_create(t, length=5, iv=3) as call:
        found = told_of(call)
        if found.headers.get("Upload-Draft-Interop-Version") != "3":
            raise Failed(f"{call.sent}: expected version 3 in the 104, got {dict(found.headers)}")
        answer = call.send(SOURCE[:5]).answer().expect_success().expect_field("Upload-Offset", "5")
        answer.require(answer.get("Upload-Incomplete") != "?1", "no Upload-Incomplete: ?1")


@check("99", MUST)
def version_3_careful(t: Target) -> None:
    """Version 3, an incomplete creation: 201 with Upload-Incomplete: ?1, offset and Location."""
    answer = create(t, iv=3).expect(201).expect_field("Upload-Incomplete", "?1").expect_field("Upload-Offset", "0")
    t.located(answer)


@check("100", MUST)
def version_3_appends(t: Target) -> None:
    """Version 3: HEAD gets 204 with Upload-Incomplete, appends need no type, and one that says nothing completes."""
    with t.preparation():
        path = t.located(create(t, body=SOURCE[:5], iv=3).expect(201))
    head(t, path, iv=3).expect(204).expect_field("Upload-Incomplete", "?1")
    append(t, path, at=5, body=SOURCE[5:10], complete=None, iv=3, kind=None).expect_success()
    whole(t, path, SOURCE[:10])


@check("101", MUST)
def version_5(t: Target) -> None:
    """Version 5: an append that is not the last one gets 201 with the offset."""
    with t.preparation():
        path = t.located(create(t, iv=5).expect(201))
    append(t, path, at=0, body=SOURCE[:5], iv=5).expect(201).expect_field("Upload-Offset", "5")


@check("102", MUST)
def version_6(t: Target) -> None:
    """Version 6: the limit of age is called expires, and appends need their type."""
    answer = create(t, iv=6).expect(201)
    found = limit_of(answer)
    answer.require("max-age" not in found, "no max-age in Upload-Limit", got=str(found))
    answer.require("expires" in found or t.own is None, "expires in Upload-Limit", got=str(found))
    append(t, t.located(answer), at=0, body=b"x", iv=6, kind="Content-Type: text/plain").expect_refusal()


@check("103", MUST)
def version_8(t: Target) -> None:
    """Version 8 is spoken as version 9 is."""
    with t.preparation():
        path = t.located(create(t, body=SOURCE[:5], iv=8).expect(201))
    append(t, path, at=5, body=SOURCE[5:10], iv=8).expect_success().expect_field("Upload-Complete", "?0")
    append(t, path, at=10, complete=True, iv=8).expect_success().expect_field("Upload-Complete", "?1")
    append(t, path, at=10, body=b"x", complete=True, iv=8).expect_refusal()


@check("104", MUST)
def only_its_number(t: Target) -> None:
    """A 104 never names another version than the request."""
    for iv in (3, 4, 5, 6, 7, 8, 9):
        answer = create(t, body=SOURCE[:5], complete=True, iv=iv).expect_success()
        named = {each.headers.get("Upload-Draft-Interop-Version") for each in answer.message.interim}
        answer.require(named <= {str(iv)}, f"version {iv} in every 104", got=str(named))
    answer = append(t, make(t), at=0, body=SOURCE[:5]).expect_success()
    named = {each.headers.get("Upload-Draft-Interop-Version") for each in answer.message.interim}
    answer.require(named <= {"9"}, "version 9 in every 104", got=str(named))
