"""Answers of the IETF dialect, final and interim; numbers are those of the fact sheet."""

import json
from datetime import timedelta
from typing import Any

import pytest

from tests.protocol.heads import ID, NEXT_WEEK, NOON, finished, told, upload
from tests.protocol.ietf_heads import EVERY_VERSION, MAX_LENGTH, NO_LIMITS, V9, number_of, render, render_error
from tusvideo import errors
from tusvideo.commands import Appended, Created, Queried
from tusvideo.errors import TusvideoError
from tusvideo.model import ClientKey, Limits, Protocol, Upload
from tusvideo.protocol import ietf
from tusvideo.protocol.interop import UNANNOUNCED, VERSION_FIELD, VERSIONS, Version

URL = "/uploads/files/ann/holiday.mp4"
WEEK = 7 * 24 * 3600
LOCATION = f"/files/{ID}"


def open_upload(**facts: Any) -> Upload:
    """An open upload of this dialect with 3 of 10 bytes."""
    return upload(**{"protocol": Protocol.IETF, "needs_completion": True, **facts})


def complete_upload(**facts: Any) -> Upload:
    """A complete one."""
    return finished(**{"protocol": Protocol.IETF, "needs_completion": True, **facts})


@pytest.mark.parametrize("version", EVERY_VERSION, ids=number_of)
def test_every_answer_of_a_version_names_it(version: Version) -> None:
    """IETF 104: the number that the request named, and no other; none when it named none."""
    answers = [
        render(Created(upload=open_upload(), stored_body=True), version=version),
        render(Appended(upload=open_upload(), written=3), version=version),
        render(Queried(upload=open_upload()), version=version),
        render(Queried(upload=complete_upload()), version=version, url=URL),
        ietf.render_terminated(version),
        ietf.announce(
            open_upload(), version=version, base_path="/files/", max_length=MAX_LENGTH, limits=NO_LIMITS, now=NOON
        ),
        ietf.report(open_upload(), version=version),
        render_error(errors.Busy(), version=version),
        ietf.render_unexpected("r-1", version=version, head_only=False),
    ]
    expected = None if version.number is None else str(version.number)
    assert {told(answer).get(VERSION_FIELD) for answer in answers} == {expected}


@pytest.mark.parametrize("version", EVERY_VERSION, ids=number_of)
def test_an_upload_that_waits_for_more(version: Version) -> None:
    """IETF 30, 31, 57, 99, 101: 201 with Location for a creation, for an append 201 up to version 6, then 204."""
    outcomes: list[tuple[Created | Appended | Queried, int]] = [
        (Created(upload=open_upload(), stored_body=True), 201),
        (Appended(upload=open_upload(), written=3), 201 if version.number in {3, 4, 5, 6} else 204),
        (Queried(upload=open_upload()), 204),
    ]
    for outcome, status in outcomes:
        answer = render(outcome, version=version)
        name, value = version.completeness_field(False)
        assert (answer.status, answer.body) == (status, b"")
        assert (told(answer)["Upload-Offset"], told(answer)[name]) == ("3", value)
        assert told(answer)["Cache-Control"] == "no-store"
        assert told(answer)["Upload-Length"] == "10"
        assert told(answer).get("Location") == (LOCATION if isinstance(outcome, Created) else None)


def test_a_length_that_nobody_told_is_not_told() -> None:
    """IETF 49: Upload-Length only when it is known."""
    assert "Upload-Length" not in told(render(Queried(upload=open_upload(length=None))))


@pytest.mark.parametrize(
    ("number", "limit"),
    [
        (3, None),
        (4, None),
        (5, None),
        (6, f"max-size=5000, expires={WEEK}"),
        (7, f"max-size=5000, max-age={WEEK}"),
        (8, f"max-size=5000, max-age={WEEK}"),
        (9, f"max-size=5000, max-age={WEEK}"),
    ],
)
def test_limits(number: int, limit: str | None) -> None:
    """IETF 10, 30, 47, 102: on answers to creations and queries, from version 6 on."""
    for outcome in (Created(upload=open_upload(), stored_body=False), Queried(upload=open_upload())):
        assert told(render(outcome, version=VERSIONS[number])).get("Upload-Limit") == limit


def test_the_age_is_counted_from_now() -> None:
    """IETF 23: whole seconds that are left, never negative; a complete upload has no such limit."""
    late = open_upload(expires_at=NOON + timedelta(seconds=90.7))
    assert told(render(Queried(upload=late)))["Upload-Limit"] == "max-size=5000, max-age=90"
    gone = open_upload(expires_at=NOON - timedelta(seconds=1))
    assert told(render(Queried(upload=gone)))["Upload-Limit"] == "max-size=5000, max-age=0"
    assert told(render(Queried(upload=complete_upload()), url=URL))["Upload-Limit"] == "max-size=5000"


