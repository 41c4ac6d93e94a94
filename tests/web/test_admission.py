"""When as many bodies are on their way as the server takes, the next is told to come again, and all else goes on."""

import pytest

from tests.web.conftest import BYTES, TUS, Start, patch
from tests.web.forms import CHUNK, TYPE, chunk_fields, form
from tests.web.wire import until
from tusvideo.errors import Overloaded
from tusvideo.model import Limits
from tusvideo.web.admission import Admission

EXPECT = "Expect: 100-continue"
FORM = form(*chunk_fields(0, 2), ("chunk", b"abc"))
CREATION = ("POST /files/ HTTP/1.1", TUS, BYTES, "Upload-Length: 5", "Content-Length: 5")
CHUNK_POST = (f"POST {CHUNK} HTTP/1.1", TYPE, f"Content-Length: {len(FORM)}")


@pytest.mark.parametrize(
    "head",
    [
        pytest.param(CREATION, id="creation with a body"),
        pytest.param(CHUNK_POST, id="chunk"),
        pytest.param(("PUT /files/a.bin HTTP/1.1", "Content-Length: 5"), id="plain upload"),
        pytest.param(None, id="append"),
    ],
)
async def test_a_body_too_many_is_refused_before_it_is_asked_for(start: Start, head: tuple[str, ...] | None) -> None:
    """503 with Retry-After comes instead of 100 Continue; once there is room the same request is taken."""
    served = await start(limits=Limits(max_transfers=1))
    path, other = await served.create(10), await served.create(5)
    asked = head or patch(other, 0, 5)
    async with served.wire() as first:
        await first.send(*patch(path, 0, 10), body=b"abcd")
        await served.reached(path, 4)
        answer = await served.ask(*asked, EXPECT)
        assert (answer.status, answer.interim, answer.closes) == (503, (), True)
        assert (answer.headers["Retry-After"], answer.json["code"]) == ("5", "overloaded")
        await first.raw(b"efghij")
        assert (await first.answer()).status == 204
    body = FORM if head is CHUNK_POST else b"hello"
    assert (await served.ask(*asked, body=body)).status in {200, 201, 204}
    assert served.house.admission.count == 0


async def test_questions_are_answered_when_the_server_is_full(start: Start) -> None:
    """What has no body to be stored is never refused: HEAD first of all, because clients give up over its errors."""
    served = await start(limits=Limits(max_transfers=1))
    path, other = await served.create(10), await served.create(5)
    async with served.wire() as first:
        await first.send(*patch(path, 0, 10), body=b"abcd")
        await served.reached(path, 4)
        for each in (path, other):
            assert (await served.ask(f"HEAD {each} HTTP/1.1", TUS)).status == 200
            tunnelled = (f"POST {each} HTTP/1.1", TUS, "X-HTTP-Method-Override: HEAD", "Content-Length: 1")
            assert (await served.ask(*tunnelled, body=b"x")).status == 200
        assert (await served.ask("OPTIONS /files/ HTTP/1.1", TUS)).status == 204
        assert (await served.ask("GET /healthz HTTP/1.1")).status == 200
        await served.create(5)
        assert (await served.ask(f"DELETE {other} HTTP/1.1", TUS)).status == 204


async def test_a_client_takes_its_own_place_in_a_full_server(start: Start) -> None:
    """An append whose upload has a body on its way takes that one's place, as it would in an empty server."""
    served = await start(limits=Limits(max_transfers=1))
    path = await served.create(10)
    async with served.wire() as lost:
        await lost.send(*patch(path, 0, 10), body=b"abcd")
        await served.reached(path, 4)
        assert (await served.ask(*patch(path, 4, 6), body=b"efghij")).status == 204
        assert (await lost.answer()).status == 423


def test_only_one_newcomer_of_an_upload_is_let_in() -> None:
    """More would be bodies without a bound again; and when the two have left, nothing is remembered of them."""
    admission = Admission()
    with admission.admitted("a", most=1):
        with admission.admitted("a", most=1):
            for upload in ("a", "b", None):
                with pytest.raises(Overloaded), admission.admitted(upload, most=1):
                    pass
        assert admission.count == 1
    assert admission.count == 0
    with admission.admitted(None, most=1), pytest.raises(Overloaded), admission.admitted(None, most=1):
        pass


async def test_a_body_that_was_cut_makes_room(start: Start) -> None:
    """However a body ends, its place is free again."""
    served = await start(limits=Limits(max_transfers=1))
    path = await served.create(10)
    for _ in range(3):
        async with served.wire() as wire:
            await wire.send(*patch(path, await served.offset(path), 10 - await served.offset(path)), body=b"a")
            await until(lambda: served.house.admission.count == 1)
            wire.reset()
        await until(lambda: served.house.admission.count == 0)
