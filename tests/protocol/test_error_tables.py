"""Every error has a row in every dialect, and every answer to an error keeps the invariants of group G."""

import json
import re
from datetime import datetime

import pytest

from tests.protocol.heads import NEXT_WEEK, told
from tusvideo import errors
from tusvideo.errors import TusvideoError
from tusvideo.message import ResponseHead
from tusvideo.model import Limits
from tusvideo.protocol import chunk_api, ietf, plain, problem, tus, videos_api
from tusvideo.protocol.interop import VERSIONS

SAMPLES: list[TusvideoError] = [
    errors.MissingField("uploadId", expected="a text"),
    errors.InvalidField("uploadId", expected="a text", got="\x00\r\n<b>"),
    errors.UnsupportedVersion(got="9", supported=("1.0.0",)),
    errors.MethodNotAllowed(method="FOO", allowed=("HEAD", "PATCH")),
    errors.ExpectationFailed(got="x"),
    errors.HeadersTooLarge(limit=1, got=2),
    errors.Unauthenticated(),
    errors.Forbidden("no"),
    errors.NotFound(),
    errors.Expired(),
    errors.TooLarge("the file", limit=10, got=11),
    errors.TooSmall("the body", limit=10, got=9),
    errors.UnsupportedType(expected="a video", got="text"),
    errors.UnsupportedCoding(got="gzip"),
    errors.InconsistentLength(expected=10, got=11),
    errors.UnsupportedDigest("Repr-Digest", algorithms=["md5"], supported=["sha-256"]),
    errors.InvalidDigest("Repr-Digest", algorithm="sha-256", length=32, got=5),
    errors.ChecksumMismatch("chunk", expected="a", got="b"),
    errors.OffsetMismatch(expected=3, got=7),
    errors.PartConflict(2),
    errors.FactConflict("totalChunks", stored="4", got="5"),
    errors.PartsMissing([(1, 2)], count=2),
    errors.AlreadyComplete(),
    errors.TooManyCaptions(most=20),
    errors.WrongProtocol(expected="tus"),
    errors.Busy(),
    errors.Stopping(),
    errors.Overloaded(),
    errors.TooManyStreams(most=8),
    errors.TookTooLong(),
    errors.DiskFull(),
    errors.StorageFailed(),
    errors.BodyCut("/secret/path"),
    errors.BodyStalled(),
    errors.Preempted(),
    errors.SessionConflict("/secret/path"),
    errors.ConfigError(["/secret/path"]),
]
TABLES = {
    "tus": tus.STATUS,
    "ietf": ietf.STATUS,
    "chunks": chunk_api.STATUS,
    "videos": videos_api.STATUS,
    "plain": problem.STATUS,
    "whole files": problem.STATUS,
}
IETF_STATUSES = {
    errors.TooManyStreams: 503,
    errors.ChecksumMismatch: 400,
    errors.FactConflict: 400,
    errors.AlreadyComplete: 400,
    errors.WrongProtocol: 403,
}
"""Where the IETF dialect differs from plain HTTP."""


def leaves(kind: type[TusvideoError]) -> list[type[TusvideoError]]:
    """The classes of errors.py below this one that have none below themselves."""
    below = [leaf for child in kind.__subclasses__() if child.__module__ == errors.__name__ for leaf in leaves(child)]
    return below or [kind]


def kind_of(sample: object) -> str:
    """Name a sample in the test report."""
    return type(sample).__name__


def render(error: TusvideoError, *, head_only: bool) -> dict[str, ResponseHead]:
    """The answers of all dialects to an error."""
    return {
        "tus": tus.render_error(error, head_only=head_only),
        "ietf": ietf.render_error(
            error, version=VERSIONS[9], base_path="/files/", limits=Limits(), head_only=head_only
        ),
        "chunks": chunk_api.render_error(error, head_only=head_only),
        "videos": videos_api.render_error(error, head_only=head_only),
        "plain": problem.render(error, head_only=head_only),
        "whole files": plain.render_error(error, head_only=head_only),
    }


def test_the_samples_are_all_errors() -> None:
    """The tests below see every leaf of the tree of errors."""
    assert {type(sample) for sample in SAMPLES} == set(leaves(TusvideoError))


@pytest.mark.parametrize("dialect", TABLES)
def test_every_leaf_has_a_row_of_its_own(dialect: str) -> None:
    """A new error is judged in every dialect, not inherited by accident."""
    assert [leaf.__name__ for leaf in leaves(TusvideoError) if leaf not in TABLES[dialect]] == []