def test_no_limit_is_a_least_size_of_nothing() -> None:
    """IETF 12: an empty dictionary is no field."""
    limit = ietf.build_limit(V9, max_length=None, seconds_left=None, limits=NO_LIMITS)
    assert limit == (("Upload-Limit", "min-size=0"),)


@pytest.mark.parametrize(
    ("limits", "told_"),
    [
        (Limits(max_append_bytes=100), "max-size=9, max-append-size=100, max-age=5"),
        (Limits(min_append_bytes=10), "max-size=9, min-append-size=10, max-age=5"),
        (
            Limits(max_append_bytes=100, min_append_bytes=10),
            "max-size=9, max-append-size=100, min-append-size=10, max-age=5",
        ),
    ],
)
def test_the_limits_of_one_request(limits: Limits, told_: str) -> None:
    """IETF 10, 17, 20: told where they are set."""
    assert ietf.build_limit(V9, max_length=9, seconds_left=5.5, limits=limits) == (("Upload-Limit", told_),)


@pytest.mark.parametrize("version", EVERY_VERSION, ids=number_of)
@pytest.mark.parametrize("kind", ["created", "appended"])
def test_a_complete_upload_is_answered_like_a_finalize(version: Version, kind: str) -> None:
    """IETF 25, 64, 78: 201 with the JSON of a finalize, again and again."""
    upload = complete_upload()
    outcome = Created(upload=upload, stored_body=True) if kind == "created" else Appended(upload=upload, written=7)
    answer = render(outcome, version=version, url=URL)
    name, value = version.completeness_field(True)
    assert (answer.status, told(answer)[name], told(answer)["Upload-Offset"]) == (201, value, "10")
    assert told(answer)["Content-Location"] == URL
    assert json.loads(answer.body) == {
        "success": True,
        "filename": "holiday.mp4",
        "url": URL,
        "size": 10,
        "contentType": "video/mp4",
        "uploadId": ID,
    }
    assert answer == render(outcome, version=version, url=URL)


def test_a_complete_upload_that_is_asked_for() -> None:
    """IETF 48: the answer to HEAD says complete, and where the file is."""
    answer = render(Queried(upload=complete_upload()), url=URL)
    assert (answer.status, answer.body) == (204, b"")
    assert (told(answer)["Upload-Complete"], told(answer)["Content-Location"]) == ("?1", URL)


def test_the_wanted_digest_is_in_the_last_answer() -> None:
    """IETF 114: Repr-Digest where it was wanted."""
    digest = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"
    upload = complete_upload(digests=(("sha-256", digest),), wants_digest="sha-256")
    found = told(render(Appended(upload=upload, written=0), url=URL))["Repr-Digest"]
    assert found == "sha-256=:LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ=:"


def test_uploads_of_other_dialects_may_be_asked_for() -> None:
    """IETF 108: the offset is that of the ledger, whoever asks."""
    assert told(render(Queried(upload=upload())))["Upload-Offset"] == "3"
    named = finished(client_key=ClientKey("holiday-1"))
    assert json.loads(render(Appended(upload=named, written=0), url=URL).body)["uploadId"] == "holiday-1"


# --- interim answers ---------------------------------------------------------------------------------------------


def test_the_first_interim_answer() -> None:
    """IETF 25, 28, 32: Location, limits and the version, as soon as the upload exists."""
    answer = ietf.announce(
        open_upload(), version=V9, base_path="/files/", max_length=MAX_LENGTH, limits=NO_LIMITS, now=NOON
    )
    assert (answer.status, answer.body) == (104, b"")
    assert dict(answer.headers) == {
        VERSION_FIELD: "9",
        "Location": LOCATION,
        "Upload-Limit": f"max-size=5000, max-age={WEEK}",
    }


def test_later_interim_answers() -> None:
    """IETF 82: the durable offset, and never a Location."""
    answer = ietf.report(open_upload(), version=VERSIONS[6])
    assert (answer.status, answer.headers) == (104, ((VERSION_FIELD, "6"), ("Upload-Offset", "3")))


# --- errors ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("version", EVERY_VERSION, ids=number_of)
def test_a_wrong_offset(version: Version) -> None:
    """IETF 58, 59: 409 with the true offset, not complete, and the problem type."""
    answer = render_error(errors.OffsetMismatch(expected=7, got=3), version=version)
    name, value = version.completeness_field(False)
    assert (answer.status, told(answer)["Upload-Offset"], told(answer)[name]) == (409, "7", value)
    details = json.loads(answer.body)
    assert details["type"] == "https://iana.org/assignments/http-problem-types#mismatching-upload-offset"
    assert (details["expected-offset"], details["provided-offset"]) == (7, 3)
    assert details["code"] == "offset_mismatch"


