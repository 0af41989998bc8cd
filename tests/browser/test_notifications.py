"""Notices as people meet them: an address confirmed by its mail, a buy told, one click that ends it, the history."""

import asyncio
import json
import re
import time
from typing import Any
from uuid import uuid4

import httpx
from playwright.async_api import Page, expect

from tests.browser.bars import measure
from tests.browser.conftest import ARTIFACTS
from tests.savings.buys import PLAN
from tests.support.browsing import Browsing
from tests.support.running import RunningPaya, Somebody

BUY = (
    "insert into savings.buy (plan_id, person, due_at, amount_cents, created_at)"
    " select id, person, private.now() - interval '1 minute', amount_cents, private.now()"
    " from savings.plan where id = %s"
)


async def mails_to(paya: RunningPaya, address: str, count: int) -> list[dict[str, Any]]:
    """The mails in the mailbox, the newest first, once there are so many."""
    deadline = time.monotonic() + 60
    async with httpx.AsyncClient(base_url=paya.url, trust_env=False, timeout=30) as client:
        while True:
            answer = await client.get("/local/mail/messages", params={"to": address})
            answer.raise_for_status()
            found = answer.json()["messages"]
            if len(found) >= count:
                return found
            assert time.monotonic() < deadline, f"{address} got {len(found)} mails, not {count}"
            await asyncio.sleep(0.2)


def link_in(mail: dict[str, Any], page: str) -> str:
    found = re.search(rf"https?://\S+/notices/{page}\?token=\S+", mail["body"])
    assert found, mail["body"]
    return found[0]


async def buy_something(paya: RunningPaya, who: Somebody) -> str:
    """A plan of theirs with a buy whose time has come; the worker does the rest."""
    plan_id = str(uuid4())
    await paya.rows(PLAN, (plan_id, who.user_id, 2000, "skip", None, None, None, None))
    await paya.rows(BUY, (plan_id,))
    return plan_id


async def opened(browsing: Browsing, who: Somebody, **options: Any) -> Page:
    page = await browsing.page(who, "/settings/", **options)
    await page.get_by_role("main").get_by_role("link", name="Notifications").click()
    await expect(page.get_by_role("heading", name="Tell me by")).to_be_visible()
    return page


async def test_from_an_address_to_a_told_buy_to_one_click(browsing: Browsing, paya: RunningPaya):
    ann, address = await paya.sign_up(cents=20_000), f"ann+{uuid4().hex[:8]}@example.com"
    page = await opened(browsing, ann)
    field = page.get_by_label("Your address")
    await field.fill("ann at home")
    await page.get_by_role("button", name="Send me a link").click()
    await expect(page.get_by_role("alert").filter(has_text="no e-mail address")).to_be_visible()
    await field.fill(address)
    await page.get_by_role("button", name="Send me a link").click()
    await expect(page.get_by_text("We sent a link to")).to_be_visible()
    (mail,) = await mails_to(paya, address, 1)
    other = await browsing.page(path=link_in(mail, "confirm"))
    await expect(page.get_by_role("button", name="Remove")).to_have_count(0)
    await other.get_by_role("button", name="Confirm").click()
    await expect(other.get_by_role("heading", name="Confirmed")).to_be_visible()
    await expect(page.get_by_role("button", name="Remove")).to_be_visible()

    plan_id = await buy_something(paya, ann)
    mail = (await mails_to(paya, address, 2))[0]
    assert mail["subject"].startswith("Bought: ")
    assert mail["headers"]["list-unsubscribe-post"] == "List-Unsubscribe=One-Click"
    row = page.get_by_role("link", name=re.compile(r"Bought: .* sats for \$"))
    await expect(row).to_contain_text("E-mail, sent")
    assert (await row.get_attribute("href") or "").rstrip("/").endswith(plan_id)

    tick = page.get_by_role("checkbox", name="Bought by e-mail", exact=True)
    await expect(tick).to_have_attribute("aria-checked", "true")
    one_click = mail["headers"]["list-unsubscribe"].strip("<>")
    async with httpx.AsyncClient(trust_env=False, timeout=30) as client:
        assert (await client.get(one_click)).status_code == 200
        await expect(tick).to_have_attribute("aria-checked", "true")
        done = await client.post(one_click, data={"List-Unsubscribe": "One-Click"})
        assert (done.status_code, "Stopped" in done.text) == (200, True)
        assert (await client.post(one_click[:-4])).status_code == 403
    await expect(tick).to_have_attribute("aria-checked", "false")
    assert browsing.troubles == []


