"""Who may come in: Host, Origin, Sec-Fetch-Site and forwarding fields."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.protocol.heads import headers
from tusvideo.errors import Forbidden, InvalidField, MissingField, TusvideoError
from tusvideo.protocol import origin

HOST = "127.0.0.1:8080"
ALLOWED = ("https://a.example",)


@pytest.mark.parametrize(
    ("host", "found"),
    [
        ("127.0.0.1:8080", "127.0.0.1:8080"),
        ("127.0.0.1", "127.0.0.1"),
        ("[::1]:8080", "[::1]:8080"),
        ("[2001:DB8::1]", "[2001:db8::1]"),
        ("192.168.1.20:80", "192.168.1.20:80"),
        ("localhost:8080", "localhost:8080"),
        ("LocalHost", "localhost"),
        ("localhost.", "localhost."),
        ("video.example", "video.example"),
        ("Video.Example:443", "video.example:443"),
        (" video.example ", "video.example"),
    ],
)
def test_our_hosts_pass(host: str, found: str) -> None:
    """Addresses, localhost and the names of this server pass, with any port and in any case."""
    assert origin.check_host(host, allowed_hosts=("video.example",)) == found


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "127.0.0.1.evil.example",
        "localhost.evil.example",
        "a.video.example",
        "video.example.evil.example",
        "127.1",
        "0x7f.0.0.1",
        "2130706433",
        "127.0.0.01",
        "127.0.0.256",
        "[:::]",
        "xn--lcalhost-54a",
    ],
)
def test_strangers_names_are_refused(host: str) -> None:
    """DNS rebinding: a page of evil.example whose name leads to 127.0.0.1 does not read this server."""
    with pytest.raises(Forbidden, match="is not served here"):
        origin.check_host(host, allowed_hosts=("video.example",))


def test_a_host_is_required() -> None:
    """A request without Host is refused."""
    with pytest.raises(MissingField, match="Host"):
        origin.check_host(None, allowed_hosts=())


@pytest.mark.parametrize(
    "host",
    [
        "",
        ":80",
        "::1",
        "[::1",
        "[::1]x",
        "a b",
        "a/b",
        "user@localhost",
        "localhost:x",
        "localhost:123456",
        "localhost:80:80",
        "localhost,evil.example",
        "lоcalhost",
        "١٢٧.0.0.1",
        "localhost\x00",
        "localhost\n",
        "[fe80::1%25eth0]",
        "a" * 60_000 + "!",
    ],
)
def test_malformed_hosts_are_refused(host: str) -> None:
    """What is no host and port is InvalidField."""
    with pytest.raises(InvalidField, match="Host"):
        origin.check_host(host, allowed_hosts=("video.example",))


@given(st.text() | st.from_regex(r"[a-z0-9.:\[\]-]*", fullmatch=True))
def test_any_host_passes_or_is_refused(host: str) -> None:
    """G-07: a random Host gives one of our errors or passes."""
    try:
        assert origin.check_host(host, allowed_hosts=()) == host.strip(" \t").lower()
    except TusvideoError:
        return


def check(
    method: str = "POST",
    *,
    real_method: str | None = None,
    page: str | None = None,
    site: str | None = None,
    host: str = HOST,
) -> None:
    """Judge a request to our host from a page and a site."""
    origin.check_origin(
        method,
        real_method=real_method or method,
        origin=page,
        sec_fetch_site=site,
        host=host,
        allowed_origins=ALLOWED,
    )


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS"])
def test_reading_is_open_to_any_page(method: str) -> None:
    """Methods that change nothing pass; whether the page may read the answer is a matter of CORS."""
    check(method, page="https://evil.example", site="cross-site")


@pytest.mark.parametrize(
    ("page", "site", "host"),
    [
        pytest.param(None, None, HOST, id="no browser"),
        pytest.param(None, "same-origin", HOST, id="our own page, without Origin"),
        pytest.param(None, "none", HOST, id="the user"),
        pytest.param("http://127.0.0.1:8080", "same-origin", HOST, id="our own page"),
        pytest.param("http://127.0.0.1:8080", None, HOST, id="our own page in an older browser"),
        pytest.param("https://video.example", "same-origin", "video.example", id="our own page behind TLS"),
        pytest.param("https://video.example", None, "video.example:443", id="the default port"),
        pytest.param("http://video.example:80", None, "VIDEO.example", id="the default port, said"),
        pytest.param("http://[::1]:8080", None, "[::1]:8080", id="IPv6"),
        pytest.param("https://a.example", "cross-site", HOST, id="an allowed page"),
    ],
)
@pytest.mark.parametrize("method", ["POST", "PATCH", "DELETE", "PUT", "BREW"])
def test_our_pages_may_change_things(method: str, page: str | None, site: str | None, host: str) -> None:
    """R-06: the same host and port, the allowed origins and everything that is no browser pass."""
    check(method, page=page, site=site, host=host)


@pytest.mark.parametrize(
    ("page", "site"),
    [
        pytest.param("https://evil.example", "cross-site", id="realistic: another page"),
        pytest.param("https://evil.example", None, id="realistic: another page in an older browser"),
        pytest.param(None, "cross-site", id="realistic: a form without Origin"),
        pytest.param(None, "same-site", id="realistic: a neighbour"),
        pytest.param(None, "", id="synthetic: an unknown site"),
        pytest.param(None, "Same-Origin", id="synthetic: misspelt"),
        pytest.param("null", None, id="R-09 realistic: a sandboxed frame"),
        pytest.param("http://127.0.0.1:9090", "same-site", id="realistic: another port"),
        pytest.param("http://localhost:8080", "cross-site", id="realistic: another name of this host"),
        pytest.param("https://127.0.0.1", None, id="synthetic: no port is not any port"),
        pytest.param("https://a.example.evil.com", "cross-site", id="R-09 synthetic: a longer name"),
        pytest.param("https://A.example", None, id="synthetic: another case"),
        pytest.param("https://a.example/", None, id="synthetic: a slash"),
        pytest.param("https://b.example@127.0.0.1:8080", None, id="pathological: a user part"),
        pytest.param("ftp://127.0.0.1:8080", None, id="pathological: another scheme"),
        pytest.param("127.0.0.1:8080", None, id="pathological: no scheme"),
        pytest.param("http://127.0.0.1:8080, https://a.example", None, id="pathological: two"),
        pytest.param("http://", None, id="pathological: no host"),
        pytest.param("", None, id="pathological: empty"),
    ],
)
def test_other_pages_may_not(page: str | None, site: str | None) -> None:
    """R-06, R-09: a web page must not be able to post to a server on loopback."""
    with pytest.raises(Forbidden, match="may not change anything here"):
        check(page=page, site=site)


@pytest.mark.parametrize(("method", "real_method"), [("DELETE", "GET"), ("GET", "POST"), ("HEAD", "DELETE")])
def test_an_override_hides_nothing(method: str, real_method: str) -> None:
    """M-08: the method is judged before and after X-HTTP-Method-Override."""
    with pytest.raises(Forbidden):
        check(method, real_method=real_method, page="https://evil.example")


def test_null_is_never_allowed() -> None:
    """R-09: 'null' is not one page but all that hide, so listing it changes nothing."""
    with pytest.raises(Forbidden):
        origin.check_origin(
            "POST", real_method="POST", origin="null", sec_fetch_site=None, host=HOST, allowed_origins=("null",)
        )
    assert origin.cors_headers("null", allowed_origins=("null",), preflight=False) == (("Vary", "Origin"),)


@pytest.mark.parametrize(
    "name", ["Forwarded", "X-Forwarded-For", "x-forwarded-proto", "X-FORWARDED-HOST", "X-Forwarded-Prefix", "X-Real-IP"]
)
def test_forwarding_needs_a_proxy_of_ours(name: str) -> None:
    """C-14: a peer that is no proxy of ours cannot tell where a request came from."""
    fields = headers(("Accept", "*/*"), (name, "1.2.3.4"))
    with pytest.raises(Forbidden, match="is taken from configured proxies only"):
        origin.check_forwarded(fields, trusted=False)
    origin.check_forwarded(fields, trusted=True)


def test_other_fields_are_no_forwarding() -> None:
    """Fields that only look similar pass."""
    origin.check_forwarded(headers(("X-Forward", "1"), ("Forwarded-For", "1"), ("Via", "1.1 x")), trusted=False)
