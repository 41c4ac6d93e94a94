"""What is judged before anybody asks what a request wants: its size, its form, where it was sent and who sent it."""

import ipaddress
import re
from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Final, NamedTuple

from aiohttp import HttpVersion11, web
from multidict import MultiDict, MultiDictProxy

from tusvideo.errors import HeadersTooLarge, InvalidField
from tusvideo.message import NO_QUERY, RequestHead
from tusvideo.protocol import coding, fields, origin
from tusvideo.web.keys import Policy

SINGLE_FIELDS: Final = (
    "Authorization",
    "Content-Type",
    "Expect",
    "Host",
    "Idempotency-Key",
    "If-Range",
    "Origin",
    "Range",
    "Sec-Fetch-Site",
    "Tus-Resumable",
    "Upload-Checksum",
    "Upload-Complete",
    "Upload-Concat",
    "Upload-Defer-Length",
    "Upload-Draft-Interop-Version",
    "Upload-Incomplete",
    "Upload-Length",
    "Upload-Offset",
    "X-HTTP-Method-Override",
)
"""Fields that must not be repeated: a proxy and we might read different ones. Upload-Metadata is a list and may be."""
METHODS_WITH_BODY: Final = frozenset({"PATCH", "POST", "PUT"})
"""Methods whose body is read; that of any other is dropped unseen, so its coding does not matter."""

REMEMBERED_BYTES: Final = 4096
"""A head of no more is judged by what its names told before: a client sends the same ones with every request."""
_SAYING: Final = frozenset({"expect", "origin", "sec-fetch-site", "transfer-encoding", "x-http-method-override"})

_ABSOLUTE: Final = re.compile(r"https?://([^/?#]*)([^?#]*)", re.ASCII | re.IGNORECASE)

Networks = Sequence[ipaddress.IPv4Network | ipaddress.IPv6Network]


def head_of(request: web.BaseRequest) -> RequestHead:
    """Give the head of a request as a value, with the method on the wire and the path as it was sent."""
    target = request.raw_path
    found = None if target.startswith("/") else _ABSOLUTE.match(target)
    path = (found[2] or "/") if found is not None else target.partition("?")[0]
    return RequestHead(
        method=request.method,
        path=path,
        headers=request.headers,
        query=MultiDictProxy(MultiDict(request.query)) if "?" in target else NO_QUERY,
        content_length=request.content_length,
        has_body=request.body_exists,
    )


def judge(request: web.BaseRequest, head: RequestHead, *, policy: Policy) -> RequestHead:
    """Give the head with the method that counts.

    Raises HeadersTooLarge, InvalidField (repeated fields, forms of HTTP that are not spoken here), MissingField (Host),
    ExpectationFailed, Forbidden (host, origin, forwarded fields), MethodNotAllowed (an override to something unknown).
    """
    size = _size(request)
    if size > policy.max_header_bytes:
        raise HeadersTooLarge(limit=policy.max_header_bytes, got=size)
    names = tuple(head.headers)
    look = _look_again(names) if size <= REMEMBERED_BYTES else _look(names)
    # Most heads repeat nothing at all, and that is seen at once.
    if look.different < len(head.headers):
        for name in SINGLE_FIELDS:
            head.one(name)
    if look.says_more:
        _judge_framing(request, head)
    host = origin.check_host(_host_of(request, head), allowed_hosts=policy.allowed_hosts)
    if look.forwards:
        origin.check_forwarded(head.headers, trusted=is_trusted(request.remote, policy.trusted_proxies))
    if not look.says_more:
        return head
    fields.parse_expect(head.one("Expect"))
    method = fields.effective_method(head.method, head.headers)
    origin.check_origin(
        method,
        real_method=request.method,
        origin=head.one("Origin"),
        sec_fetch_site=head.one("Sec-Fetch-Site"),
        host=host,
        allowed_origins=policy.allowed_origins,
    )
    return head if method == head.method else replace(head, method=method)


def judge_coding(head: RequestHead) -> None:
    """Refuse a body that is compressed, if the method has one. Raises UnsupportedCoding: bytes are stored as they come.

    For dialects that do not judge it themselves, in the order of their protocol, as tus does.
    """
    if head.method in METHODS_WITH_BODY:
        coding.judge_coding(head)


def expects_continue(request: web.BaseRequest) -> bool:
    """Tell whether the client waits for 100 Continue; one of HTTP/1.0 would not understand it."""
    values = request.headers.getall("Expect", ())
    return any(value.strip(" \t").lower() == "100-continue" for value in values) and request.version >= HttpVersion11


class _Look(NamedTuple):
    """What the names of the fields of a head tell by themselves."""

    different: int
    """How many names there are."""
    says_more: bool
    """True when there is a field that is judged by what it says, beside Host, which every head must have."""
    forwards: bool
    """True when there is a field that only proxies may send."""


def _look(names: tuple[str, ...]) -> _Look:
    lowered = {name.lower() for name in names}
    return _Look(
        different=len(lowered),
        says_more=not lowered.isdisjoint(_SAYING),
        forwards=any(map(origin.is_forwarding, lowered)),
    )


_look_again: Final = lru_cache(maxsize=256)(_look)


def _size(request: web.BaseRequest) -> int:
    """Count the bytes of the fields as on the wire: ": " and CRLF come with each."""
    size = 0
    for name, value in request.raw_headers:
        size += len(name) + len(value) + 4
    return size


def _judge_framing(request: web.BaseRequest, head: RequestHead) -> None:
    named = head.one("Transfer-Encoding")
    if named is None:
        return
    if request.version < HttpVersion11:
        raise InvalidField("Transfer-Encoding", expected="no such field in HTTP/1.0", got=named)
    if named.strip(" \t").lower() != "chunked":
        raise InvalidField("Transfer-Encoding", expected="chunked", got=named)


def _host_of(request: web.BaseRequest, head: RequestHead) -> str | None:
    host = head.one("Host")
    found = None if request.raw_path.startswith("/") else _ABSOLUTE.match(request.raw_path)
    if found is not None and host is not None and found[1].lower() != host.lower():
        raise InvalidField("Host", expected="the host of the request target", got=host)
    return host


def is_trusted(remote: str | None, proxies: Networks) -> bool:
    """Tell whether a peer is one of the configured proxies."""
    if not proxies:
        return False
    try:
        address = ipaddress.ip_address(remote or "")
    except ValueError:
        return False
    return any(address in network for network in proxies)
