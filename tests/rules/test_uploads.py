"""rules.uploads: what may be done to an upload, and what it is afterwards."""

from dataclasses import replace
from typing import Any

import pytest

from tests.rules.samples import (
    ANNA,
    BERT,
    FILES,
    ID,
    LIMITS,
    NOW,
    SECOND,
    VIDEOS,
    a_creation,
    an_append,
    an_upload,
    an_upload_in_parts,
)
from tusvideo.errors import (
    Busy,
    Expired,
    FactConflict,
    InvalidField,
    NotFound,
    OffsetMismatch,
    SessionConflict,
    TooLarge,
    TusvideoError,
    UnsupportedType,
    WrongProtocol,
)
from tusvideo.model import TRANSITIONS, Location, Profile, Protocol, Standing, Status, Upload
from tusvideo.rules import uploads as rules

PLACE = Location(directory="files", folder="anna", filename="a")


def made(profile: Profile = FILES, **facts: Any) -> Upload:
    """Judge a creation."""
    return rules.new_upload(a_creation(**facts), profile=profile, limits=LIMITS, owner=ANNA, upload_id=ID, now=NOW)


def test_a_new_upload_holds_what_was_asked_for() -> None:
    """Nothing is stored yet, and the time runs from now."""
    upload = made(metadata="a YQ==", original_name="a", title="t", description="d", creation_key="k")
    assert upload == an_upload(metadata="a YQ==", original_name="a", title="t", description="d", creation_key="k")


@pytest.mark.parametrize(
    ("profile", "facts", "error"),
    [
        pytest.param(FILES, {"length": 10_001}, TooLarge, id="length over the limit"),
        pytest.param(VIDEOS, {"length": 0}, UnsupportedType, id="empty video"),
        pytest.param(FILES, {"body_length": 11, "takes_body": True}, TooLarge, id="body over the length"),
        pytest.param(
            FILES, {"length": None, "body_length": 10_001, "takes_body": True}, TooLarge, id="body over the limit"
        ),
    ],
)
def test_a_creation_that_cannot_be_is_refused(
    profile: Profile, facts: dict[str, Any], error: type[TusvideoError]
) -> None:
    """Judged before anything is made."""
    with pytest.raises(error):
        made(profile, **facts)


@pytest.mark.parametrize(
    ("profile", "facts"),
    [
        pytest.param(FILES, {"length": 10_000}, id="length at the limit"),
        pytest.param(FILES, {"length": 0}, id="empty file"),
        pytest.param(VIDEOS, {"length": None}, id="length to come"),
        pytest.param(FILES, {"body_length": 10, "takes_body": True}, id="body as long as the file"),
        pytest.param(FILES, {"body_length": None, "takes_body": True}, id="body of unknown size"),
        pytest.param(FILES, {"body_length": 99, "takes_body": False}, id="body that is no content"),
    ],
)
def test_a_creation_that_can_be_is_taken(profile: Profile, facts: dict[str, Any]) -> None:
    """Limits themselves are allowed."""
    assert made(profile, **facts).length == a_creation(**facts).length


def test_the_same_creation_again_is_fine() -> None:
    """Also when the length was told in between, or is not told again."""
    rules.judge_same_creation(an_upload(), an_upload())
    rules.judge_same_creation(an_upload(), an_upload(length=None))


@pytest.mark.parametrize("facts", [{"length": 11}, {"metadata": "x"}, {"profile": "poster"}])
def test_another_creation_under_the_same_key_is_a_contradiction(facts: dict[str, Any]) -> None:
    """A key means one request."""
    with pytest.raises(FactConflict):
        rules.judge_same_creation(an_upload(), an_upload(**facts))


def test_the_same_creation_of_an_expired_upload_is_told() -> None:
    """The upload of then is gone."""
    with pytest.raises(Expired):
        rules.judge_same_creation(an_upload(status=Status.EXPIRED), an_upload())


