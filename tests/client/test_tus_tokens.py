"""Tokens of uploads over tus: refused, renewed, expired, and whom they are shown."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.client.loop import records, upload
from tests.client.peer import Fault, Peer
from tusvideo_client import AuthError, RejectedError
from tusvideo_client.state import MIB


async def test_a_refused_token_is_renewed_once(peer: Peer, video: Path) -> None:
    """When the server refuses a token the provider is asked for another one, and the upload goes on."""
    tokens = iter(["old", "new"])
    peer.token = "new"
    asked = []

    async def provide() -> str:
        asked.append(1)
        return next(tokens)

    await upload(peer, video, token=provide)
    assert bytes(peer.only().data) == video.read_bytes()
    assert [seen.headers["Authorization"] for seen in peer.seen] == ["Bearer old", "Bearer new", "Bearer new"]
    assert len(asked) == 2


async def test_a_token_that_expires_in_mid_upload_costs_nothing(peer: Peer, video: Path) -> None:
    """A 401 on a PATCH leads to a fresh token and HEAD, never to a new upload."""
    tokens = iter(["old", "new"])
    peer.token = "old"
    peer.faults = [Fault("PATCH", cut_after=MIB, path="files")]

    def expire(received: int) -> None:
        peer.token = "new"

    peer.on_body = expire
    result = await upload(peer, video, token=lambda: next(tokens))
    assert bytes(peer.only().data) == video.read_bytes()
    assert (peer.count("POST"), result.restarted) == (1, False)


@pytest.mark.parametrize("provider", [lambda: "wrong", "wrong", None], ids=["callable", "text", "none"])
async def test_a_token_that_stays_refused_keeps_the_record(
    provider: Callable[[], str] | str | None, peer: Peer, video: Path, state_dir: Path
) -> None:
    """AuthError ends the call; what is stored is kept for the next one."""
    peer.token = "right"
    with pytest.raises(AuthError, match=r"token|401"):
        await upload(peer, video, token=provider)
    assert len(records(state_dir)) == 1
    peer.token = None
    assert (await upload(peer, video, token="any")).size == video.stat().st_size


async def test_a_403_is_the_servers_refusal_whatever_the_token_comes_from(peer: Peer, video: Path) -> None:
    """A provider with no other token changes nothing: the error has the status and the server's own words."""
    peer.faults = [Fault("POST", status=403, body="your folder is full")]
    with pytest.raises(RejectedError, match="the server answered 403: your folder is full") as caught:
        await upload(peer, video, token=lambda: "any")
    assert (caught.value.status, peer.count("POST")) == (403, 1)


async def test_a_token_with_a_line_break_is_explained(peer: Peer, video: Path) -> None:
    """A token that no header can carry is an AuthError, not a crash."""
    with pytest.raises(AuthError, match="cannot be sent"):
        await upload(peer, video, token="secret\n")


async def test_the_token_goes_to_its_own_server_only(peer: Peer, video: Path) -> None:
    """A Location at another origin does not get the credentials."""
    other = Peer()
    await other.start()
    try:
        elsewhere = {"Location": f"{other.url}/files/x", "Tus-Resumable": "1.0.0"}
        peer.faults = [Fault("POST", status=201, headers=elsewhere)]
        other.faults = [Fault("PATCH", status=400)]
        with pytest.raises(RejectedError):
            await upload(peer, video, token="secret")
        assert "Authorization" in peer.seen[0].headers
        assert "Authorization" not in other.seen[0].headers
    finally:
        await other.stop()
