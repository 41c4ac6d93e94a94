"""model, message and errors: ids are checked, heads are read, errors speak."""

import inspect
from dataclasses import FrozenInstanceError, fields, is_dataclass
from typing import Any

import pytest
from multidict import CIMultiDict, CIMultiDictProxy, MultiDict, MultiDictProxy

from tests.rules.samples import FILES, VIDEOS, an_upload
from tusvideo import commands, errors, message, model
from tusvideo.errors import InvalidField
from tusvideo.message import RequestHead, ResponseHead
from tusvideo.model import TRANSITIONS, Status, client_key, upload_id, user_id


@pytest.mark.parametrize("text", ["0" * 32, "0123456789abcdef" * 2])
def test_an_upload_id_is_32_hex_digits(text: str) -> None:
    """Given back as it is."""
    assert upload_id(text) == text


@pytest.mark.parametrize("text", ["", "0" * 31, "0" * 33, "A" * 32, "g" * 32, "0" * 32 + "\n", "٠" * 32])
def test_anything_else_is_no_upload_id(text: str) -> None:
    """Nothing but the id ever becomes a path."""
    with pytest.raises(InvalidField):
        upload_id(text)


@pytest.mark.parametrize("text", ["a", "Anna Müller", "x" * 120, "ü" * 60, "../x"])
def test_a_user_id_is_visible_text(text: str) -> None:
    """Up to 120 bytes."""
    assert user_id(text) == text


@pytest.mark.parametrize("text", ["", "x" * 121, "ü" * 61, "a\nb", "a\x00", "\ud800", "a\u202eb"])
def test_anything_else_is_no_user_id(text: str) -> None:
    """Empty, long, or with characters that cannot be seen."""
    with pytest.raises(InvalidField):
        user_id(text)


@pytest.mark.parametrize("text", ["a", "A-z_9", "x" * 128])
def test_a_client_key_is_plain(text: str) -> None:
    """Up to 128 characters."""
    assert client_key(text) == text


@pytest.mark.parametrize("text", ["", "x" * 129, "a/b", "a b", "ä", "a\n", "..", "a%2f"])
def test_anything_else_is_no_client_key(text: str) -> None:
    """No separators, spaces or letters of other alphabets."""
    with pytest.raises(InvalidField):
        client_key(text)


def test_every_status_has_its_steps() -> None:
    """Terminated and expired are ends; nothing comes back to open."""
    assert set(TRANSITIONS) == set(Status)
    assert {status for status in Status if not TRANSITIONS[status]} == {Status.TERMINATED, Status.EXPIRED}
    assert not any(Status.OPEN in after for after in TRANSITIONS.values())


def test_a_profile_with_types_takes_videos_only() -> None:
    """Any other takes everything."""
    assert VIDEOS.takes_video_only
    assert not FILES.takes_video_only


@pytest.mark.parametrize("module", [model, commands, message])
def test_values_are_frozen_and_named(module: Any) -> None:
    """Every value of the house is immutable, without a dict, and built by names."""
    values = [v for v in vars(module).values() if inspect.isclass(v) and is_dataclass(v)]
    assert values
    for value in values:
        assert vars(value)["__dataclass_params__"].frozen
        assert hasattr(value, "__slots__")
        assert all(field.kw_only for field in fields(value))


def test_a_value_cannot_be_changed() -> None:
    """A new state is a new value."""
    with pytest.raises(FrozenInstanceError):
        an_upload().offset = 5  # type: ignore[misc]  # what must fail


def head(headers: list[tuple[str, str]], query: list[tuple[str, str]]) -> RequestHead:
    """Make a head."""
    return RequestHead(
        method="GET",
        path="/",
        headers=CIMultiDictProxy(CIMultiDict(headers)),
        query=MultiDictProxy(MultiDict(query)),
    )


def test_a_field_is_given_once_or_not_at_all() -> None:
    """Names of header fields have no case, those of parameters have."""
    found = head([("Upload-Offset", "5")], [("uploadId", "a")])
    assert (found.one("upload-offset"), found.one("Upload-Length")) == ("5", None)
    assert (found.one_query("uploadId"), found.one_query("uploadid")) == ("a", None)