def test_somebody_elses_is_like_unknown() -> None:
    """The two raise one and the same error."""
    assert rules.judge_owner(an_upload(), ANNA) == an_upload()
    told = []
    for upload in (None, an_upload()):
        with pytest.raises(NotFound) as caught:
            rules.judge_owner(upload, BERT)
        told.append((str(caught.value), vars(caught.value)))
    assert told[0] == told[1]


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (Status.TERMINATED, NotFound),
        (Status.FAILED, NotFound),
        (Status.DAMAGED, NotFound),
        (Status.EXPIRED, Expired),
        (Status.OPEN, None),
        (Status.FINALIZING, None),
        (Status.COMPLETE, None),
    ],
)
def test_what_is_there_and_what_is_not(status: Status, error: type[TusvideoError] | None) -> None:
    """Each status says whether there is an upload."""
    upload = an_upload(status=status)
    if error is None:
        rules.judge_known(upload)
        return
    with pytest.raises(error):
        rules.judge_known(upload)


@pytest.mark.parametrize(
    ("status", "seconds", "due"),
    [
        (Status.OPEN, 59.999, False),
        (Status.OPEN, 60, True),
        (Status.FINALIZING, 10**6, False),
        (Status.COMPLETE, 10**6, False),
        (Status.EXPIRED, 10**6, False),
    ],
)
def test_only_unfinished_uploads_are_due(status: Status, seconds: float, due: bool) -> None:
    """What has all its bytes never is, and what was removed is so no more."""
    assert rules.is_due(an_upload(status=status), now=NOW + seconds * SECOND) is due


@pytest.mark.parametrize(
    ("upload", "facts", "error"),
    [
        pytest.param({"status": Status.FAILED}, {}, NotFound, id="gone"),
        pytest.param({"status": Status.EXPIRED}, {}, Expired, id="expired"),
        pytest.param({}, {"protocol": Protocol.CHUNKS}, WrongProtocol, id="another protocol"),
        pytest.param({"status": Status.FINALIZING}, {"at_offset": 3}, Busy, id="finalizing"),
        pytest.param({"offset": 3}, {"at_offset": 2}, OffsetMismatch, id="behind"),
        pytest.param({"offset": 3}, {"at_offset": 4}, OffsetMismatch, id="ahead"),
        pytest.param({}, {"declares_length": 11}, InvalidField, id="another length"),
        pytest.param({"length": None}, {"declares_length": 10_001}, TooLarge, id="length over the limit"),
        pytest.param(
            {"length": None, "offset": 3}, {"at_offset": 3, "declares_length": 2}, InvalidField, id="length too short"
        ),
        pytest.param({"profile": "poster", "length": None}, {"declares_length": 0}, UnsupportedType, id="no video"),
        pytest.param({}, {"body_length": 11}, TooLarge, id="body over the length"),
        pytest.param({"length": None}, {"body_length": 10_001}, TooLarge, id="body over the limit"),
        pytest.param({"length": None}, {"declares_length": 4}, TooLarge, id="body over the length told with it"),
        pytest.param({"offset": 3}, {"at_offset": 2, "declares_length": 11}, OffsetMismatch, id="offset first"),
    ],
)
def test_an_append_that_cannot_be_is_refused(
    upload: dict[str, Any], facts: dict[str, Any], error: type[TusvideoError]
) -> None:
    """Judged from the head alone, in the order of the docstring."""
    stored = an_upload(**upload)
    profile = VIDEOS if stored.profile == "poster" else FILES
    with pytest.raises(error):
        rules.plan_append(stored, an_append(**facts), profile=profile)


