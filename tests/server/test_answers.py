"""What comes with every answer: headers that guard pages, how long things keep, the first paint, link previews."""

import gzip
import re
from collections.abc import AsyncIterator, Iterator

import httpx
import pytest

from tests.support.running import RunningPaya, running_paya

HTML = {"accept": "text/html", "accept-encoding": "gzip"}


@pytest.fixture(scope="session")
def paya() -> Iterator[RunningPaya]:
    """The running app."""
    running = running_paya()
    yield running
    running.stop()


@pytest.fixture
async def http(paya: RunningPaya) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=paya.url, trust_env=False, timeout=30) as client:
        yield client


async def test_a_page_may_run_our_scripts_alone(http: httpx.AsyncClient):
    policy = (await http.get("/", headers=HTML)).headers["content-security-policy"]
    scripts = re.search(r"script-src ([^;]+)", policy)
    assert scripts
    assert "'unsafe-inline'" not in scripts[1]
    assert "'unsafe-eval'" not in policy
    assert {part.split("-")[0] for part in scripts[1].split()} == {"'self'", "'sha256"}
    for directive in ("default-src 'self'", "object-src 'none'", "base-uri 'none'", "frame-ancestors 'none'"):
        assert directive in policy


@pytest.mark.parametrize("path", ["/", "/welcome/", "/pay/", "/u/ann/", "/activity/x/", "/nothing/here/", "/@nobody"])
async def test_every_document_is_guarded(http: httpx.AsyncClient, path: str):
    answer = await http.get(path, headers=HTML)
    assert answer.headers["content-type"].startswith("text/html")
    assert "script-src 'self'" in answer.headers["content-security-policy"]
    assert answer.headers["x-frame-options"] == "DENY"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["referrer-policy"] == "strict-origin-when-cross-origin"
    assert "camera=()" in answer.headers["permissions-policy"]


@pytest.mark.parametrize("end", ["%0A", "%0D", "%00", "x%0Ay", "%E2%80%A8"])
async def test_a_path_of_two_lines_is_answered_like_any_that_is_unknown(http: httpx.AsyncClient, end: str):
    answer = await http.get(f"/v1/feed{end}")
    assert (answer.status_code, answer.headers["content-type"]) == (404, "application/problem+json")
    assert answer.json()["code"] == "not_found"
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    page = await http.get(f"/u/ann{end}", headers=HTML)
    assert page.headers["x-frame-options"] == "DENY"


async def test_other_answers_may_do_nothing_when_opened(http: httpx.AsyncClient):
    for path in ("/v1/feed", "/ping", "/icons/paya.svg", "/robots.txt"):
        headers = (await http.get(path)).headers
        assert headers["content-security-policy"].startswith("default-src 'none'"), path
        assert headers["x-content-type-options"] == "nosniff"


async def test_built_files_keep_for_ever_and_pages_are_asked_for_again(http: httpx.AsyncClient):
    page = await http.get("/", headers=HTML)
    assert page.headers["cache-control"] == "no-cache"
    script = re.search(r'href="(/assets/[^"]+\.js)"', page.text)
    assert script
    built = await http.get(script[1], headers={"accept-encoding": "br"})
    assert built.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert built.headers["content-encoding"] == "br"
    assert (await http.get("/assets/none-00000000.js")).headers["cache-control"] == "no-cache"


async def test_a_page_knows_at_first_paint_that_somebody_is_signed_in(paya: RunningPaya, http: httpx.AsyncClient):
    ann = await paya.sign_up()
    http.cookies.clear()
    visitor = await http.get("/", headers=HTML)
    person = await http.get("/", headers=HTML | {"cookie": f"paya={ann.secret}"})
    assert '<html lang="en" class="in"' not in visitor.text
    assert '<html lang="en" class="in"' in person.text
    assert "Cookie" in person.headers["vary"]
    plain = await http.get("/", headers={"accept": "text/html", "accept-encoding": "identity", "cookie": "paya=x"})
    assert "content-encoding" not in plain.headers
    assert int(plain.headers["content-length"]) == len(plain.content)
    unchanged = await http.get(
        "/", headers=HTML | {"cookie": "paya=x", "if-none-match": visitor.headers.get("etag", "")}
    )
    assert unchanged.status_code == 200


