"""Which of several forms of the same thing a client takes: a page or plain text, compressed or not.

Spec: RFC 9110 §12.4.2 (weights), §12.5.1 (Accept), §12.5.3 (Accept-Encoding).
"""

import re
from collections.abc import Collection, Sequence
from typing import Final

_WEIGHT: Final = re.compile(r"0(\.[0-9]{0,3})?|1(\.0{0,3})?", re.ASCII)


def wants_page(accept: Sequence[str]) -> bool:
    """Tell whether a client asks for HTML by its name, as every browser does for a page; ``*/*`` is a program's word.

    Never raises: what cannot be read is not there. Spec: RFC 9110 §12.5.1.
    """
    weights = _weights(accept)
    return weights.get("text/html", 0.0) > 0


def choose_coding(accept_encoding: Sequence[str], *, offered: Collection[str]) -> str:
    """Choose the first of ``offered`` that the client takes (``br``, ``gzip``), or ``identity``.

    The order of ``offered`` decides, smallest first: a client that lists both has no wish of its own in practice. Never
    raises, and never refuses: ``identity`` is sent even to who forbids it. Spec: RFC 9110 §12.5.3.
    """
    weights = _weights(accept_encoding)
    anything = weights.get("*", 0.0)
    return next((coding for coding in offered if weights.get(coding, anything) > 0), "identity")


def _weights(values: Sequence[str]) -> dict[str, float]:
    """Read a list of names with weights; a name whose weight is malformed counts as not wanted."""
    found: dict[str, float] = {}
    for element in ",".join(values).split(","):
        name, *parameters = (part.strip(" \t").lower() for part in element.split(";"))
        quality = next((text.removeprefix("q=") for text in parameters if text.startswith("q=")), "1")
        found[name] = float(quality) if _WEIGHT.fullmatch(quality) is not None else 0.0
    return found
