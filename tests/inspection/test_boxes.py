"""The order of the boxes of an mp4, whatever its bytes say."""

from io import BytesIO

import pytest

from tests.inspection.boxes import FTYP, box, large, last
from tusvideo.media.boxes import MAX_BOXES, NotBoxesError, boxes, is_faststart


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        pytest.param(FTYP + box(b"moov", b"x") + box(b"mdat", b"y"), True, id="index first"),
        pytest.param(FTYP + box(b"mdat", b"y") + box(b"moov", b"x"), False, id="data first"),
        pytest.param(FTYP + box(b"free") + large(b"mdat", b"y") + box(b"moov"), False, id="a large box"),
        pytest.param(FTYP + box(b"moov") + last(b"mdat", b"rest"), True, id="the last one ends with the file"),
        pytest.param(FTYP + box(b"moov") + b"torn", True, id="what comes behind does not matter"),
        pytest.param(FTYP + box(b"free"), None, id="neither"),
        pytest.param(b"", None, id="nothing"),
        pytest.param(FTYP + b"\0\0\0\x09mda", None, id="a torn head"),
        pytest.param(FTYP + (100).to_bytes(4) + b"mdat", None, id="a box longer than the file"),
        pytest.param(FTYP + (7).to_bytes(4) + b"mdat", None, id="a box shorter than its head"),
        pytest.param(FTYP + (1).to_bytes(4) + b"mdat" + (15).to_bytes(8), None, id="a large box shorter than its head"),
        pytest.param(FTYP + (1).to_bytes(4) + b"mdat" + b"\0\0", None, id="a large box without its size"),
        pytest.param(FTYP + (1).to_bytes(4) + b"mdat" + b"\xff" * 8, None, id="a box longer than any disk"),
    ],
)
def test_index_before_data(content: bytes, *, expected: bool | None) -> None:
    """The first of moov and mdat decides; bytes that are no boxes decide nothing."""
    assert is_faststart(BytesIO(content), size=len(content)) is expected


def test_boxes_without_end() -> None:
    """A file of a million empty boxes is not walked through."""
    content = box(b"free") * (MAX_BOXES + 1)
    with pytest.raises(NotBoxesError):
        list(boxes(BytesIO(content), start=0, stop=len(content)))
    assert is_faststart(BytesIO(content), size=len(content)) is None


def test_boxes_tell_where_they_are() -> None:
    """Kind, start, size and head of each, in order."""
    content = FTYP + large(b"mdat", b"data")
    found = [
        (each.kind, each.start, each.size, each.head) for each in boxes(BytesIO(content), start=0, stop=len(content))
    ]
    assert found == [(b"ftyp", 0, 16, 8), (b"mdat", 16, 20, 16)]
