"""What a process tells is believed only where it can be true: whoever made the video may speak through it."""

import json
from typing import Any

import pytest

from tusvideo.media.inspector import parse
from tusvideo.video import Facts, Fault, Inspection

TOLD: dict[str, Any] = {
    "duration": 2.00049,
    "width": 320,
    "height": 240,
    "rotation": 90,
    "video_codec": "h264",
    "audio_codec": None,
    "faststart": True,
}
FACTS = Facts(duration=2.0, width=320, height=240, rotation=90, video_codec="h264", faststart=True)
JPEG = b"\xff\xd8\xff\xe0 picture \xff\xd9"


def told(thumbnail: bytes = b"", **changes: Any) -> bytes:
    """What an honest process tells, but for some changes."""
    return json.dumps({"facts": {**TOLD, **changes}}).encode() + b"\n" + thumbnail


def test_facts_and_a_thumbnail() -> None:
    """Both are taken; without a picture there is none."""
    assert parse(told(JPEG)) == Inspection(facts=FACTS, thumbnail=JPEG)
    assert parse(told()) == Inspection(facts=FACTS)


@pytest.mark.parametrize("fault", list(Fault))
def test_faults(fault: Fault) -> None:
    """Each is known by its name."""
    assert parse(json.dumps({"fault": fault}).encode()) == Inspection(fault=fault)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"duration": None}, None),
        ({"duration": 3}, 3.0),
        ({"duration": 0}, None),
        ({"duration": -1.5}, None),
        ({"duration": 1e12}, None),
    ],
)
def test_durations_that_cannot_be(changes: dict[str, Any], expected: float | None) -> None:
    """A head may say what it likes: no duration is told then, and the rest stays."""
    found = parse(told(**changes))
    assert (found.fault, found.facts.duration, found.facts.width) == (None, expected, 320)


@pytest.mark.parametrize("angle", [45, 1, 359, -90, 720])
def test_other_angles(angle: int) -> None:
    """Players turn by quarters; what is none is not told."""
    assert parse(told(rotation=angle)).facts.rotation == 0


@pytest.mark.parametrize(
    "line",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"not json", id="no JSON"),
        pytest.param(b"[]", id="a list"),
        pytest.param(b"7", id="a number"),
        pytest.param(b"null", id="null"),
        pytest.param(b'"fault"', id="a string"),
        pytest.param(b"[" * 100_000, id="deep"),
        pytest.param(b"\xff\xfe", id="no UTF-8"),
        pytest.param(b'{"fault": "coffee"}', id="an unknown fault"),
        pytest.param(b'{"fault": ["gone"]}', id="a list of faults"),
        pytest.param(b'{"facts": null}', id="no facts"),
        pytest.param(b'{"facts": {}}', id="facts left out"),
        pytest.param(told(duration="2"), id="duration as text"),
        pytest.param(told(duration=True), id="duration as bool"),
        pytest.param(told().replace(b"2.00049", b"NaN"), id="duration NaN"),
        pytest.param(told().replace(b"2.00049", b"Infinity"), id="endless duration"),
        pytest.param(told(width=0), id="no width"),
        pytest.param(told(width=1.5), id="half a pixel"),
        pytest.param(told(height=10**9), id="a width beyond all pictures"),
        pytest.param(told(height=True), id="a height that is a bool"),
        pytest.param(told(rotation=None), id="no rotation"),
        pytest.param(told(rotation="90"), id="rotation as text"),
        pytest.param(told(video_codec="<script>"), id="a codec with other letters"),
        pytest.param(told(video_codec="h" * 33), id="a long codec"),
        pytest.param(told(audio_codec=7), id="a codec that is a number"),
        pytest.param(told(faststart=1), id="a bool that is a number"),
        pytest.param(told(b"<html>"), id="a thumbnail that is a page"),
        pytest.param(told(JPEG + b"<html>"), id="a thumbnail with a page behind it"),
    ],
)
def test_what_cannot_be_true_is_not_believed(line: bytes) -> None:
    """Nothing of it is taken: the process is taken for broken."""
    assert parse(line) == Inspection(fault=Fault.BROKEN)
