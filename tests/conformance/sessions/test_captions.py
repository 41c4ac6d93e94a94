"""CaptionRepository: captions beside their records."""

import asyncio
from datetime import timedelta

import pytest

from tests.conformance.sessions.samples import ANNA, BERT, NOW, SECOND, Sessions, a_video
from tusvideo.errors import TooManyCaptions
from tusvideo.video import MAX_CAPTIONS, Caption, Video

ID = a_video().id
LATER = NOW + SECOND


def a_caption(language: str = "en", *, version: str = "1", size: int = 7) -> Caption:
    """Tell of captions."""
    return Caption(language=language, label=f"in '{language}' 🎬", size=size, version=version)


async def put(sessions: Sessions, caption: Caption, *, content: bytes = b"WEBVTT\n") -> tuple[Video, bool]:
    """Give the record of anna captions."""
    found = await sessions.put_captions(ANNA, ID, caption, content, now=LATER)
    assert found is not None
    return found


async def test_a_record_tells_what_captions_it_has(sessions: Sessions) -> None:
    """By language, in every way to load it, with the time of the change; the texts are kept byte for byte."""
    await sessions.put_video(a_video())
    _, is_new = await put(sessions, a_caption("pt-BR"), content=b"WEBVTT\n\n\xf0\x9f\x8e\xac\x00'")
    assert is_new
    stored, is_new = await put(sessions, a_caption("de"))
    assert is_new
    assert stored == a_video(captions=(a_caption("de"), a_caption("pt-BR")), updated_at=LATER)
    assert await sessions.video(ANNA, ID) == stored
    assert await sessions.videos(ANNA, limit=9) == (stored,)
    found = await sessions.captions(ID, "pt-BR")
    assert found == (stored, a_caption("pt-BR"), LATER, b"WEBVTT\n\n\xf0\x9f\x8e\xac\x00'")


async def test_captions_take_the_place_of_others(sessions: Sessions) -> None:
    """In the same language; those in other languages stay."""
    await sessions.put_video(a_video())
    await put(sessions, a_caption("de"))
    await put(sessions, a_caption("en"))
    stored, is_new = await put(sessions, a_caption("en", version="2", size=9), content=b"WEBVTT 2\n")
    assert not is_new
    assert stored.captions == (a_caption("de"), a_caption("en", version="2", size=9))
    found = await sessions.captions(ID, "en")
    assert found is not None
    assert found.content == b"WEBVTT 2\n"


async def test_captions_are_removed_once(sessions: Sessions) -> None:
    """The record tells so; the second time, and of what never was there, it is None."""
    await sessions.put_video(a_video())
    await put(sessions, a_caption("de"))
    await put(sessions, a_caption("en"))
    removed = await sessions.remove_captions(ANNA, ID, "de", now=LATER + SECOND)
    assert removed == a_video(captions=(a_caption("en"),), updated_at=LATER + SECOND)
    assert await sessions.remove_captions(ANNA, ID, "de", now=LATER) is None
    assert await sessions.captions(ID, "de") is None
    assert await sessions.video(ANNA, ID) == removed


async def test_a_record_has_so_many_and_no_more(sessions: Sessions) -> None:
    """One too many changes nothing; one of those that are there may always be replaced."""
    await sessions.put_video(a_video())
    for number in range(MAX_CAPTIONS):
        await put(sessions, a_caption(f"en-x-{number}"))
    before = await sessions.video(ANNA, ID)
    with pytest.raises(TooManyCaptions):
        await put(sessions, a_caption("de"))
    assert await sessions.video(ANNA, ID) == before
    assert not (await put(sessions, a_caption("en-x-0", version="2")))[1]


async def test_captions_of_somebody_elses_record_are_left_alone(sessions: Sessions) -> None:
    """Writing and removing are the owner's; who may read is judged by the caller."""
    await sessions.put_video(a_video())
    await put(sessions, a_caption())
    assert await sessions.put_captions(BERT, ID, a_caption("de"), b"", now=LATER) is None
    assert await sessions.remove_captions(BERT, ID, "en", now=LATER) is None
    assert await sessions.put_captions(ANNA, a_video(2).id, a_caption("de"), b"", now=LATER) is None
    found = await sessions.captions(ID, "en")
    assert found is not None
    assert found.video.owner == ANNA


async def test_captions_go_and_come_with_their_record(sessions: Sessions) -> None:
    """Hidden with it, restored with it, gone with it; a later record of the same file has none."""
    await sessions.put_video(a_video())
    await put(sessions, a_caption())
    await sessions.begin_removal(a_video(), due=NOW + 30 * SECOND, upload_id=None)
    assert await sessions.captions(ID, "en") is None
    assert await sessions.put_captions(ANNA, ID, a_caption("de"), b"", now=LATER) is None
    assert await sessions.remove_captions(ANNA, ID, "en", now=LATER) is None
    restored = await sessions.restore_video(ANNA, ID, now=NOW)
    assert restored is not None
    assert restored.captions == (a_caption(),)
    assert await sessions.captions(ID, "en") is not None
    await sessions.remove_video(a_video())
    assert await sessions.captions(ID, "en") is None
    assert await sessions.put_video(a_video()) == (a_video(), True)
    assert await sessions.captions(ID, "en") is None


async def test_a_change_of_texts_keeps_captions(sessions: Sessions) -> None:
    """Describing a file anew is no reason to lose them."""
    await sessions.put_video(a_video())
    await put(sessions, a_caption())
    stored, _ = await sessions.put_video(a_video(2, filename="1.mp4", title="Other"))
    assert (stored.id, stored.title, stored.captions) == (ID, "Other", (a_caption(),))


async def test_of_many_at_once_none_is_lost(sessions: Sessions) -> None:
    """Twenty languages at the same time are twenty in the record."""
    await sessions.put_video(a_video())
    await asyncio.gather(*(put(sessions, a_caption(f"en-x-{number:02}")) for number in range(MAX_CAPTIONS)))
    stored = await sessions.video(ANNA, ID)
    assert stored is not None
    assert [caption.language for caption in stored.captions] == [f"en-x-{number:02}" for number in range(MAX_CAPTIONS)]


async def test_the_time_is_cut_to_milliseconds(sessions: Sessions) -> None:
    """As all times are."""
    await sessions.put_video(a_video())
    fine = LATER + timedelta(microseconds=999)
    await sessions.put_captions(ANNA, ID, a_caption(), b"", now=fine)
    found = await sessions.captions(ID, "en")
    assert found is not None
    assert (found.updated_at, found.video.updated_at) == (LATER, LATER)
