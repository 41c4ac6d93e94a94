"""Progress as an upload tells it."""

from tusvideo_client.model import Phase, Progress

PREPARING, PROBING, SENDING, WAITING = Phase.PREPARING, Phase.PROBING, Phase.SENDING, Phase.WAITING
FINALIZING, DONE, PAUSED = Phase.FINALIZING, Phase.DONE, Phase.PAUSED


def at(
    phase: Phase,
    sent: int,
    *,
    stored: int = 0,
    total: int | None = 1000,
    percent: float | None = None,
    waiting: str = "",
) -> Progress:
    """Progress as an upload tells it."""
    told = (100.0 if phase is DONE else min(99.9, 100 * sent / total)) if total else 0.0
    return Progress(
        stored=stored,
        total=total,
        sent=sent,
        percent=told if percent is None else percent,
        phase=phase,
        waiting=waiting or None,
    )
