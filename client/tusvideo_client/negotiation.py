"""What does a server speak, and where? Asked with OPTIONS, as patiently as everything else, or told by hand."""

from dataclasses import replace
from urllib.parse import urlsplit

from .dialect import COLLECTION, DIALECTS, Offer, collections_of, judge_length, read_offer
from .draft import Limits
from .errors import ProtocolError
from .farewell import say_farewell
from .intake import Intake
from .model import Choice, Phase
from .state import Step
from .transfer import Transfer
from .transport import Transport


class Negotiation:
    """What uploads to one address speak. The server is asked once, by the first of them that has to know.

    Args:
        address: Root of the server, or where it makes uploads.
        wanted: What the caller named; ``auto`` to ask.
        transport: How an upload is removed that was begun with something else.
    """

    def __init__(self, address: str, *, wanted: Choice, transport: Transport) -> None:
        self._address = address
        self._wanted = wanted
        self._transport = transport
        self._found: Offer | None = None

    async def choose(self, intake: Intake, transfer: Transfer) -> Offer:
        """See to it that the record says what to speak and where; gives what is known of the server.

        An upload keeps what it began with, unless something else is named: then it begins anew. Safe to repeat and to
        cancel.

        Raises:
            ProtocolError: Nothing is named, and the server speaks nothing for uploads.
            FileTooLargeError: The server says that it takes no file of that length.
            UploadError: The server did not answer, or refuses the token.
        """
        record = intake.record
        begun_with = DIALECTS[record.protocol].name if record.upload_url is not None else None
        if begun_with is not None and self._wanted in ("auto", begun_with):
            return Offer(protocol=begun_with, collection=record.collection or self._collection, limits=Limits())
        if begun_with is not None:
            await say_farewell(self._transport, record)
            await intake.begin_anew()
        offer = await self._offer(transfer)
        judge_length(intake.source.size, limits=offer.limits)
        if (intake.record.protocol, intake.record.collection) != (offer.protocol, offer.collection):
            await intake.save(replace(intake.record, protocol=offer.protocol, collection=offer.collection))
        return offer

    async def _offer(self, transfer: Transfer) -> Offer:
        if self._wanted != "auto":
            has_place = self._address.endswith("/") and urlsplit(self._address.rstrip("/")).path
            collection = self._address if has_place else self._collection
            return Offer(protocol=self._wanted, collection=collection, limits=Limits())
        self._found = self._found or await negotiate(transfer, address=self._address)
        return self._found

    @property
    def _collection(self) -> str:
        """Where servers of this project make uploads."""
        return self._address.rstrip("/") + COLLECTION


async def negotiate(transfer: Transfer, *, address: str) -> Offer:
    """Ask at each place that the address may mean, until one of them takes uploads.

    Safe to repeat and to cancel: nothing is made.

    Raises:
        ProtocolError: None of them does; the text tells what was found.
        UploadError: There is no answer, or the token is refused.
    """
    found: list[str] = []
    for url in collections_of(address):
        transfer.begin(Step.ASK)
        while transfer.state.step is Step.ASK:
            transfer.report(Phase.PREPARING)
            await transfer.decide(await transfer.request("OPTIONS", url, headers={}, read=transfer.answer))
        if (reply := transfer.reply) is None:
            continue  # not reached: the planner leaves this step with an answer only
        offer = read_offer(url, status=reply.status, headers=reply.headers)
        if isinstance(offer, Offer):
            return offer
        found.append(offer)
    message = f"no protocol for uploads was found: {'; '.join(found)}"
    raise ProtocolError(
        message, hint="check the address, or name the protocol by hand if OPTIONS is held back on the way"
    )