@pytest.mark.parametrize(
    ("upload", "facts", "room", "length", "exact"),
    [
        pytest.param({}, {}, 10, 10, True, id="known size"),
        pytest.param({"offset": 3}, {"at_offset": 3, "body_length": None}, 7, 10, False, id="unknown size"),
        pytest.param({}, {"declares_length": 10}, 10, 10, True, id="the same length again"),
        pytest.param({"length": None}, {}, 10_000, None, True, id="length to come"),
        pytest.param({"length": None}, {"declares_length": 5}, 5, 5, True, id="length told"),
        pytest.param({"length": None}, {"declares_length": 0, "body_length": 0}, 0, 0, True, id="empty after all"),
        pytest.param(
            {"status": Status.COMPLETE, "offset": 10}, {"at_offset": 10, "body_length": 0}, 0, 10, True, id="a retry"
        ),
    ],
)
def test_an_append_that_can_be_is_planned(
    upload: dict[str, Any], facts: dict[str, Any], room: int, length: int | None, exact: bool
) -> None:
    """The plan says where, how much, and how long the upload is to be."""
    stored = an_upload(**upload)
    plan = rules.plan_append(stored, an_append(**facts), profile=FILES)
    assert (plan.position, plan.accept_at_most, plan.length, plan.exact) == (stored.offset, room, length, exact)


def settled(upload: Upload, *, position: int, length: int | None, content_type: str | None = "video/mp4") -> Upload:
    """Settle, two seconds later."""
    return rules.settle_append(
        upload,
        position=position,
        length=length,
        epoch=7,
        content_type=content_type,
        now=NOW + 2 * SECOND,
        limits=LIMITS,
    )


def test_stored_bytes_give_the_full_time_again() -> None:
    """Offset, epoch and both times move on."""
    after = settled(an_upload(), position=4, length=10)
    assert (after.offset, after.epoch) == (4, 7)
    assert (after.stored_at, after.expires_at) == (NOW + 2 * SECOND, NOW + 62 * SECOND)


def test_without_bytes_the_time_runs_on() -> None:
    """A length alone is no activity."""
    after = settled(an_upload(length=None), position=0, length=10)
    assert after == replace(an_upload(), epoch=7)


@pytest.mark.parametrize(
    ("position", "length", "kept"),
    [(4095, None, False), (4096, None, True), (99, 100, False), (100, 100, True), (4095, 9000, False)],
)
def test_a_type_is_kept_with_the_bytes_it_was_judged_by(position: int, length: int | None, kept: bool) -> None:
    """Not before all of them are durable."""
    after = settled(an_upload(length=None), position=position, length=length)
    assert after.content_type == ("video/mp4" if kept else None)


def test_stored_bytes_end_the_risk_of_those_before() -> None:
    """A sync is of the whole file; without bytes there was none."""
    upload = an_upload(offset=4, boot_id="one", synced_offset=2)
    assert settled(upload, position=5, length=10).boot_id is None
    assert settled(upload, position=4, length=10).boot_id == "one"


@pytest.mark.parametrize(
    ("was", "synced"),
    [
        pytest.param({"offset": 4}, 4, id="all before was synced"),
        pytest.param({"offset": 4, "boot_id": "one", "synced_offset": 2}, 2, id="some before was not"),
    ],
)
def test_bytes_that_nobody_synced_are_at_risk(was: dict[str, Any], synced: int) -> None:
    """The row remembers in which boot they came, and what was synced before."""
    after = rules.at_risk(an_upload(offset=9), was=an_upload(**was), boot_id="one")
    assert (after.offset, after.boot_id, after.synced_offset) == (9, "one", synced)


@pytest.mark.parametrize(
    ("facts", "boot_id", "offset", "content_type"),
    [
        pytest.param({}, "two", 9000, "video/mp4", id="nothing at risk"),
        pytest.param({"boot_id": "one", "synced_offset": 10}, "one", 9000, "video/mp4", id="the same boot"),
        pytest.param({"boot_id": "one", "synced_offset": 10}, "two", 10, None, id="another boot"),
        pytest.param({"boot_id": "one", "synced_offset": 5000}, "two", 5000, "video/mp4", id="with its head synced"),
        pytest.param(
            {"boot_id": "one", "synced_offset": 9999}, "two", 9000, "video/mp4", id="more synced than counted"
        ),
    ],
)
def test_another_boot_leaves_what_was_synced(
    facts: dict[str, Any], boot_id: str, offset: int, content_type: str | None
) -> None:
    """A type stays only with the bytes it was judged by."""
    upload = an_upload(length=9999, offset=9000, content_type="video/mp4", **facts)
    after = rules.after_boot(upload, boot_id=boot_id)
    assert (after.offset, after.content_type) == (offset, content_type)
    assert after.boot_id == (upload.boot_id if boot_id == "one" else None)