@pytest.mark.parametrize(
    ("error", "version", "kind"),
    [
        (errors.InconsistentLength(expected=10, got=11), V9, "inconsistent-upload-length"),
        (errors.InconsistentLength(expected=10), VERSIONS[3], "inconsistent-upload-length"),
        (errors.AlreadyComplete(), V9, "inconsistent-upload-length"),
        (errors.AlreadyComplete(), UNANNOUNCED, "inconsistent-upload-length"),
        (errors.AlreadyComplete(), VERSIONS[8], "completed-upload"),
        (errors.AlreadyComplete(), VERSIONS[6], "completed-upload"),
        (errors.ChecksumMismatch("file", expected="a", got="b"), V9, "digest-mismatched-values"),
    ],
)
def test_problems_with_a_type(error: TusvideoError, version: Version, kind: str) -> None:
    """IETF 34, 70, 77, 103, 113: 400 and the type of the problem."""
    answer = render_error(error, version=version)
    assert answer.status == 400
    assert json.loads(answer.body)["type"] == f"https://iana.org/assignments/http-problem-types#{kind}"


def test_problems_with_a_digest() -> None:
    """draft-ietf-httpapi-digest-fields-problem-types §3.1, §3.2."""
    unsupported = errors.UnsupportedDigest("Repr-Digest", algorithms=["md5"], supported=["sha-256", "sha-512"])
    answer = render_error(unsupported)
    details = json.loads(answer.body)
    assert details["type"].endswith("#digest-unsupported-algorithms")
    assert details["unsupported-algorithms"] == [{"algorithm": "md5", "header": "Repr-Digest"}]
    assert told(answer)["Want-Repr-Digest"] == "sha-256=10, sha-512=10"
    details = json.loads(
        render_error(errors.InvalidDigest("Content-Digest", algorithm="sha-256", length=32, got=5)).body
    )
    assert details["type"].endswith("#digest-invalid-values")
    assert details["invalid-digests"] == [
        {"algorithm": "sha-256", "header": "Content-Digest", "reason": "a sha-256 digest has 32 bytes, this one has 5"}
    ]


@pytest.mark.parametrize("is_verdict", [False, True])
def test_only_a_verdict_on_the_whole_is_the_last_word(is_verdict: bool) -> None:
    """IETF 66, 67, 114: ?1 says that nothing can be sent again; anything else can be resumed."""
    error = errors.UnsupportedType(expected="a video", got="text")
    error.is_verdict = is_verdict
    answer = told(render_error(error))
    assert answer["Upload-Complete"] == ("?1" if is_verdict else "?0")
    assert ("Accept-Patch" in answer) is not is_verdict


def test_a_wrong_media_type_tells_the_right_one() -> None:
    """IETF 63: RFC 5789 §2.2."""
    answer = told(render_error(errors.UnsupportedType(expected="e", got="g")))
    assert answer["Accept-Patch"] == "application/partial-upload"


def test_too_large_tells_the_limits() -> None:
    """IETF 16, 18: 413 with what may come."""
    error = errors.TooLarge("the file", limit=10, got=11)
    error.max_length = 10
    assert told(render_error(error))["Upload-Limit"] == "max-size=10"
    assert told(render_error(error, version=VERSIONS[5])).get("Upload-Limit") is None
    assert "Upload-Offset" not in told(render_error(error))
    error.stored_offset = 7
    assert told(render_error(error))["Upload-Offset"] == "7"


def test_too_small_tells_the_limits() -> None:
    """IETF 20: 400 with what a request has to bring."""
    error = errors.TooSmall("the body", limit=10, got=9)
    error.max_length = 50
    answer = render_error(error, limits=Limits(min_append_bytes=10))
    assert (answer.status, told(answer)["Upload-Limit"]) == (400, "max-size=50, min-append-size=10")


def test_a_failure_after_the_upload_was_made_tells_where_it_is() -> None:
    """IETF 46: Location and no ?1."""
    error = errors.StorageFailed()
    error.made_upload = ID
    answer = told(render_error(error))
    assert (answer["Location"], answer["Upload-Complete"]) == (LOCATION, "?0")


@pytest.mark.parametrize("version", EVERY_VERSION, ids=number_of)
def test_what_has_expired(version: Version) -> None:
    """IETF 24: 404 up to version 6, then 410."""
    status = 404 if version.number in {3, 4, 5, 6} else 410
    assert render_error(errors.Expired(), version=version, head_only=True).status == status


@pytest.mark.parametrize("head_only", [False, True])
def test_the_unforeseen(head_only: bool) -> None:
    """G-08: a fixed sentence, and not the last word."""
    answer = ietf.render_unexpected("r-1", version=V9, head_only=head_only)
    assert (answer.status, told(answer)["Upload-Complete"], answer.body == b"") == (500, "?0", head_only)


def test_cancelled() -> None:
    """IETF 86: 204 without anything of tus."""
    answer = ietf.render_terminated(UNANNOUNCED)
    assert (answer.status, answer.headers) == (204, ())


def test_nothing_of_tus_is_in_an_answer() -> None:
    """IETF 107: Tus-Resumable belongs to tus."""
    assert "Tus-Resumable" not in told(render(Queried(upload=open_upload(expires_at=NEXT_WEEK))))
    assert "Tus-Resumable" not in told(render_error(errors.NotFound()))
