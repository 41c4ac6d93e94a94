"""A beginning with the index in front: every place leads to the same bytes, and what is not ours stays alone."""

import struct
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.inspection.boxes import FTYP, box, large, last
from tests.inspection.conftest import Examine
from tests.media.clips import make_clip
from tests.media.packets import packets
from tusvideo.media import faststart
from tusvideo.media.boxes import NotBoxesError, boxes, is_faststart
from tusvideo.media.faststart import LeftAloneError, beginning_of
from tusvideo.media.inspector import ChildInspector, parse_beginning
from tusvideo.video import Beginning

OWN = box(b"dinf", box(b"dref", bytes(4) + (1).to_bytes(4) + box(b"url ", b"\0\0\0\1")))


def stco(*places: int) -> bytes:
    """A table of places in four bytes each."""
    return box(b"stco", bytes(4) + struct.pack(f">I{len(places)}I", len(places), *places))


def co64(*places: int) -> bytes:
    """The same in eight."""
    return box(b"co64", bytes(4) + struct.pack(f">I{len(places)}Q", len(places), *places))


def track(table: bytes, *, dinf: bytes = OWN, make: Any = box) -> bytes:
    """A track with a table."""
    inner = make(b"minf", box(b"vmhd") + dinf + make(b"stbl", box(b"stsz") + table + box(b"stts")))
    return bytes(make(b"trak", box(b"tkhd") + make(b"mdia", box(b"mdhd") + inner)))


def spliced(content: bytes, made: Beginning) -> bytes:
    """What a player gets."""
    return made.content + content[made.start : made.gap_start] + content[made.gap_stop :]


def places(content: bytes) -> list[int]:
    """Every place in the tables of a file, in order."""
    found: list[int] = []

    def look(start: int, stop: int) -> None:
        for one in boxes(BytesIO(content), start=start, stop=stop):
            if one.kind in {b"moov", b"trak", b"mdia", b"minf", b"stbl"}:
                look(one.start + one.head, one.stop)
            elif one.kind in {b"stco", b"co64"}:
                width = "I" if one.kind == b"stco" else "Q"
                (count,) = struct.unpack_from(">I", content, one.start + one.head + 4)
                found.extend(struct.unpack_from(f">{count}{width}", content, one.start + one.head + 8))

    look(0, len(content))
    return found


def made_from(content: bytes) -> Beginning:
    """The beginning for a file."""
    return beginning_of(BytesIO(content), size=len(content))


@given(st.data())
def test_every_place_leads_to_the_same_bytes(data: st.DataObject) -> None:
    """Any number of tracks, tables and data, large heads or small, with and without a kind, data behind the index."""
    front = data.draw(st.sampled_from([FTYP, b""])) + data.draw(st.sampled_from([b"", box(b"free", b"x")]))
    media = data.draw(st.binary(min_size=8, max_size=60))
    behind = data.draw(st.sampled_from([b"", media]))
    start = len(front) + 8
    index_make = data.draw(st.sampled_from([box, large]))
    shape = data.draw(
        st.lists(st.tuples(st.sampled_from([stco, co64]), st.integers(0, 5), st.sampled_from([box, large])))
    )

    def index(found: list[list[int]]) -> bytes:
        tracks = (track(make(*each), make=inner) for (make, _, inner), each in zip(shape, found, strict=True))
        return bytes(index_make(b"moov", box(b"mvhd", b"v") + b"".join(tracks) + box(b"udta", b"u")))

    after = start + len(media) + len(index([[0] * count for _, count, _ in shape])) + 8
    choice = st.sampled_from([start + n for n in range(len(media) - 3)] + [after + n for n in range(len(behind) - 3)])
    found = [data.draw(st.lists(choice, min_size=count, max_size=count)) for _, count, _ in shape]
    content = front + box(b"mdat", media) + index(found) + (box(b"mdat", behind) if behind else b"")

    whole = spliced(content, made_from(content))
    assert is_faststart(BytesIO(whole), size=len(whole))
    old, new = places(content), places(whole)
    assert [content[place : place + 4] for place in old] == [whole[place : place + 4] for place in new]
    assert whole.startswith(front[: len(FTYP)] if front.startswith(FTYP) else b"")
    with pytest.raises(LeftAloneError):
        made_from(whole)