@pytest.mark.parametrize(
    ("upload", "whole", "awaits"),
    [
        (an_upload(offset=10), True, True),
        (an_upload(offset=9), False, False),
        (an_upload(length=None), False, False),
        (an_upload(length=0), True, True),
        (an_upload(offset=10, status=Status.FINALIZING), False, True),
        (an_upload(offset=10, status=Status.COMPLETE), False, False),
        (an_upload_in_parts(offset=10, length=10), False, False),
        (an_upload_in_parts(offset=10, length=10, status=Status.FINALIZING), False, True),
    ],
)
def test_what_has_all_its_bytes_awaits_publishing(upload: Upload, whole: bool, awaits: bool) -> None:
    """Numbered parts wait for finalize; everything else goes on by itself."""
    assert (rules.is_whole(upload), rules.awaits_publishing(upload)) == (whole, awaits)


@pytest.mark.parametrize("status", list(Status))
@pytest.mark.parametrize("after", list(Status))
def test_a_life_knows_its_steps(status: Status, after: Status) -> None:
    """Every step of the table and no other; a reason is kept until there is a new one."""
    upload = an_upload(status=status, reason="old")
    if after in TRANSITIONS[status]:
        assert rules.moved(upload, after) == replace(upload, status=after)
        assert rules.moved(upload, after, reason="new").reason == "new"
        return
    with pytest.raises(SessionConflict):
        rules.moved(upload, after)


def test_finalizing_chooses_a_name_and_may_choose_another() -> None:
    """Until the file has its name."""
    begun = rules.finalizing(an_upload(), PLACE)
    assert (begun.status, begun.location) == (Status.FINALIZING, PLACE)
    other = replace(PLACE, filename="b")
    assert rules.finalizing(begun, other) == replace(begun, location=other)
    with pytest.raises(SessionConflict):
        rules.finalizing(an_upload(status=Status.COMPLETE), PLACE)


@pytest.mark.parametrize(
    ("facts", "staged", "agrees"),
    [
        pytest.param({}, None, True, id="nothing is counted and nothing there"),
        pytest.param({}, 9, True, id="more is there than is counted"),
        pytest.param({"offset": 5}, 5, True, id="what is counted is there"),
        pytest.param({"offset": 5, "length": None}, 5, True, id="the length is not known yet"),
        pytest.param({"offset": 5, "boot_id": "now"}, 5, True, id="at risk, in this boot"),
        pytest.param({"offset": 5}, 4, False, id="less is there than is counted"),
        pytest.param({"offset": 5}, None, False, id="the file is gone"),
        pytest.param({"offset": 10}, 10, False, id="whole: it may have to be published"),
        pytest.param({"length": 0}, None, False, id="whole, and empty"),
        pytest.param({"vanishes": True}, 9, False, id="cut by the stop, and nobody comes back to it"),
        pytest.param({"parts_stored": 1}, 9, False, id="parts say where the bytes must be"),
        pytest.param({"offset": 5, "boot_id": "before"}, 5, False, id="at risk, and the machine went down"),
    ],
)
def test_most_uploads_are_seen_to_agree_with_their_files_from_little(
    facts: dict[str, Any], staged: int | None, agrees: bool
) -> None:
    """Only what may be damaged, whole, in parts, or at risk since another boot must be looked at."""
    upload = an_upload(**facts)
    standing = Standing(*(getattr(upload, field) for field in Standing._fields))
    assert rules.agrees(standing, staged=staged, boot_id="now") is agrees
