"""Uploads over the IETF draft against a server on a real socket that fails on demand."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.client.conftest import Command, Waits
from tests.client.draft_peer import PROBLEMS, DraftPeer
from tests.client.peer import Fault, as_json
from tusvideo_client import (
    AsyncUploader,
    FileTooLargeError,
    GaveUpError,
    IntegrityError,
    ProtocolError,
    RejectedError,
    RetryPolicy,
    UploadResult,
)
from tusvideo_client.state import MIB

SIZE = 5 * 2**19 + 7
IMPATIENT = RetryPolicy(no_progress=0, max_offline=0, busy=0)


@pytest_asyncio.fixture
async def draft() -> AsyncIterator[DraftPeer]:
    """A running server, stopped after the test."""
    peer = DraftPeer()
    await peer.start()
    yield peer
    await peer.stop()
    assert peer.mistakes == []


async def upload(draft: DraftPeer, path: Path, **options: object) -> UploadResult:
    """One call of ``upload`` with an uploader of its own, as a run of a script makes it."""
    async with AsyncUploader(draft.url, **options) as uploader:  # type: ignore[arg-type]  # a row of a table
        return await uploader.upload(path)


def requests(draft: DraftPeer) -> list[tuple[str, str]]:
    """Method and Upload-Complete of each request."""
    return [(seen.method, seen.headers.get("Upload-Complete", "")) for seen in draft.seen]


async def test_a_server_of_the_draft_is_found_and_takes_a_file(draft: DraftPeer, video: Path) -> None:
    """Where only Upload-Limit is announced the draft is spoken: a creation without a body, an append that ends it."""
    result = await upload(draft, video)
    assert draft.only_data() == video.read_bytes()
    assert requests(draft) == [("POST", "?0"), ("PATCH", "?1")]
    assert (result.protocol, result.filename, result.stats.resent_bytes) == ("ietf", "talk.mp4", 0)
    assert result.url.endswith("/uploads/files/local/talk.mp4")


async def test_an_empty_file_is_ended_by_an_empty_append(draft: DraftPeer, tmp_path: Path) -> None:
    """Spec: ?1 with no byte says that all is there."""
    (tmp_path / "empty.txt").touch()
    await upload(draft, tmp_path / "empty.txt")
    assert draft.only_data() == b""
    assert requests(draft) == [("POST", "?0"), ("HEAD", ""), ("PATCH", "?1")]


async def test_only_the_last_part_says_so(draft: DraftPeer, video: Path) -> None:
    """Spec: Upload-Complete is ?0 until the request that carries the last byte."""
    await upload(draft, video, request_bytes=MIB)
    assert [complete for _, complete in requests(draft)] == ["?0", "?0", "?0", "?1"]


async def test_a_cut_is_resumed_from_the_stored_byte(draft: DraftPeer, video: Path, waits: Waits) -> None:
    """HEAD first, and no byte twice."""
    draft.faults = [Fault("PATCH", cut_after=MIB)]
    await upload(draft, video, clock=waits.clock)
    assert draft.only_data() == video.read_bytes()
    assert [seen.start for seen in draft.seen if seen.method == "PATCH"] == [0, MIB]
    assert draft.sent_bytes() == SIZE


async def test_a_lost_answer_to_the_creation_makes_no_second_upload(
    draft: DraftPeer, video: Path, waits: Waits
) -> None:
    """The creation is repeated with its key."""
    draft.faults = [Fault("POST", lose=True)]
    await upload(draft, video, clock=waits.clock)
    assert draft.only_data() == video.read_bytes()
    assert draft.count("POST") == 2


@pytest.mark.parametrize(
    ("says_complete", "asked"),
    [
        pytest.param(True, ["POST", "PATCH", "HEAD"], id="HEAD says that it is finished"),
        pytest.param(False, ["POST", "PATCH", "HEAD", "PATCH"], id="HEAD says nothing: the end is said again"),
    ],
)
async def test_a_lost_last_answer_sends_no_byte_again(
    says_complete: bool, asked: list[str], draft: DraftPeer, video: Path, waits: Waits
) -> None:
    """All bytes are there. Newer drafts let HEAD leave out whether that was the end: then it is said again, empty."""
    draft.says_complete = says_complete
    draft.faults = [Fault("PATCH", lose=True)]
    await upload(draft, video, clock=waits.clock)
    assert [seen.method for seen in draft.seen] == asked
    assert draft.sent_bytes() == SIZE
    assert draft.only_data() == video.read_bytes()


async def test_an_offset_may_be_left_to_the_length(draft: DraftPeer, video: Path) -> None:
    """Spec: a client may learn the offset from a 2xx: the old one and what was sent."""
    draft.says_offset = False
    await upload(draft, video, request_bytes=MIB)
    assert draft.only_data() == video.read_bytes()
    assert draft.count("HEAD") == 0


@pytest.mark.parametrize("says_offset", [True, False], ids=["in the field", "in the problem"])
async def test_a_mismatch_names_the_offset(says_offset: bool, draft: DraftPeer, video: Path) -> None:
    """Spec: a 409 tells the offset, in its field and in its problem; either spares the question."""
    draft.says_offset_on_409 = says_offset

    def store_ahead(received: int) -> None:
        if received == MIB:
            draft.only().data.extend(video.read_bytes()[MIB : 2 * MIB])

    draft.on_body = store_ahead
    draft.says_offset = False  # so that the client goes on where it believes to be
    await upload(draft, video, request_bytes=MIB)
    assert draft.only_data() == video.read_bytes()
    assert draft.count("HEAD") == 0


async def test_an_upload_that_is_complete_already_is_asked_about(draft: DraftPeer, video: Path, waits: Waits) -> None:
    """Older drafts answer 400 with the problem completed-upload: HEAD tells the rest."""
    draft.faults = [
        Fault("PATCH", lose=True),
        Fault("HEAD", status=204, headers={"Upload-Offset": "0", "Upload-Complete": "?0"}),
        Fault("PATCH", status=400, body=f'{{"type": "{PROBLEMS}completed-upload"}}'),
    ]
    await upload(draft, video, clock=waits.clock)
    assert [seen.method for seen in draft.seen] == ["POST", "PATCH", "HEAD", "PATCH", "HEAD"]
    assert draft.only_data() == video.read_bytes()


@pytest.mark.parametrize("status", [415, 500, 503])
async def test_a_last_word_is_not_argued_with(status: int, draft: DraftPeer, video: Path) -> None:
    """Spec: an error with ?1 comes from the target, which has everything: nothing is sent again."""
    draft.verdict = status
    with pytest.raises(RejectedError, match=f"has the whole file and answered {status}: that is no video"):
        await upload(draft, video)
    assert draft.sent_bytes() == SIZE


async def test_limits_of_requests_are_kept(draft: DraftPeer, video: Path) -> None:
    """Spec: max-append-size and min-append-size bound every append but the last; they come with the creation."""
    draft.limits = f"max-append-size={MIB}, min-append-size=1000000"
    await upload(draft, video, request_bytes=1000)
    assert [seen.received for seen in draft.seen if seen.method == "PATCH"] == [1_000_000, 1_000_000, SIZE - 2_000_000]
    draft.seen.clear()
    await upload(draft, video, request_bytes=64 * MIB)
    assert [seen.received for seen in draft.seen if seen.method == "PATCH"] == [MIB, MIB, SIZE - 2 * MIB]


@pytest.mark.parametrize("protocol", ["auto", "ietf"])
async def test_a_file_that_is_too_large_is_not_sent(protocol: str, draft: DraftPeer, video: Path) -> None:
    """max-size is judged as soon as it is told: by OPTIONS, or else by the creation."""
    draft.limits = "max-size=1000"
    draft.offer = {"Upload-Limit": draft.limits}
    with pytest.raises(FileTooLargeError, match="takes at most 1000"):
        await upload(draft, video, protocol=protocol)
    assert draft.count("POST") == (protocol == "ietf")
    assert draft.sent_bytes() == 0


async def test_limits_that_contradict_each_other(draft: DraftPeer, video: Path) -> None:
    """A server whose least is more than its most is told so."""
    draft.limits = "max-append-size=10, min-append-size=20"
    with pytest.raises(ProtocolError, match="20 bytes at least and 10 at most"):
        await upload(draft, video)


async def test_a_server_that_does_not_know_the_draft(draft: DraftPeer, video: Path) -> None:
    """An ordinary target takes the empty creation for the whole file; that is noticed before anything is believed."""
    draft.faults = [Fault("POST", status=200, headers={"Upload-Complete": "?1"})]
    with pytest.raises(ProtocolError, match="does not know the IETF draft"):
        await upload(draft, video, protocol="ietf")


async def test_other_bytes_at_the_end_are_no_success(draft: DraftPeer, video: Path) -> None:
    """A Repr-Digest that differs is an error; the next call begins anew instead of believing what is there."""
    draft.digest = "x" * 32
    with pytest.raises(IntegrityError, match="digests differ"):
        await upload(draft, video)
    draft.digest = None
    result = await upload(draft, video)
    assert (result.resumed_from, draft.count("POST")) == (0, 2)


async def test_another_protocol_by_hand_begins_anew(draft: DraftPeer, video: Path, tmp_path: Path) -> None:
    """An upload that began over the draft is not gone on with over tus: it is removed there, if that is easy."""
    draft.faults = [Fault("PATCH", cut_after=MIB)]
    with pytest.raises(GaveUpError):
        await upload(draft, video, retry=IMPATIENT)
    draft.faults = [Fault("POST", status=412)]
    with pytest.raises(RejectedError):
        await upload(draft, video, protocol="tus")
    assert draft.uploads == {}
    assert draft.seen[-1].headers["Tus-Resumable"] == "1.0.0"


@pytest.mark.parametrize("protocol", ["auto", "ietf"])
async def test_the_command_line_speaks_it(protocol: str, command: Command, draft: DraftPeer, video: Path) -> None:
    """--protocol is auto by default; the result on stdout is the file's address."""
    code, out, _ = await command(
        "upload", str(video), "--to", draft.url, "--protocol", protocol, "--integrity", "never"
    )
    assert (code, out) == (0, f"{draft.url}/uploads/files/local/talk.mp4\n")
    assert draft.only_data() == video.read_bytes()
    assert len(draft.asked) == (protocol == "auto")


async def test_an_interrupted_upload_is_listed_and_resumed(command: Command, draft: DraftPeer, video: Path) -> None:
    """`ls` tells the protocol, and `resume` keeps it without asking."""
    draft.faults = [Fault("PATCH", cut_after=MIB)]
    with pytest.raises(GaveUpError):
        await upload(draft, video, retry=IMPATIENT)
    _, out, _ = await command("ls", "--json")
    assert as_json(out)[0]["protocol"] == "ietf"
    assert (await command("resume", "--all", "--integrity", "never"))[0] == 0
    assert draft.only_data() == video.read_bytes()
    assert (len(draft.asked), draft.count("POST")) == (1, 1)