@pytest.mark.parametrize(
    ("sample", "tus_status", "plain_status"),
    [
        pytest.param(sample, *statuses, id=kind_of(sample))
        for sample, statuses in zip(
            SAMPLES,
            [
                (400, 400),  # MissingField
                (400, 400),  # InvalidField
                (412, 412),  # UnsupportedVersion
                (405, 405),  # MethodNotAllowed
                (417, 417),  # ExpectationFailed
                (431, 431),  # HeadersTooLarge
                (401, 401),  # Unauthenticated
                (403, 403),  # Forbidden
                (404, 404),  # NotFound
                (410, 410),  # Expired
                (413, 413),  # TooLarge
                (400, 400),  # TooSmall
                (415, 415),  # UnsupportedType
                (415, 415),  # UnsupportedCoding
                (400, 400),  # InconsistentLength
                (400, 400),  # UnsupportedDigest
                (400, 400),  # InvalidDigest
                (460, 422),  # ChecksumMismatch
                (409, 409),  # OffsetMismatch
                (409, 409),  # PartConflict
                (400, 409),  # FactConflict
                (409, 409),  # PartsMissing
                (409, 409),  # AlreadyComplete
                (409, 409),  # TooManyCaptions
                (403, 409),  # WrongProtocol
                (423, 503),  # Busy
                (503, 503),  # Stopping
                (503, 503),  # Overloaded
                (503, 429),  # TooManyStreams
                (503, 503),  # TookTooLong
                (507, 507),  # DiskFull
                (503, 503),  # StorageFailed
                (423, 503),  # BodyCut
                (423, 503),  # BodyStalled
                (423, 503),  # Preempted
                (423, 503),  # SessionConflict
                (500, 500),  # ConfigError
            ],
            strict=True,
        )
    ],
)
def test_the_status_of_every_error(sample: TusvideoError, tus_status: int, plain_status: int) -> None:
    """S-13, S-14, S-16, S-17, J-06: the statuses of the design, each dialect its own."""
    found = {dialect: answer.status for dialect, answer in render(sample, head_only=False).items()}
    ietf_status = IETF_STATUSES.get(type(sample), plain_status)
    assert found == {
        "tus": tus_status,
        "ietf": ietf_status,
        "chunks": plain_status,
        "videos": plain_status,
        "plain": plain_status,
        "whole files": plain_status,
    }


@pytest.mark.parametrize("sample", SAMPLES, ids=kind_of)
def test_answers_are_problem_details(sample: TusvideoError) -> None:
    """G-08: type, title, status, detail, code, success and error; never a path, a line break or another's text."""
    for dialect, answer in render(sample, head_only=False).items():
        details = json.loads(answer.body)
        assert told(answer)["Content-Type"] == "application/problem+json"
        assert (details["status"], details["success"]) == (answer.status, False)
        assert dialect == "ietf" or details["type"] == "about:blank"
        assert details["code"] == sample.code
        assert details["title"]
        assert details["error"] == details["detail"]
        assert re.fullmatch(r"[^/\r\n\x00]+", details["detail"])


@pytest.mark.parametrize("sample", SAMPLES, ids=kind_of)
def test_head_has_the_status_and_no_body(sample: TusvideoError) -> None:
    """G-09, G-12: HEAD is answered with the same status, no body and no-store, in every dialect but tus as it is."""
    full, bare = render(sample, head_only=False), render(sample, head_only=True)
    for dialect, answer in bare.items():
        assert answer.body == b""
        assert told(answer)["Cache-Control"] == "no-store"
        assert "Content-Type" not in told(answer)
        assert dialect == "tus" or answer.status == full[dialect].status


@pytest.mark.parametrize("sample", SAMPLES, ids=kind_of)
def test_a_tus_head_never_fails_for_good_by_accident(sample: TusvideoError) -> None:
    """H-14, J-10, J-22: what may work later is 423 with Retry-After on HEAD, and no error shows an Upload-Offset."""
    answer = tus.render_error(sample, head_only=True)
    assert answer.status < 500
    assert "Upload-Offset" not in told(answer)
    if isinstance(sample, errors.Unavailable | errors.TransferEnded | errors.SessionConflict):
        assert answer.status == 423
        assert int(told(answer)["Retry-After"]) >= 1


@pytest.mark.parametrize("sample", SAMPLES, ids=kind_of)
def test_tus_answers_carry_the_version(sample: TusvideoError) -> None:
    """G-01: Tus-Resumable is on every error, too."""
    for head_only in (False, True):
        assert told(tus.render_error(sample, head_only=head_only))["Tus-Resumable"] == "1.0.0"


@pytest.mark.parametrize("expires_at", [None, NEXT_WEEK])
def test_refusals_tell_when_the_upload_expires(expires_at: datetime | None) -> None:
    """X-03: an error about an unfinished upload carries Upload-Expires."""
    error = errors.Busy()
    error.expires_at = expires_at
    assert ("Upload-Expires" in told(tus.render_error(error, head_only=False))) is (expires_at is not None)


