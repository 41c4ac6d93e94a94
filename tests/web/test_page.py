"""The pages for people: who gets them, under which policy, and how long they are kept."""

import gzip
import re
from pathlib import Path

import pytest

from tests.web.conftest import Served
from tests.web.wire import Answer
from tusvideo.web import page

HTML = "Accept: text/html,application/xhtml+xml,*/*;q=0.8"
PATHS = ("/", "/library", f"/library/{'0' * 32}")


def named(answer: Answer) -> list[str]:
    """Give the addresses that a page names."""
    return re.findall(r'(?:src|href)="(/[^"]*)"', answer.body.decode())


@pytest.mark.parametrize("path", PATHS)
async def test_a_browser_gets_a_page(served: Served, path: str) -> None:
    """HTML in UTF-8, asked for again at every visit, and nobody has to be known."""
    answer = await served.ask(f"GET {path} HTTP/1.1", HTML)
    assert (answer.status, answer.headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    assert answer.headers["Cache-Control"] == "no-cache"
    assert answer.body.startswith(b"<!doctype html>")


async def test_the_front_page_differs_by_accept(served: Served) -> None:
    """Caches are told so, of either form."""
    for accept in (HTML, "Accept: */*"):
        answer = await served.ask("GET / HTTP/1.1", accept)
        assert "Accept" in answer.headers.getall("Vary")


@pytest.mark.parametrize("path", PATHS)
async def test_the_policy_lets_nothing_in_but_ours(served: Served, path: str) -> None:
    """No inline script, no inline style, no eval, no other origin, no frame around it; the page needs none of it."""
    answer = await served.ask(f"GET {path} HTTP/1.1", HTML)
    policy = answer.headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self'; ")
    assert "unsafe" not in policy
    assert "http" not in policy
    assert {"base-uri 'none'", "form-action 'self'", "frame-ancestors 'none'"} <= set(policy.split("; "))
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Referrer-Policy"] == "same-origin"
    assert not re.search(rb"<script(?![^>]* src=)|<style|\son[a-z]+=|\sstyle=", answer.body)
    assert not re.search(rb'(?:src|href)="(?:https?:)?//', answer.body)


@pytest.mark.parametrize("path", PATHS)
async def test_what_a_page_names_is_there_and_kept_for_a_year(served: Served, path: str) -> None:
    """Scripts and styles have a hash in their name, so they are never asked for again."""
    names = [name for name in named(await served.ask(f"GET {path} HTTP/1.1", HTML)) if name.startswith("/assets/")]
    assert {name.rpartition(".")[2] for name in names} >= {"js", "css"}
    for name in names:
        answer = await served.ask(f"GET {name} HTTP/1.1")
        assert answer.status == 200
        assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"
        assert answer.headers["Content-Type"].partition(";")[0] in {"text/javascript", "text/css", "image/svg+xml"}


@pytest.mark.parametrize(("accept", "coding"), [("br, gzip", "br"), ("gzip", "gzip"), ("identity", None)])
async def test_it_is_sent_compressed_to_who_takes_that(served: Served, accept: str, coding: str | None) -> None:
    """The form is chosen by Accept-Encoding, which Vary names, and has an ETag of its own."""
    answer = await served.ask("GET / HTTP/1.1", HTML, f"Accept-Encoding: {accept}")
    assert answer.headers.get("Content-Encoding") == coding
    assert "Accept-Encoding" in answer.headers.getall("Vary")
    assert answer.headers["ETag"].endswith(f'-{coding or "identity"}"')
    plain = (await served.ask("GET / HTTP/1.1", HTML)).body
    if coding == "gzip":
        assert gzip.decompress(answer.body) == plain


async def test_a_known_page_is_not_sent_again(served: Served) -> None:
    """If-None-Match with the ETag, also among others and as a weak one: 304, with the fields of a 200."""
    etag = (await served.ask("GET / HTTP/1.1", HTML)).headers["ETag"]
    for known in (etag, f'"other", W/{etag}', "*"):
        answer = await served.ask("GET / HTTP/1.1", HTML, f"If-None-Match: {known}")
        assert (answer.status, answer.body, answer.headers["ETag"]) == (304, b"", etag)
        assert "Content-Security-Policy" in answer.headers
    assert (await served.ask("GET / HTTP/1.1", HTML, 'If-None-Match: "other"')).status == 200


async def test_the_module_for_pages_of_others_is_served(served: Served) -> None:
    """The file of client/examples, at an address that stays: asked for again at every visit."""
    source = (Path(__file__).parents[2] / "client/examples/web/chunked-video-uploader.js").read_bytes()
    answer = await served.ask("GET /chunked-video-uploader.js HTTP/1.1")
    assert (answer.status, answer.body) == (200, source), "`make page` lays it beside the pages"
    assert answer.headers["Content-Type"] == "text/javascript; charset=utf-8"
    assert answer.headers["Cache-Control"] == "no-cache"
    assert answer.headers["Content-Security-Policy"] == page.POLICY
    assert "Access-Control-Allow-Origin" not in answer.headers
    known = f"If-None-Match: {answer.headers['ETag']}"
    assert (await served.ask("GET /chunked-video-uploader.js HTTP/1.1", known)).status == 304
    packed = await served.ask("GET /chunked-video-uploader.js HTTP/1.1", "Accept-Encoding: gzip")
    assert gzip.decompress(packed.body) == source


@pytest.mark.parametrize(
    "path",
    [
        "/library/",
        "/library/index.html",
        "/assets/upload/nothing.js",
        "/assets/upload/index.html",
        "/assets/upload/",
        "/assets/../page.py",
        "/assets/upload/..%2f..%2f..%2f__init__.py",
        "/assets/src/package.json",
    ],
)
async def test_nothing_else_is_an_asset(served: Served, path: str) -> None:
    """Assets are a list that was made at the start, so no name leads out of it."""
    assert (await served.ask(f"GET {path} HTTP/1.1")).status == 404


@pytest.mark.parametrize("path", PATHS)
async def test_pages_are_read_only(served: Served, path: str) -> None:
    """POST to a page is 405."""
    answer = await served.ask(f"POST {path} HTTP/1.1", "Content-Length: 0")
    assert (answer.status, answer.headers["Allow"]) == (405, "GET, HEAD, OPTIONS")


@pytest.mark.parametrize("name", [page.UPLOAD, page.LIBRARY])
def test_first_load_is_light(name: str) -> None:
    """What a page loads before anybody does anything: at most 130 kB with gzip. Languages come when they are chosen."""
    found = page.assets()
    html = found[name].forms["identity"].decode()
    names = {at.removeprefix("/assets/") for at in re.findall(r'(?:src|href)="(/assets/[^"]*)"', html)}
    size = sum(len(found[each].forms.get("gzip", found[each].forms["identity"])) for each in {name, *names})
    assert size <= 130_000


def test_every_text_is_there_compressed() -> None:
    """A script or style without its compressed forms is one that `make page` did not make."""
    for name, asset in page.assets().items():
        if name.endswith((".js", ".css", ".html")) and len(asset.forms["identity"]) > 1024:
            assert {"br", "gzip"} <= asset.forms.keys(), name
            assert gzip.decompress(asset.forms["gzip"]) == asset.forms["identity"], name


async def test_settings_are_for_anybody(served: Served) -> None:
    """What a page must know before anything is sent, as the server is set up and not as it comes."""
    answer = await served.ask("GET /api/settings HTTP/1.1")
    told = {profile["name"]: profile for profile in answer.json["profiles"]}
    assert (answer.status, told.keys()) == (200, served.house.profiles.keys())
    assert {name: each["maxSize"] for name, each in told.items()} == {
        name: profile.max_length for name, profile in served.house.profiles.items()
    }
