"""rules.completing: appends to uploads that are complete when their client says so; IETF tests of the fact sheet."""

from typing import Any

import pytest

from tests.rules.samples import FILES, VIDEOS, an_append, an_upload
from tusvideo.commands import AppendPlan
from tusvideo.errors import (
    AlreadyComplete,
    Busy,
    InconsistentLength,
    OffsetMismatch,
    TooLarge,
    TooSmall,
    TusvideoError,
    UnsupportedType,
    WrongProtocol,
)
from tusvideo.model import Location, Profile, Protocol, Status, Upload
from tusvideo.rules import uploads as rules


def ietf(**facts: Any) -> Upload:
    """An open upload of the IETF dialect with 3 bytes."""
    return an_upload(**{"protocol": Protocol.IETF, "needs_completion": True, "offset": 3, "length": None, **facts})


def plan(upload: Upload, *, profile: Profile = FILES, **facts: Any) -> AppendPlan:
    """Judge an append at byte 3."""
    command = an_append(**{"protocol": Protocol.IETF, "at_offset": 3, **facts})
    return rules.plan_append(upload, command, profile=profile)


@pytest.mark.parametrize(
    ("facts", "request_", "length", "room"),
    [
        pytest.param({}, {"body_length": 5}, None, 9_997, id="no length yet"),
        pytest.param({"length": 10}, {"body_length": 5}, 10, 7, id="length told before"),
        pytest.param({}, {"body_length": 5, "declares_length": 10}, 10, 7, id="length told now"),
        pytest.param({"length": 10}, {"body_length": 7, "declares_length": 10}, 10, 7, id="length told again"),
        pytest.param({}, {"body_length": 5, "completes": True}, 8, 5, id="the end tells the length"),
        pytest.param({"length": 8}, {"body_length": 5, "completes": True}, 8, 5, id="the end agrees"),
        pytest.param({}, {"body_length": 0, "completes": True}, 3, 0, id="nothing more"),
        pytest.param({}, {"body_length": None, "completes": True}, None, 9_997, id="chunked, the end will tell"),
        pytest.param({"length": 8}, {"body_length": None, "completes": True}, 8, 5, id="chunked, the end must agree"),
    ],
)
def test_what_an_append_may_do(facts: dict[str, Any], request_: dict[str, Any], length: int | None, room: int) -> None:
    """IETF 57, 65, 71, 72: lengths from three places, and room up to them."""
    assert plan(ietf(**facts), **request_) == AppendPlan(
        position=3,
        accept_at_most=room,
        length=length,
        exact=request_["body_length"] is not None,
        completes=request_.get("completes", False),
    )


@pytest.mark.parametrize(
    ("facts", "profile", "request_", "error"),
    [
        pytest.param({"protocol": Protocol.TUS}, FILES, {}, WrongProtocol, id="begun over tus"),
        pytest.param({"status": Status.FINALIZING}, FILES, {}, Busy, id="being published"),
        pytest.param({}, FILES, {"at_offset": 2}, OffsetMismatch, id="another offset"),
        pytest.param({"length": 10}, FILES, {"declares_length": 11}, InconsistentLength, id="another length"),
        pytest.param({}, FILES, {"declares_length": 2}, InconsistentLength, id="length below the offset"),
        pytest.param({"length": 10}, FILES, {"body_length": 8}, InconsistentLength, id="body over the length"),
        pytest.param(
            {"length": 10}, FILES, {"body_length": 6, "completes": True}, InconsistentLength, id="end before the length"
        ),
        pytest.param(
            {},
            FILES,
            {"body_length": 5, "declares_length": 9, "completes": True},
            InconsistentLength,
            id="end and length of one request",
        ),
        pytest.param({}, FILES, {"body_length": 9_998}, TooLarge, id="body over the limit"),
        pytest.param({}, FILES, {"body_length": 9_998, "completes": True}, TooLarge, id="end over the limit"),
        pytest.param({}, FILES, {"declares_length": 10_001}, TooLarge, id="length over the limit"),
        pytest.param(
            {"offset": 0},
            VIDEOS,
            {"at_offset": 0, "body_length": 0, "completes": True},
            UnsupportedType,
            id="empty video",
        ),
    ],
)
def test_an_append_that_cannot_be_is_refused(
    facts: dict[str, Any], profile: Profile, request_: dict[str, Any], error: type[TusvideoError]
) -> None:
    """IETF 58, 71, 73, 74: judged before a byte is read."""
    with pytest.raises(error):
        plan(ietf(**facts), profile=profile, **{"body_length": 0, **request_})


@pytest.mark.parametrize("body_length", [0, None])
def test_a_complete_upload_takes_nothing_and_says_so_again(body_length: int | None) -> None:
    """IETF 77, 78: an append of nothing is fine; with content the upload is complete already."""
    place = Location(directory="files", folder="anna", filename="a")
    upload = ietf(status=Status.COMPLETE, length=3, location=place)
    assert plan(upload, body_length=body_length).accept_at_most == 0
    with pytest.raises(AlreadyComplete):
        plan(upload, body_length=1)


def test_only_a_request_that_says_so_completes() -> None:
    """IETF 68, 69: having all bytes is not enough, unless the creation was of a client that says no more."""
    whole = ietf(length=3)
    assert not rules.is_whole(whole)
    assert not rules.awaits_publishing(whole)
    assert rules.is_whole(whole, completes=True)
    assert rules.is_whole(ietf(length=3, needs_completion=False))
    assert not rules.is_whole(ietf(length=4), completes=True)


def test_the_length_at_the_end() -> None:
    """IETF 35, 74: the bytes that came make it, and must make what was told."""
    assert rules.length_at_end(ietf(), told=None) == 3
    assert rules.length_at_end(ietf(), told=3) == 3
    with pytest.raises(InconsistentLength, match="this request makes it 3"):
        rules.length_at_end(ietf(), told=4)


@pytest.mark.parametrize(
    ("facts", "request_", "most"),
    [
        pytest.param({}, {"body_length": 5}, 6, id="no length"),
        pytest.param({"length": 90}, {"body_length": None}, 6, id="chunked"),
        pytest.param({"length": 7}, {"body_length": 4}, 4, id="up to the length"),
        pytest.param({"length": 6}, {"body_length": 3}, 3, id="small, and reaches the length"),
        pytest.param({}, {"body_length": 1, "completes": True}, 1, id="small, and the last one"),
    ],
)
def test_what_one_body_may_have(facts: dict[str, Any], request_: dict[str, Any], most: int) -> None:
    """IETF 17, 18, 21: no more than the limit of one request, and no more than the upload takes."""
    found = plan(ietf(**facts), body_at_most=6, body_at_least=4, **request_)
    assert found.accept_at_most == most


@pytest.mark.parametrize(
    ("size", "error"), [(7, TooLarge), (3, TooSmall), (0, TooSmall)], ids=["large", "small", "empty"]
)
def test_bodies_out_of_bounds(size: int, error: type[TusvideoError]) -> None:
    """IETF 17, 20: refused before a byte is read."""
    with pytest.raises(error):
        plan(ietf(length=90), body_length=size, body_at_most=6, body_at_least=4)
