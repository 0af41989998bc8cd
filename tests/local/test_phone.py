"""The stand-in phone's page."""

import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from paya_app.providers.sms import send_text
from tests.support.database import Database
from tests.support.signing_in import OTHER_PHONE, PHONE, SigningIn, served


@pytest.fixture
async def parts(database: Database) -> AsyncIterator[SigningIn]:
    async with served(database) as running:
        yield running


async def test_before_the_first_text_it_says_what_to_do(parts):
    page = await parts.browser.get("/local/phone/")
    assert page.status_code == 200
    assert "No texts yet" in page.text
    assert 'href="/welcome/"' in page.text


async def test_phones_on_the_left_and_the_newest_text_first(parts):
    await send_text(PHONE, "PaYa code: 111111. We never ask for it.")
    await send_text(OTHER_PHONE, "PaYa code: 222222. We never ask for it.")
    await send_text(PHONE, "PaYa code: 333333. We never ask for it.")
    page = (await parts.browser.get("/local/phone/")).text
    assert page.index("(212) 555-0123") < page.index("(212) 555-0124")
    assert re.findall(r'data-copy="(\d+)"', page) == ["333333", "111111"]
    assert "222222" not in page
    other = (await parts.browser.get("/local/phone/", params={"to": OTHER_PHONE})).text
    assert re.findall(r'data-copy="(\d+)"', other) == ["222222"]
    part = (await parts.browser.get("/local/phone/inbox", params={"to": OTHER_PHONE})).text
    assert part in other


async def test_the_texts_as_json_also_with_a_bare_plus(parts):
    await send_text(PHONE, "PaYa code: 111111. We never ask for it.")
    for query in (f"to={PHONE}", "to=%2B12125550123"):
        (message,) = (await parts.browser.get(f"/local/phone/messages?{query}")).json()["messages"]
        assert (message["to"], message["code"]) == (PHONE, "111111")
    for query in ("", "to=", "to=x", "to=%00", "to=" + "1" * 5000):
        assert (await parts.browser.get(f"/local/phone/messages?{query}")).json() == {"messages": []}


async def test_what_is_sent_stays_text(parts):
    await send_text(PHONE, "<script>alert(1)</script> \"&' \u202e 😀")
    page = (await parts.browser.get("/local/phone/", params={"to": PHONE})).text
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert "😀" in page
    odd = (await parts.browser.get("/local/phone/", params={"to": '"><img src=x onerror=alert(1)>'})).text
    assert "<img" not in odd


async def test_it_needs_no_inline_script(parts):
    page = (await parts.browser.get("/local/phone/")).text
    assert re.findall(r"<script(?![^>]*\bsrc=)", page) == []
    assert not re.search(r"\son[a-z]+=", page)
    assert "style=" not in page
    for name, kind in (("phone.js", "text/javascript"), ("phone.css", "text/css")):
        asset = await parts.browser.get(f"/local/phone/{name}")
        assert asset.headers["content-type"].startswith(kind)


@pytest.mark.parametrize("host", ["evil.example", "localhost.evil.example", "10.0.0.1:8700"])
async def test_a_name_that_was_rebound_to_us_reads_nothing(parts, host):
    await send_text(PHONE, "PaYa code: 111111. We never ask for it.")
    for path in ("/local/phone/", "/local/phone/inbox", f"/local/phone/messages?to={PHONE}"):
        answer = await parts.browser.get(path, headers={"host": host})
        assert answer.status_code == 403
        assert "111111" not in answer.text


def test_its_font_is_the_pages_own():
    root = Path(__file__).parents[2]
    css = (root / "paya_app/local/phone/assets/phone.css").read_text()
    (font,) = re.findall(r'url\("(/fonts/[^"]+)"\)', css)
    assert (root / "assets" / font.lstrip("/")).is_file()
