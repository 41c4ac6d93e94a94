"""What people are told of how an upload gets on."""

from datetime import timedelta

import pytest

from tests.protocol.heads import NOON, upload, video
from tusvideo.model import PARTIAL, Status, Upload, UploadState
from tusvideo.rules.progress import is_shown, state_of
from tusvideo.video import VideoState


@pytest.mark.parametrize(
    ("status", "silent", "age", "state"),
    [
        (Status.OPEN, None, 0.0, UploadState.UPLOADING),
        (Status.OPEN, None, 4.9, UploadState.UPLOADING),
        (Status.OPEN, None, 5.0, UploadState.PAUSED),
        (Status.OPEN, 0.1, 60.0, UploadState.UPLOADING),
        (Status.OPEN, 4.9, 60.0, UploadState.UPLOADING),
        (Status.OPEN, 5.0, 60.0, UploadState.PAUSED),
        (Status.OPEN, 60.0, 1.0, UploadState.UPLOADING),
        (Status.FINALIZING, None, 60.0, UploadState.CHECKING),
        (Status.FINALIZING, 0.1, 0.0, UploadState.CHECKING),
        (Status.COMPLETE, None, 0.0, UploadState.READY),
        (Status.FAILED, None, 0.0, UploadState.FAILED),
        (Status.DAMAGED, None, 0.0, UploadState.FAILED),
    ],
)
def test_an_upload_has_one_state(status: Status, silent: float | None, age: float, state: UploadState) -> None:
    """It moves while bytes come, or came within five seconds; then it is paused until it is whole or gone."""
    row = upload(status=status, stored_at=NOON)
    assert state_of(row, video=None, silent_seconds=silent, now=NOON + timedelta(seconds=age)) is state


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        (VideoState.CHECKING, UploadState.CHECKING),
        (VideoState.READY, UploadState.READY),
        (VideoState.FAILED, UploadState.READY),
    ],
)
def test_a_file_is_checked_with_its_record(state: VideoState, expected: UploadState) -> None:
    """Whatever comes of that: the upload is done, and the record tells the rest."""
    row = upload(status=Status.COMPLETE)
    assert state_of(row, video=video(state=state), silent_seconds=None, now=NOON) is expected


@pytest.mark.parametrize(
    ("row", "shown"),
    [
        (None, False),
        (upload(), True),
        (upload(status=Status.COMPLETE), True),
        (upload(status=Status.FAILED), True),
        (upload(status=Status.FINALIZING), True),
        (upload(status=Status.TERMINATED), False),
        (upload(status=Status.EXPIRED), False),
        (upload(concat=PARTIAL), False),
        (upload(concat="final;/files/x"), True),
    ],
)
def test_what_is_gone_is_not_shown(row: Upload | None, shown: bool) -> None:
    """Nor what is a piece of another upload."""
    assert is_shown(row) is shown