@pytest.mark.parametrize("make", [box, large], ids=["small heads", "large heads"])
def test_places_that_get_too_large_get_longer(tmp_path: Path, make: Any) -> None:
    """Beyond 4 GiB all tables have eight bytes a place, and the boxes around them their new sizes."""
    path = tmp_path / "large.mp4"
    start, end = len(FTYP) + 16, 2**32 + 100
    table = [start, 2**32 - 100, 2**32 - 1]
    index = box(b"moov", track(stco(*table), make=make) + track(co64(end - 1)) + track(stco(), make=make))
    with path.open("wb") as file:
        file.write(FTYP + (1).to_bytes(4) + b"mdat" + (end - start + 16).to_bytes(8))
        file.seek(end)
        file.write(index)
    with path.open("rb") as file:
        made = beginning_of(file, size=path.stat().st_size)
    assert (made.start, made.gap_start, made.gap_stop) == (len(FTYP), end, end + len(index))
    grown = len(index) + 3 * 4
    assert len(made.content) == len(FTYP) + grown
    assert places(made.content) == [place + grown for place in [*table, end - 1]]
    assert b"stco" not in made.content


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(FTYP + box(b"moov", track(stco(200))) + box(b"mdat", bytes(99)), id="in front already"),
        pytest.param(FTYP + box(b"mdat", b"y"), id="no index"),
        pytest.param(FTYP + box(b"moov"), id="no data"),
        pytest.param(FTYP + box(b"mdat", b"y") + box(b"moov") * 2, id="two"),
        pytest.param(FTYP + box(b"mdat", b"y") + box(b"moof") + box(b"moov"), id="fragments"),
        pytest.param(FTYP + box(b"mdat", b"y") + box(b"moov", box(b"mvex")), id="made for fragments"),
        pytest.param(FTYP + box(b"mdat", b"y") + box(b"moov", box(b"cmov")), id="packed"),
        pytest.param(FTYP + box(b"meta") + box(b"mdat", b"y") + box(b"moov"), id="places elsewhere"),
        pytest.param(FTYP + box(b"mdat", b"y") + box(b"moov", box(b"meta", box(b"iloc"))), id="places of pictures"),
        pytest.param(FTYP + box(b"mdat", b"y") + box(b"moov", track(box(b"saio"))), id="places of keys"),
        pytest.param(
            FTYP
            + box(b"mdat", b"y")
            + box(b"moov", track(stco(), dinf=box(b"dinf", box(b"dref", bytes(8) + box(b"url ", bytes(4)))))),
            id="data in another file",
        ),
        pytest.param(FTYP + box(b"mdat", b"yyyy") + box(b"moov", track(stco(4))), id="a place before the data"),
        pytest.param(FTYP + box(b"mdat", b"yyyy") + box(b"moov", track(stco(9999))), id="a place behind the file"),
        pytest.param(FTYP + box(b"mdat", b"yyyy") + box(b"moov", track(stco(40))), id="a place in the index"),
        pytest.param(FTYP + box(b"mdat", b"y") + box(b"moov", last(b"trak")), id="a box without a size"),
        pytest.param(box(b"ftyp", bytes(70_000)) + box(b"mdat", b"y") + box(b"moov"), id="a long kind"),
    ],
)
def test_what_is_not_ours_is_left_alone(content: bytes) -> None:
    """Better played late than wrong."""
    with pytest.raises(LeftAloneError):
        made_from(content)


@pytest.mark.parametrize(
    "table",
    [box(b"stco"), box(b"stco", bytes(4) + b"\0\0\0\2" + bytes(4)), box(b"co64", bytes(4) + b"\xff\xff\xff\xff")],
)
def test_a_damaged_index_is_told_as_such(table: bytes) -> None:
    """A table that has not as many places as it says."""
    with pytest.raises(NotBoxesError):
        made_from(FTYP + box(b"mdat", b"y") + box(b"moov", track(table)))


def test_an_index_that_is_too_large_is_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """So memory is bounded."""
    monkeypatch.setattr(faststart, "MAX_INDEX_BYTES", 100)
    with pytest.raises(LeftAloneError):
        made_from(FTYP + box(b"mdat", b"y") + box(b"moov", bytes(100)))


@given(st.binary(max_size=200).map(lambda data: FTYP + box(b"mdat", b"yyyy") + box(b"moov", data)))
def test_whatever_the_index_is_the_rest_stays(content: bytes) -> None:
    """Two refusals, and no other error."""
    try:
        made = made_from(content)
    except (LeftAloneError, NotBoxesError):
        return
    assert spliced(content, made).endswith(box(b"mdat", b"yyyy"))


@pytest.mark.parametrize(
    ("places_told", "is_made"),
    [((3, 5, 9), True), ((6, 5, 9), False), ((3, 9, 9), False), ((3, 5, 11), False)],
)
def test_a_process_that_tells_nonsense_is_not_believed(places_told: tuple[int, int, int], *, is_made: bool) -> None:
    """Its places have to lie in the file, in order; telling nothing is fine."""
    told = faststart.HEAD.pack(*places_told)
    assert parse_beginning(told + b"x", size=10) == (Beginning(b"x", *places_told) if is_made else None)
    assert parse_beginning(told, size=10) is None
    assert parse_beginning(b"", size=10) is None


@pytest.mark.parametrize(
    ("name", "facts"),
    [
        ("a.mp4", {"audio": "aac"}),
        ("a.mov", {"audio": "aac"}),
        ("a.m4v", {"container": "ipod", "seconds": 0.5}),
        ("a.3gp", {"video": "mpeg4", "size": (176, 144)}),
    ],
)
async def test_what_players_get_has_the_same_pictures_and_sounds(
    examine: Examine, tmp_path: Path, name: str, facts: dict[str, Any]
) -> None:
    """By a process of its own; every packet of every stream is the same, byte for byte, with the same times."""
    path = make_clip(tmp_path / name, **facts)
    content = path.read_bytes()
    found = await examine(path, repairs=True)
    assert (found.facts.faststart, found.fault) == (False, None)
    assert found.beginning is not None
    repaired = tmp_path / f"repaired-{name}"
    repaired.write_bytes(spliced(content, found.beginning))
    assert packets(repaired) == packets(path)
    again = await examine(repaired, repairs=True)
    assert (again.facts.faststart, again.beginning) == (True, None)
    assert again.facts.duration == found.facts.duration
    assert (await examine(path)).beginning is None


async def test_a_process_that_hangs_harms_nothing(
    examine: Examine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The facts are kept; there is no beginning."""
    monkeypatch.setattr("tusvideo.media.inspector._REPAIR", ("/bin/sleep", "60", "#"))
    path = make_clip(tmp_path / "a.mp4")
    found = await examine(path, repairs=True, inspector=ChildInspector(seconds=5))
    assert (found.fault, found.beginning, found.facts.faststart) == (None, None, False)
