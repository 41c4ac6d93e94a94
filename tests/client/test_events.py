"""What a step of the planner means for somebody who watches."""

from dataclasses import replace

import pytest

from tusvideo_client.events import Offline, Online, Stored, UploadEvent, changes
from tusvideo_client.state import State, Step

BEGUN = State(length=100, step=Step.SEND, progress_at=0.0, offset=10)
AWAY = replace(BEGUN, offline_since=5.0, offline=2.0)


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        (BEGUN, replace(BEGUN, failures=1), []),
        (BEGUN, replace(BEGUN, offset=30), [Stored(offset=30)]),
        (BEGUN, replace(BEGUN, offset=5), []),
        (BEGUN, AWAY, [Offline()]),
        (AWAY, AWAY, []),
        (AWAY, replace(AWAY, offline_since=None, offline=9.5), [Online(seconds=7.5)]),
        (
            AWAY,
            replace(AWAY, offline_since=None, offline=3.0, offset=11),
            [Online(seconds=1.0), Stored(offset=11)],
        ),
    ],
)
def test_changes(before: State, after: State, told: list[UploadEvent]) -> None:
    """Going away, coming back and newly stored bytes are told once, when they happen."""
    assert list(changes(before, after)) == told
