"""Looking at the first bytes of an upload as they pass, to judge their type before more is stored."""

from collections.abc import AsyncIterator

from tusvideo.model import SNIFF_BYTES, Profile, Upload
from tusvideo.ports import UploadStore
from tusvideo.rules.sniff import enough_to_judge, judge_type
from tusvideo.streams import ReadableBuffer


class TypeJudge:
    """Collects the head of an upload and judges its type once 4 KiB, or the whole if it is shorter, are there."""

    def __init__(
        self, *, profile: Profile, length: int | None, head: bytes, content_type: str | None, is_piece: bool = False
    ) -> None:
        self._profile = profile
        self._is_piece = is_piece
        self._length = length
        self._head = head
        self.content_type = content_type

    async def look(self, buffer: ReadableBuffer) -> None:
        """See the next bytes before they are written. Raises UnsupportedType when the profile does not take them."""
        if self.content_type is not None or self._is_piece:
            return
        self._head += bytes(buffer[: SNIFF_BYTES - len(self._head)])
        if enough_to_judge(offset=len(self._head), length=self._length):
            self.content_type = judge_type(self._head, self._profile)


async def judge_for(upload: Upload, *, store: UploadStore, profile: Profile, length: int | None) -> TypeJudge:
    """Make the judge of an append; it starts with the bytes that are stored already.

    A partial upload is content in the middle of another: its type is nobody's business.
    """
    head = b""
    if upload.content_type is None and not upload.is_partial:
        head = await staged_head(upload, store=store)
    return TypeJudge(
        profile=profile, length=length, head=head, content_type=upload.content_type, is_piece=upload.is_partial
    )


async def staged_head(upload: Upload, *, store: UploadStore) -> bytes:
    """Read the stored bytes from 0 that decide the type, at most 4 KiB."""
    stop = min(SNIFF_BYTES, upload.offset)
    if not stop:
        return b""
    return b"".join(await collect(store.read_staged(upload.id, start=0, stop=stop)))


async def collect(blocks: AsyncIterator[bytes]) -> list[bytes]:
    """Gather blocks into a list; only for what is known to be small."""
    return [block async for block in blocks]
