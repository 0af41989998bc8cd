"""What the pay page shows is what its address asks for, and nothing of what was there before."""

import re
from urllib.parse import urlencode

import httpx
from playwright.async_api import Page, WebSocketRoute, expect

from paya_app.web.pages import PAGES
from tests.support.browsing import Browsing, key_in
from tests.support.running import RunningPaya, Somebody

_GO = """(path) => {
  history.pushState({ usr: null, key: Math.random().toString(36).slice(2), idx: history.state.idx + 1 }, "", path);
  dispatchEvent(new PopStateEvent("popstate", { state: history.state }));
}"""


class Slow:
    """A connection whose answers can be kept back, and let through later."""

    def __init__(self) -> None:
        self.holds = False
        self._kept: list[tuple[WebSocketRoute, str | bytes]] = []

    def through(self, socket: WebSocketRoute) -> None:
        """Route one socket."""
        server = socket.connect_to_server()

        def heard(message: str | bytes) -> None:
            if self.holds:
                self._kept.append((socket, message))
            else:
                socket.send(message)

        server.on_message(heard)

    def flow(self) -> None:
        """Let everything through from now on."""
        self.holds = False
        for socket, message in self._kept:
            socket.send(message)
        self._kept.clear()


async def slow_page(browsing: Browsing, ann: Somebody) -> tuple[Page, Slow]:
    page, slow = await browsing.page(ann), Slow()
    await page.route_web_socket("**/_event/**", slow.through)
    return page, slow


async def test_somebody_else_is_asked_for_and_nobody_shown_until_they_are_there(browsing: Browsing, paya: RunningPaya):
    ann, bob, cat = await paya.sign_up(cents=5000), await paya.sign_up(name="Bob"), await paya.sign_up(name="Cat")
    page, slow = await slow_page(browsing, ann)
    await page.goto(f"/pay/?to={bob.handle}")
    await key_in(page, "7")
    slow.holds = True
    await page.evaluate(_GO, f"/pay/?{urlencode({'to': cat.handle})}")
    await expect(page.locator("#pay-form")).to_have_count(0)
    await expect(page.get_by_text(f"@{bob.handle}")).to_have_count(0)
    slow.flow()
    await expect(page.get_by_text(f"@{cat.handle}")).to_be_visible()
    await expect(page.locator("#pay-amount")).to_have_text("$0")


async def test_coming_back_shows_nothing_of_the_last_payment(browsing: Browsing, paya: RunningPaya):
    ann, bob = await paya.sign_up(cents=5000), await paya.sign_up()
    page, slow = await slow_page(browsing, ann)
    await page.goto(f"/pay/?to={bob.handle}")
    await key_in(page, "7")
    await page.get_by_role("link", name="Back").click()
    await expect(page.locator(".home-amt")).to_be_visible()
    slow.holds = True
    await page.get_by_role("navigation", name="Places, bottom bar").get_by_role("link", name="Pay").click()
    await expect(page.get_by_role("heading", name="Pay", exact=True)).to_be_visible()
    await expect(page.locator("#pay-form")).to_have_count(0)
    await expect(page.get_by_text(f"@{bob.handle}")).to_have_count(0)
    slow.flow()
    await expect(page.get_by_label("To", exact=True)).to_be_visible()


async def test_money_that_arrives_while_the_page_is_open_can_be_paid(browsing: Browsing, paya: RunningPaya):
    ann, bob, cat = await paya.sign_up(cents=500), await paya.sign_up(cents=2000), await paya.sign_up()
    page = await browsing.page(ann, f"/pay/?to={cat.handle}")
    await key_in(page, "12")
    await expect(page.get_by_text("You have $5.00.")).to_be_visible()
    await expect(page.locator("#review")).to_be_disabled()
    await paya.pay(bob, ann, 1000)
    await expect(page.get_by_text("of $15.00")).to_be_visible()
    await expect(page.locator("#pay-amount")).to_have_text("$12")
    await page.locator("#review").click()
    await expect(page.get_by_text("$3.00 after this")).to_be_visible()
    await paya.pay(bob, ann, 200)
    await expect(page.get_by_text("$5.00 after this")).to_be_visible()


async def test_no_form_can_be_sent_before_the_page_is_live(paya: RunningPaya):
    """What the server sends before any script runs: each form in it has a route of ours to go to."""
    async with httpx.AsyncClient(base_url=paya.url, trust_env=False, timeout=30, follow_redirects=True) as client:
        for page in PAGES:
            path = re.sub(r"\[\w+\]", "x", page.route).rstrip("/") + "/"
            html = (await client.get(path, params={"to": "x"})).text
            lost = [form for form in re.findall(r"<form[^>]*>", html) if "action=" not in form]
            assert lost == [], path
