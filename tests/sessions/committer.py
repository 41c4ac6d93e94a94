"""A process that commits without end and says so after each commit, until it is killed."""

import asyncio
import sys
from dataclasses import replace
from pathlib import Path

from tests.conformance.sessions.samples import NOW, a_part, a_video, an_upload, upload_id
from tusvideo.model import Status
from tusvideo.sessions.sqlite import SqliteSessions


async def _commit_without_end(path: Path) -> None:
    sessions = await SqliteSessions.open(path)
    try:
        await _commit(sessions)
    finally:
        await sessions.close()


async def _commit(sessions: SqliteSessions) -> None:
    number = 0
    while True:
        number += 1
        added = await sessions.add(an_upload(number))
        _say("added", number)
        saved = replace(added, offset=number)
        await sessions.save(saved, was=added)
        _say("saved", number)
        await sessions.add_part(upload_id(number), a_part(5), now=NOW, expires_at=NOW)
        _say("part", number)
        done = replace(saved, status=Status.COMPLETE)
        await sessions.complete(done, was=saved, video=a_video(number))
        _say("complete", number)


def _say(word: str, number: int) -> None:
    sys.stdout.write(f"{word} {number}\n")
    sys.stdout.flush()


asyncio.run(_commit_without_end(Path(sys.argv[1])))