async def test_only_our_origin_is_let_in_by_cors(paya: RunningPaya, http: httpx.AsyncClient):
    for origin, allowed in ((paya.url, paya.url), ("http://evil.example", None)):
        headers = {"origin": origin, "access-control-request-method": "POST"}
        answer = await http.options("/session/start", headers=headers)
        assert answer.headers.get("access-control-allow-origin") == allowed


async def test_a_handle_has_a_link_that_previews(paya: RunningPaya, http: httpx.AsyncClient):
    ann = await paya.sign_up(name='Ann "<script>alert(1)</script>" O\'Hara')
    answer = await http.get(f"/@{ann.handle}")
    assert answer.status_code == 200
    assert "<script>" not in answer.text
    assert f'content="0; url=/u/{ann.handle}/"' in answer.text
    assert "Ann &quot;&lt;script&gt;" in answer.text
    assert f'property="og:url" content="{paya.url}/u/{ann.handle}/"' in answer.text
    assert ann.phone not in answer.text


@pytest.mark.parametrize(
    ("handle", "path"), [("nobodyx", "/u/nobodyx/"), ("Nobody_X", "/u/nobody_x/"), ("..", "/u/-/"), ("a b", "/u/-/")]
)
async def test_a_preview_of_nobody_leads_to_the_page_that_says_so(http: httpx.AsyncClient, handle: str, path: str):
    async with http.stream("GET", f"/@{handle}") as answer:
        text = (await answer.aread()).decode()
    assert answer.status_code == 404
    assert "Nobody here has that handle" in text
    assert f'content="0; url={path}"' in text


@pytest.mark.parametrize("handle", ["nobody_here", '"><script>alert(1)</script>', "..%2f..%2fetc", "x" * 3000, "%00"])
async def test_a_preview_of_nobody_is_inert(http: httpx.AsyncClient, handle: str):
    answer = await http.get(f"/@{handle}")
    assert answer.status_code == 404
    assert "alert(1)" not in answer.text


async def test_a_page_of_the_feed_is_compressed(paya: RunningPaya, http: httpx.AsyncClient):
    ann, bob = await paya.sign_up(cents=5000), await paya.sign_up()
    for number in range(6):
        await paya.pay(ann, bob, 100, f"number {number}, long enough to be worth it " * 3, audience="public")
    answer = await http.get("/v1/feed", headers={"accept-encoding": "gzip"})
    assert answer.headers["content-encoding"] == "gzip"
    assert len(answer.json()["data"]) >= 6


async def test_a_document_is_small(http: httpx.AsyncClient):
    async with http.stream("GET", "/", headers=HTML) as answer:
        raw = b"".join([chunk async for chunk in answer.aiter_raw()])
    assert answer.headers["content-encoding"] == "gzip"
    assert len(raw) < 8000
    assert b"Money between people" in gzip.decompress(raw)


@pytest.mark.parametrize("host", ["evil.example", "evil.example:8700", "EVIL.example"])
async def test_a_redirect_stays_with_us_whatever_the_host_header_says(http: httpx.AsyncClient, host: str):
    answer = await http.get("/pay?to=ann", headers={"host": host})
    assert answer.is_redirect
    assert answer.headers["location"] == "/pay/?to=ann"


async def test_a_redirect_names_no_scheme_and_no_host_behind_a_proxy(http: httpx.AsyncClient):
    assert (await http.get("/pay", headers={"x-forwarded-proto": "https"})).headers["location"] == "/pay/"


@pytest.mark.parametrize("path", ["//evil.example/pay", "//evil.example", "/%5Cevil.example/x", "/\\evil.example"])
async def test_a_path_cannot_become_another_host(paya: RunningPaya, path: str):
    async with httpx.AsyncClient(trust_env=False, timeout=30) as client:
        location = (await client.get(paya.url + path)).headers.get("location", "/")
    assert re.match(r"/(?![/\\])", location)
