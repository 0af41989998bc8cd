"""Presses that were meant for the button before: nothing is paid or added by them."""

from datetime import UTC, datetime, timedelta

import pytest
from playwright.async_api import Page, expect

from tests.browser.bank_pages import link_a_bank
from tests.support.browsing import DESK, PHONE, Browsing, key_in
from tests.support.running import RunningPaya

HELD_REPEATS = 20
A_FEW_FRAMES_MS = 100  # a sheet takes no press in its first 700


async def ready_to_review(browsing: Browsing, paya: RunningPaya, place: str, viewport=PHONE) -> Page:
    """A page whose amount is in, one press before the sheet."""
    ann = await paya.sign_up(cents=5000)
    if place == "pay":
        bob = await paya.sign_up()
        page = await browsing.page(ann, f"/pay/?to={bob.handle}", viewport=viewport)
    else:
        page = await browsing.page(ann, "/add/", viewport=viewport)
        await link_a_bank(page)
    await key_in(page, "12")
    await expect(page.locator("#review")).to_be_enabled()
    return page


async def made(paya: RunningPaya) -> int:
    """How many payments and loads there are."""
    return await paya.value("select (select count(*) from public.payments) + (select count(*) from banking.load)")


async def waits_for_a_press(page: Page, paya: RunningPaya, before: int) -> None:
    """The sheet is open and ready, nothing was made; one press of its button makes one thing."""
    await expect(page.locator("#confirm")).to_be_enabled()
    await expect(page.locator("#confirm")).not_to_have_attribute("aria-busy", "true")
    assert await made(paya) == before
    await page.locator("#confirm").click()
    await expect(page.locator("#item-amount")).to_be_visible()
    assert await made(paya) == before + 1


async def double_click_on_both(page: Page) -> None:
    """A double click on "Review" and one on what the sheet then shows, before the sheet takes any press.

    The page's clock stands still meanwhile: however slow this machine is, the presses come at once.
    """
    await page.clock.install()
    await page.clock.pause_at(datetime.now(UTC) + timedelta(seconds=1))
    await page.locator("#review").dblclick()
    confirm = page.locator("#confirm")
    await confirm.wait_for()
    await page.clock.run_for(A_FEW_FRAMES_MS)  # the sheet comes in
    box = await confirm.bounding_box()
    assert box is not None
    await page.mouse.dblclick(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    await page.clock.run_for(A_FEW_FRAMES_MS)
    await page.clock.resume()


@pytest.mark.parametrize("viewport", [PHONE, DESK], ids=["phone", "desk"])
@pytest.mark.parametrize("place", ["pay", "add"])
async def test_the_second_half_of_a_double_click_does_nothing(
    browsing: Browsing, paya: RunningPaya, place: str, viewport
):
    page = await ready_to_review(browsing, paya, place, viewport)
    before = await made(paya)
    await double_click_on_both(page)
    await waits_for_a_press(page, paya, before)
    assert browsing.troubles == []


@pytest.mark.parametrize("place", ["pay", "add"])
async def test_a_held_enter_only_opens_the_sheet(browsing: Browsing, paya: RunningPaya, place: str):
    page = await ready_to_review(browsing, paya, place)
    before = await made(paya)
    await page.locator("#review").focus()
    await page.keyboard.down("Enter")
    title = page.get_by_role("heading", name="Check and")
    await expect(title).to_be_focused()
    for _ in range(HELD_REPEATS):
        await page.keyboard.down("Enter")  # without an up between: a repeat
    await expect(page.locator("#confirm")).to_be_enabled()
    await page.locator("#confirm").focus()
    for _ in range(HELD_REPEATS):
        await page.keyboard.down("Enter")
    await page.keyboard.up("Enter")
    await waits_for_a_press(page, paya, before)


@pytest.mark.parametrize("place", ["pay", "add"])
async def test_a_second_enter_finds_the_title(browsing: Browsing, paya: RunningPaya, place: str):
    page = await ready_to_review(browsing, paya, place)
    before = await made(paya)
    await page.locator("#review").focus()
    await page.keyboard.press("Enter")
    await page.locator("#confirm").wait_for()
    await page.keyboard.press("Enter")
    await waits_for_a_press(page, paya, before)


async def test_a_press_beside_the_sheet_just_after_it_opened_does_not_close_it(browsing: Browsing, paya: RunningPaya):
    page = await ready_to_review(browsing, paya, "pay")
    before = await made(paya)
    await page.locator("#review").click()
    await page.locator("#confirm").wait_for()
    await page.mouse.click(20, 20)
    await waits_for_a_press(page, paya, before)
