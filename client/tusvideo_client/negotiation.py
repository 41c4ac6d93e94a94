"""What does this server speak, and where? Asked with OPTIONS, with the patience of every other request."""

from .dialect import Offer, collections_of, read_offer
from .errors import ProtocolError
from .model import Phase
from .state import Step
from .transfer import Transfer


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
