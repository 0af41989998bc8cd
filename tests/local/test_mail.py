"""The stand-in mailbox's page."""

import os
import re
from pathlib import Path
from uuid import uuid4

import httpx
import pytest

from paya_app.core.config import settings
from paya_app.local.mail import create_mail
from paya_app.local.vendors.smtp import serve_smtp
from paya_app.providers.mail import send_mail
from paya_app.providers.outcome import Rejected

ANN, BOB = "ann+a@example.com", "bob@example.com"


@pytest.fixture
async def browser(database, monkeypatch):
    url = database.url("paya_vendors")
    async with serve_smtp(url, "127.0.0.1", 0) as port:
        monkeypatch.setitem(os.environ, "SMTP_URL", f"smtp://127.0.0.1:{port}")
        monkeypatch.setitem(os.environ, "MAIL_FROM", "PaYa <notices@localhost>")
        settings.cache_clear()
        app = create_mail(url)
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://localhost") as client:
            yield client
        await app.state.close()
    settings.cache_clear()


async def send(to=ANN, subject="A subject", body="Hello.\n"):
    await send_mail(to=to, subject=subject, body=body, message_id=uuid4())


async def test_before_the_first_mail_it_says_what_to_do(browser):
    page = (await browser.get("/local/mail/")).text
    assert "No mails yet" in page
    assert 'href="/settings/notifications/"' in page


async def test_addresses_on_the_left_and_the_newest_mail_first(browser):
    for to, subject in ((ANN, "first"), (BOB, "his"), (ANN, "second")):
        await send(to, subject)
    page = (await browser.get("/local/mail/")).text
    assert re.findall(r"<h3>(\w+)</h3>", page) == ["second", "first"]
    assert ANN in page
    assert BOB in page
    assert re.findall(r"<h3>(\w+)</h3>", (await browser.get("/local/mail/", params={"to": BOB})).text) == ["his"]
    for query in (f"to={ANN}", "to=ann%2Ba@example.com"):
        found = (await browser.get(f"/local/mail/messages?{query}")).json()["messages"]
        assert [mail["subject"] for mail in found] == ["second", "first"]
    for query in ("", "to=", "to=%00", "to=" + "1" * 5000):
        assert (await browser.get(f"/local/mail/messages?{query}")).json() == {"messages": []}


async def test_what_is_sent_stays_text_and_only_our_own_links_are_links(browser):
    own = f"{settings().public_url}/notices/confirm?token=abc"
    await send(subject="<b>x</b> \"&'", body=f"<script>alert(1)</script> 😀\n{own}\nhttps://evil.example/\n")
    page = (await browser.get("/local/mail/", params={"to": ANN})).text
    assert "<script>alert" not in page
    assert "<b>x" not in page
    assert "😀" in page
    assert f'<a href="{own}">' in page
    assert 'href="https://evil' not in page
    odd = (await browser.get("/local/mail/", params={"to": '"><img src=x onerror=alert(1)>'})).text
    assert "<img" not in odd


async def test_it_needs_no_inline_script(browser):
    page = (await browser.get("/local/mail/")).text
    assert re.findall(r"<script(?![^>]*\bsrc=)", page) == []
    assert not re.search(r"\son[a-z]+=|style=", page)
    for name, kind in (("mail.js", "text/javascript"), ("mail.css", "text/css")):
        assert (await browser.get(f"/local/mail/{name}")).headers["content-type"].startswith(kind)


@pytest.mark.parametrize("host", ["evil.example", "localhost.evil.example", "10.0.0.1:8700"])
async def test_a_name_that_was_rebound_to_us_reads_nothing(browser, host):
    await send(subject="secret")
    for path in ("/local/mail/", "/local/mail/inbox", f"/local/mail/messages?to={BOB}"):
        answer = await browser.get(path, headers={"host": host})
        assert (answer.status_code, "secret" in answer.text) == (403, False)


async def test_there_are_addresses_that_do_not_exist(browser):
    with pytest.raises(Rejected, match="550"):
        await send("ann@example.invalid")


def test_the_pages_that_open_from_mails_have_the_pages_own_font():
    root = Path(__file__).parents[2]
    (font,) = re.findall(r'url\("(/fonts/[^"]+)"\)', (root / "assets/notices.css").read_text())
    assert (root / "assets" / font.lstrip("/")).is_file()
