"""Traps between a client and its server, and for each the line of configuration that mends it."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final


class Trap(StrEnum):
    """What stands in the way of large or slow uploads."""

    BODY_LIMIT = "body limit"
    BUFFERING = "buffering"
    TIME_LIMIT = "time limit"
    STRIPPED = "stripped header"
    CLOCK = "clock"


PROXIES: Final = ("nginx", "caddy", "haproxy")
_LINES: Final[Mapping[Trap, Mapping[str, str]]] = {
    Trap.BODY_LIMIT: {
        "nginx": "client_max_body_size 0;",
        "caddy": "remove `max_size` from `request_body`",
        "haproxy": "remove the `http-request deny` that looks at req.body_size",
    },
    Trap.BUFFERING: {
        "nginx": "proxy_request_buffering off;",
        "caddy": "remove `request_buffers` from `reverse_proxy`",
        "haproxy": "remove `option http-buffer-request`",
    },
    Trap.TIME_LIMIT: {
        "nginx": "client_body_timeout 120s;",
        "caddy": "servers { timeouts { read_body 1h } }",
        "haproxy": "timeout client 120s",
    },
    Trap.STRIPPED: {
        "nginx": "proxy_pass_header {field};",
        "caddy": "remove `header_down -{field}` from `reverse_proxy`",
        "haproxy": "remove `http-response del-header {field}`",
    },
}
_CLOCK: Final = "timedatectl set-ntp true"


def line_of(trap: Trap, proxy: str | None, *, field: str = "") -> str:
    """The line that mends a trap in this proxy; that of nginx, and so named, where the proxy does not say who it is."""
    if trap is Trap.CLOCK:
        return _CLOCK
    lines = _LINES[trap]
    line = lines.get(proxy or "", lines["nginx"]).format(field=field)
    return line if proxy in lines else f"{line} (that is for nginx; the proxy here does not tell its name)"


def proxy_of(headers: Mapping[str, str]) -> str | None:
    """Which proxy an answer passed, as far as it says so."""
    told = f"{headers.get('Server', '')} {headers.get('Via', '')}".lower()
    return next((name for name in PROXIES if name in told), None)
