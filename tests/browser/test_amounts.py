"""Amounts that cannot be: said before the review; a refusal that comes later stays to be read."""

import re

from playwright.async_api import expect

from tests.browser.bank_pages import link_a_bank
from tests.support.browsing import Browsing, key_in
from tests.support.running import RunningPaya


async def test_more_than_one_has_is_said_before_the_review(browsing: Browsing, paya: RunningPaya):
    ann, bob = await paya.sign_up(cents=5446), await paya.sign_up()
    page = await browsing.page(ann, f"/pay/?to={bob.handle}")
    review = page.locator("#review")
    await key_in(page, "54.47")
    await expect(page.get_by_role("status").filter(has_text="You have $54.46. Add money or send less.")).to_be_visible()
    await expect(review).to_be_disabled()
    await page.get_by_role("button", name="Delete").click()
    await expect(page.get_by_text("Add money or send less")).to_have_count(0)
    await expect(review).to_be_enabled()
    await key_in(page, "7")
    await page.locator("#pay-form").get_by_role("link", name="Add money").click()
    await expect(page).to_have_url(re.compile("/add/"))


async def test_a_refused_transfer_says_why_and_goes_on_under_a_new_id(browsing: Browsing, paya: RunningPaya):
    ann = await paya.sign_up()
    window = await browsing.window(ann)
    page = await browsing.tab(window, "/add/")
    await link_a_bank(page)
    await key_in(page, "60")
    await page.locator("#review").click()
    await expect(page.locator("#confirm")).to_be_visible()
    old = page.url

    # another page takes most of the first week's $100.00 meanwhile
    other = await browsing.tab(window, "/add/")
    await key_in(other, "70")
    await other.locator("#review").click()
    await other.locator("#confirm").click()
    await expect(other.locator("#item-amount")).to_have_text("+$70.00")

    await page.locator("#confirm").click()
    refusal = page.get_by_role("alert").filter(has_text="Not added.")
    await expect(refusal).to_be_visible()
    await expect(page).not_to_have_url(old)
    await expect(page.get_by_text("up to $30.00")).to_have_count(0)
    await expect(refusal).to_be_visible()
    await expect(page.locator("#review")).to_be_disabled()
    for _ in "60":
        await page.get_by_role("button", name="Delete").click()
    await key_in(page, "30")
    await page.locator("#review").click()
    await page.locator("#confirm").click()
    await expect(page.locator("#item-amount")).to_have_text("+$30.00")
    assert browsing.troubles == []


async def test_a_full_week_says_when_more_is_possible(browsing: Browsing, paya: RunningPaya):
    ann = await paya.sign_up()
    page = await browsing.page(ann, "/add/")
    await link_a_bank(page)
    await page.get_by_role("button", name="$100").click()
    await page.locator("#review").click()
    await page.locator("#confirm").click()
    await expect(page.locator("#item-amount")).to_have_text("+$100.00")
    await page.goto("/add/")
    said = page.get_by_role("status").filter(has_text="That is all for this week. More from")
    await expect(said.locator("time")).to_be_visible()
    await expect(page.get_by_role("button", name="$25")).to_be_disabled()
    await expect(page.locator("[data-key='1']")).to_be_disabled()
    await expect(page.locator("#review")).to_be_disabled()