async def test_what_is_chosen_is_kept(browsing: Browsing, paya: RunningPaya):
    ann = await paya.sign_up()
    page = await opened(browsing, ann)
    tick = page.get_by_role("checkbox", name="Plan ended by text")
    await tick.click()
    await expect(tick).to_have_attribute("aria-checked", "true")
    await page.get_by_role("button", name="Not in quiet hours").click()
    await page.get_by_label("Quiet from").fill("25:00")
    await page.get_by_role("button", name="Save").click()
    await expect(page.get_by_role("alert").filter(has_text="Not saved.")).to_be_visible()
    await page.get_by_label("Quiet from").fill("2230")
    await page.get_by_label("Time zone").select_option("Europe/Berlin")
    await page.get_by_role("button", name="Save").click()
    await expect(page.get_by_text("Saved.", exact=True)).to_be_visible()
    await page.reload()
    await expect(page.get_by_label("Quiet from")).to_have_value("22:30")
    await expect(page.get_by_label("Time zone")).to_have_value("Europe/Berlin")
    await expect(page.get_by_role("checkbox", name="Plan ended by text")).to_have_attribute("aria-checked", "true")
    await page.get_by_role("button", name="At any time").click()
    await expect(page.get_by_label("Quiet from")).to_have_count(0)
    assert browsing.troubles == []


async def test_the_page_and_the_mailbox_keep_the_bars(browsing: Browsing, paya: RunningPaya):
    ann, address = await paya.sign_up(cents=20_000, name="Ann Field"), f"ann{uuid4().hex[:6]}@example.com"
    page = await opened(browsing, ann)
    await page.get_by_label("Your address").fill(address)
    await page.get_by_role("button", name="Send me a link").click()
    (mail,) = await mails_to(paya, address, 1)
    other = await browsing.page(path=link_in(mail, "confirm"))
    await other.get_by_role("button", name="Confirm").click()
    await expect(other.get_by_role("heading", name="Confirmed")).to_be_visible()
    await buy_something(paya, ann)
    await mails_to(paya, address, 2)
    await expect(page.get_by_role("link", name=re.compile("Bought: "))).to_be_visible()
    await page.get_by_role("button", name="Not in quiet hours").click()
    box = await browsing.page(path=f"/local/mail/?to={address}")
    unsubscribe = await browsing.page(path=link_in((await mails_to(paya, address, 2))[0], "unsubscribe"))
    for name, shown in (("notifications", page), ("mail", box), ("unsubscribe", unsubscribe)):
        assert not (faults := await measure(shown, ARTIFACTS / "pages" / name)), faults
        await shown.screenshot(path=ARTIFACTS / "pages" / f"{name}_whole.png", full_page=True)
    for name, shown in (("mail", box), ("unsubscribe", unsubscribe)):
        await shown.emulate_media(color_scheme="dark")  # they follow the system
        assert not (faults := await measure(shown, ARTIFACTS / "pages" / f"{name}_at_night")), faults
    assert browsing.troubles == []


async def test_push_says_what_stands_in_its_way_and_its_worker_shows_what_comes(browsing: Browsing, paya: RunningPaya):
    page = await opened(browsing, await paya.sign_up())
    await page.get_by_role("button", name="Turn on here").click()
    await expect(page.get_by_text(re.compile("^Not turned on:"))).to_be_visible()

    window = await browsing.window(await paya.sign_up())
    await window.grant_permissions(["notifications"])
    page = await browsing.tab(window, "/settings/notifications/")
    session = await window.new_cdp_session(page)
    found: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    def registered(event: dict[str, Any]) -> None:
        if event["registrations"] and not found.done():
            found.set_result(event["registrations"][0]["registrationId"])

    session.on("ServiceWorker.workerRegistrationUpdated", registered)
    await session.send("ServiceWorker.enable")
    await page.evaluate(
        "navigator.serviceWorker.register('/push_worker.js', { scope: '/' }).then(() => navigator.serviceWorker.ready)"
    )
    told = {"title": "Bought: 1 sat for $1.00", "body": "It is yours.", "path": "/save/", "tag": "a"}
    pushed = {"origin": paya.url, "registrationId": await asyncio.wait_for(found, 10)}
    for data in (json.dumps(told), json.dumps(told), "no JSON"):
        await session.send("ServiceWorker.deliverPushMessage", {**pushed, "data": data})
    read = """async () => (await (await navigator.serviceWorker.ready).getNotifications())
        .map((each) => [each.title, each.body, each.data.path ?? ""]).sort()"""
    deadline = time.monotonic() + 10
    while len(shown := await page.evaluate(read)) < 2 and time.monotonic() < deadline:  # noqa: ASYNC110 - it tells nobody
        await asyncio.sleep(0.1)
    assert shown == [["Bought: 1 sat for $1.00", "It is yours.", "/save/"], ["PaYa", "", ""]]
    assert browsing.troubles == []
