"""The lab by clicking: a plan is tried on the exchange's days, its range shown, and made of it."""

import re
from urllib.parse import parse_qs, urlparse

from playwright.async_api import Page, expect

from tests.browser.bars import measure
from tests.browser.conftest import ARTIFACTS
from tests.browser.test_keyboard import tab_to
from tests.support.browsing import DESK, Browsing
from tests.support.running import RunningPaya
from tests.web.test_handlers import make_plan

NEW_YORK = {"timezone_id": "America/New_York"}


async def say(page: Page, text: str) -> None:
    """What the form says is wrong."""
    await expect(page.locator("#lab-form").get_by_role("alert")).to_contain_text(text)


async def test_a_plan_is_tried_and_then_made(browsing: Browsing, paya: RunningPaya):
    ann = await paya.sign_up(name="Ann Field", cents=50_000)
    page = await browsing.page(ann, "/save/", **NEW_YORK)
    await page.get_by_role("link", name="Try a plan on past prices").click()
    await page.get_by_role("button", name="$50").click()
    await page.get_by_role("button", name="Every month").click()
    await page.get_by_label("Day of the month").select_option("-1")
    await page.get_by_role("button", name="Conditions").click()
    await page.get_by_label("On a dip of").fill("5")
    await page.get_by_role("button", name="Try $50.00").click()
    await say(page, "by how much the price falls and how much more to buy")
    await page.get_by_label("Buy more for").fill("10")
    await page.get_by_role("button", name="Try $50.00").click()
    await expect(page.locator("#synthetic")).to_contain_text("Synthetic prices")
    await expect(page.get_by_text(re.compile(r"BTC in 1[23] buys"))).to_be_visible()
    await expect(page.locator("#range")).to_contain_text(" to $")
    await expect(page.get_by_text("no forecast and no advice")).to_be_visible()
    assert await page.locator("text=/guarantee|will earn|promise/i").count() == 0
    plot = page.get_by_role("slider", name="Spent and worth, looking back")
    last = await plot.get_attribute("aria-valuetext")
    await plot.focus()
    await page.keyboard.press("Home")
    await expect(plot).to_have_attribute("aria-valuetext", re.compile(r"spent \$0\.00, worth \$0\.00"))
    await page.keyboard.press("End")
    assert await plot.get_attribute("aria-valuetext") == last
    await page.get_by_text("The figures as a table").first.click()
    faults = await measure(page, ARTIFACTS / "pages" / "save_lab_tried")
    assert not faults, faults
    made = parse_qs(urlparse(await page.locator("#make").get_attribute("href") or "").query)
    assert made["zone"] == ["America/New_York"]
    await page.locator("#make").click()
    await page.get_by_role("button", name="Review $50.00 a month").click()
    await expect(page.get_by_role("dialog")).to_contain_text("On the last day of every month at 09:00, New York time")
    await expect(page.get_by_role("dialog")).to_contain_text("$10.00 more, 5 % below the 24-hour high")
    assert browsing.troubles == []


async def test_ones_own_plan_is_tried_by_keyboard_alone(browsing: Browsing, paya: RunningPaya):
    ann = await paya.sign_up(cents=50_000)
    plan_id = await make_plan(paya, ann, "31.31")
    page = await browsing.page(ann, f"/save/lab/?plan={plan_id}", viewport=DESK)
    await expect(page.get_by_label("Each time, in dollars")).to_have_value("31.31")
    await tab_to(page, "Try $31.31", "BUTTON")
    await page.keyboard.press("Enter")
    await expect(page.locator("#range")).to_contain_text(" to $")
    await tab_to(page, "Make this plan", "A")
    assert browsing.troubles == []