@pytest.mark.parametrize(
    ("sample", "name", "value"),
    [
        (errors.MethodNotAllowed(method="X", allowed=("HEAD", "PATCH")), "Allow", "HEAD, PATCH"),
        (errors.Unauthenticated(), "WWW-Authenticate", 'Bearer realm="tusvideo"'),
        (errors.Unauthenticated(scheme="Basic"), "WWW-Authenticate", 'Basic realm="tusvideo"'),
        (errors.UnsupportedCoding(got="gzip"), "Accept-Encoding", "identity"),
        (errors.Busy(), "Retry-After", "1"),
        (errors.Stopping(), "Retry-After", "2"),
        (errors.Overloaded(), "Retry-After", "5"),
        (errors.TooManyStreams(most=8), "Retry-After", "5"),
        (errors.DiskFull(), "Retry-After", "60"),
        (errors.StorageFailed(), "Retry-After", "5"),
        (errors.Preempted(), "Retry-After", "1"),
    ],
)
def test_statuses_bring_their_fields(sample: TusvideoError, name: str, value: str) -> None:
    """S-13, S-18, S-22, S-27: 405, 401, 415 for a coding, 423, 503 and 507 say what to do, in every dialect."""
    for head_only in (False, True):
        for answer in render(sample, head_only=head_only).values():
            assert told(answer)[name] == value


@pytest.mark.parametrize(
    ("sample", "data"),
    [
        (errors.MissingField("f", expected="e"), {"field": "f", "expected": "e"}),
        (errors.InvalidField("f", expected="e", got="g"), {"field": "f", "expected": "e"}),
        (errors.UnsupportedVersion(got="9", supported=("1.0.0",)), {"supported": ["1.0.0"]}),
        (errors.MethodNotAllowed(method="X", allowed=("HEAD",)), {"allowed": ["HEAD"]}),
        (errors.TooLarge("the file", limit=10), {"limit": 10}),
        (errors.UnsupportedType(expected="e", got="g"), {"expected": "e"}),
        (errors.OffsetMismatch(expected=3, got=7), {"offset": 3}),
        (errors.PartConflict(2), {"chunkIndex": 2}),
        (errors.FactConflict("f", stored="s", got="g"), {"field": "f", "stored": "s"}),
        (errors.PartsMissing([(1, 2), (4, 4)], count=3), {"missing": [1, 2, 4], "missingCount": 3}),
        (errors.Busy(), {"retryAfter": 1}),
        (errors.NotFound(), {}),
    ],
)
def test_errors_carry_their_data(sample: TusvideoError, data: dict[str, object]) -> None:
    """A client finds numbers and names as data, not in prose."""
    ordinary = {"type", "title", "status", "detail", "code", "success", "error"}
    details = json.loads(problem.render(sample).body)
    assert {key: value for key, value in details.items() if key not in ordinary} == data


def test_missing_chunks_are_listed_up_to_a_thousand() -> None:
    """A finalize of 100,000 chunks that are all missing has a bounded answer with the true count."""
    details = json.loads(problem.render(errors.PartsMissing([(0, 0), (2, 99_999)], count=99_999)).body)
    assert details["missing"] == [0, *range(2, 1_001)]
    assert details["missingCount"] == 99_999


def test_an_error_without_a_row_is_judged_by_its_parent() -> None:
    """A class that a table misses has the status of the nearest one above it."""
    assert problem.status_of(errors.RequestError("x")) == 400
    assert problem.status_of(errors.Unavailable("x")) == 503
    assert problem.status_of(TusvideoError("x")) == 500


def test_an_error_without_a_sentence_says_its_status() -> None:
    """An error that was raised without words still answers with some."""
    assert json.loads(problem.render(errors.Forbidden()).body)["detail"] == "Forbidden"


@pytest.mark.parametrize(("head_only", "status"), [(False, 500), (True, 423)])
def test_the_unforeseen_in_tus(head_only: bool, status: int) -> None:
    """G-08, J-10: a fixed sentence and the request id; 423 on HEAD, because clients would start from byte 0."""
    answer = tus.render_unexpected("r-1", head_only=head_only)
    assert answer.status == status
    assert told(answer)["Tus-Resumable"] == "1.0.0"
    assert ("Retry-After" in told(answer)) is head_only
    assert (answer.body == b"") is head_only


def test_the_unforeseen_elsewhere() -> None:
    """G-08: 500, a fixed sentence and the request id, nothing of the exception."""
    for answer in (problem.render_unexpected("r-1"), chunk_api.render_unexpected("r-1")):
        assert answer.status == 500
        details = json.loads(answer.body)
        assert (details["code"], details["requestId"], details["detail"]) == ("internal", "r-1", problem.UNEXPECTED)
    assert problem.render_unexpected("r-1", head_only=True).body == b""
