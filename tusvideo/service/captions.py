"""The captions of videos: judged, made WebVTT, kept beside the record, and shown to whom the file is shown."""

import asyncio
import hashlib
from concurrent.futures import ThreadPoolExecutor

from tusvideo.commands import CaptionsPut, PutCaptions
from tusvideo.errors import NotFound, TooLarge
from tusvideo.model import UserId
from tusvideo.records import CaptionRepository, CaptionText
from tusvideo.rules import webvtt
from tusvideo.service.judging import collect
from tusvideo.service.publishing import Publisher
from tusvideo.streams import BytesBody
from tusvideo.video import MAX_CAPTION_BYTES, Caption


class CaptionService:
    """Carries out what users ask of captions."""

    def __init__(self, *, publisher: Publisher, captions: CaptionRepository) -> None:
        self._publisher = publisher
        self._captions = captions
        # One file at a time: a second of Python for the worst of 2 MiB, and uploads want the interpreter meanwhile. And
        # only the one whose turn it is lies in memory.
        self._reading = ThreadPoolExecutor(1, thread_name_prefix="captions")
        self._turn = asyncio.Lock()

    async def put(self, user: UserId, command: PutCaptions, body: BytesBody) -> CaptionsPut:
        """Keep a file of captions, WebVTT or SubRip, in the place of those in the same language. Safe to repeat.

        What arrives waits on the disk, so that slow senders take no more memory than those of uploads, however many
        there are. Raises NotFound without such a record, TooLarge above ``MAX_CAPTION_BYTES``, InvalidField as
        ``webvtt.from_file`` does, TooManyCaptions, DiskFull when they would go below the room that stays free,
        TransferEnded when they did not arrive whole.
        Until it returns, the captions that were there before stay; it is all or nothing, and durable.
        """
        # Nobody knows how much will come; what has room for the largest never goes below what stays free.
        await self._publisher.judge_room(MAX_CAPTION_BYTES)
        spool = await self._publisher.store.open_spool()
        try:
            while block := await body.read():
                if spool.size + len(block) > MAX_CAPTION_BYTES:
                    raise TooLarge("the file of captions", limit=MAX_CAPTION_BYTES)
                await spool.write(block)
            async with self._turn:
                return await self._keep(user, command, b"".join(await collect(spool.read())))
        finally:
            await spool.close()

    async def _keep(self, user: UserId, command: PutCaptions, raw: bytes) -> CaptionsPut:
        content = await asyncio.get_running_loop().run_in_executor(self._reading, webvtt.from_file, raw)
        caption = Caption(
            language=command.language,
            label=command.label,
            size=len(content),
            version=hashlib.sha256(content).hexdigest()[:16],
        )
        await self._publisher.judge_room(len(content))
        now = self._publisher.clock.now()
        put = await self._captions.put_captions(user, command.video_id, caption, content, now=now)
        if put is None:
            raise NotFound("video")
        video, is_new = put
        self._publisher.watchers.tell_video(user, video.id)
        return CaptionsPut(video=video, is_new=is_new)

    async def get(self, user: UserId | None, video_id: str, language: str) -> CaptionText:
        """Give captions: to anybody in a public profile, else to their owner, as with the file. Raises NotFound."""
        found = await self._captions.captions(video_id, language)
        if found is None:
            raise NotFound("captions")
        profile = self._publisher.profiles.get(found.video.profile)
        if found.video.owner != user and (profile is None or not profile.public):
            raise NotFound("captions")
        return found

    async def remove(self, user: UserId, video_id: str, language: str) -> None:
        """Remove captions in a language. Raises NotFound, also the second time."""
        if await self._captions.remove_captions(user, video_id, language, now=self._publisher.clock.now()) is None:
            raise NotFound("captions")
        self._publisher.watchers.tell_video(user, video_id)