def test_a_repeated_field_is_refused() -> None:
    """Two components might read two values."""
    found = head([("Upload-Offset", "5"), ("upload-offset", "5")], [("uploadId", "a"), ("uploadId", "a")])
    with pytest.raises(InvalidField):
        found.one("Upload-Offset")
    with pytest.raises(InvalidField):
        found.one_query("uploadId")


def test_a_head_without_fields_has_none() -> None:
    """The defaults are empty, and nobody shares them."""
    bare = RequestHead(method="GET", path="/")
    assert (len(bare.headers), len(bare.query), bare.has_body) == (0, 0, False)
    assert bare.headers is not RequestHead(method="GET", path="/").headers
    assert ResponseHead(status=204).body == b""


SAMPLES: list[errors.TusvideoError] = [
    errors.MissingField("f", expected="x"),
    errors.InvalidField("f", expected="x", got="y\r\n" + "z" * 100),
    errors.UnsupportedVersion(got="2", supported=["1.0.0"]),
    errors.MethodNotAllowed(method="PUT", allowed=["GET"]),
    errors.ExpectationFailed(got="x"),
    errors.HeadersTooLarge(limit=1, got=2),
    errors.Unauthenticated(),
    errors.Forbidden("the host is not allowed; use another address"),
    errors.NotFound(),
    errors.Expired(),
    errors.TooLarge("the body", limit=1),
    errors.TooLarge("the body", limit=1, got=2),
    errors.TooSmall("the body", limit=2, got=1),
    errors.UnsupportedType(expected="x", got="y"),
    errors.UnsupportedCoding(got="gzip"),
    errors.InconsistentLength(expected=10, got=11),
    errors.UnsupportedDigest("Repr-Digest", algorithms=["md5"], supported=["sha-256"]),
    errors.InvalidDigest("Repr-Digest", algorithm="sha-256", length=32, got=5),
    errors.ChecksumMismatch("chunk", expected="a", got="b"),
    errors.OffsetMismatch(expected=1, got=2),
    errors.PartConflict(1),
    errors.FactConflict("f", stored="1", got="2"),
    errors.PartsMissing([(0, 1)], count=2),
    errors.TooManyCaptions(most=20),
    errors.AlreadyComplete(),
    errors.WrongProtocol(expected="tus"),
    errors.Busy(),
    errors.Stopping(),
    errors.Overloaded(),
    errors.TooManyStreams(most=8),
    errors.TookTooLong(),
    errors.DiskFull(),
    errors.StorageFailed(),
    errors.BodyCut("the connection ended"),
    errors.BodyStalled("no byte came"),
    errors.Preempted("asked to leave"),
    errors.SessionConflict("load again"),
    errors.ConfigError(["one", "two"]),
]


@pytest.mark.parametrize("error", SAMPLES, ids=lambda error: type(error).__name__)
def test_every_error_speaks(error: errors.TusvideoError) -> None:
    """A sentence of printable ASCII or our own dash and ellipsis, and a code of its own."""
    assert str(error)
    assert "\r" not in str(error)
    assert error.code
    assert error.expires_at is None


def test_every_leaf_has_a_sample_and_a_code_of_its_own() -> None:
    """Nothing is left out of the table above, and no two leaves share a code."""
    classes = [c for c in vars(errors).values() if inspect.isclass(c) and issubclass(c, errors.TusvideoError)]
    leaves = {c for c in classes if not c.__subclasses__()}
    assert {type(error) for error in SAMPLES} == leaves
    assert len({c.code for c in leaves}) == len(leaves)


def test_what_may_work_later_says_when() -> None:
    """In whole seconds."""
    later = [error for error in SAMPLES if isinstance(error, errors.Unavailable)]
    assert len(later) == 7
    assert all(error.retry_after >= 1 for error in later)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("abc", "'abc'"),
        ("a\r\nb\x00", "'a??b?'"),
        ("ü", "'?'"),
        ("x" * 60, f"'{'x' * 60}'"),
        ("x" * 61, f"'{'x' * 60}'…"),
    ],
)
def test_foreign_text_is_shown_with_care(text: str, shown: str) -> None:
    """Printable ASCII, at most 60 characters."""
    assert errors.shown(text) == shown
