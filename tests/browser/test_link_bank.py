"""Linking a bank by signing in to it, by clicking: a wrong password first, then the bank in the settings."""

from playwright.async_api import expect

from tests.support.browsing import Browsing
from tests.support.running import RunningPaya


async def test_a_bank_is_linked_by_signing_in_to_it(browsing: Browsing, paya: RunningPaya):
    ann = await paya.sign_up(name="Ann Field")
    page = await browsing.page(ann, "/add/")
    await page.get_by_role("link", name="Sign in to your bank").click()
    await page.get_by_role("button", name="Choose your bank").click()
    # the first link of a fresh server brings the vendor's library into memory
    await expect(page.get_by_text("Stand-in bank on this machine")).to_be_visible(timeout=60_000)
    await page.get_by_role("button", name="First Platypus Bank").click()
    await page.get_by_label("User name").fill("user_good")
    await page.get_by_label("Password").fill("guessed")
    await page.get_by_role("button", name="Sign in").click()
    await expect(page.get_by_role("alert")).to_contain_text("do not go together")
    await page.get_by_label("User name").fill("user_good")
    await page.get_by_label("Password").fill("pass_good")
    await page.get_by_role("button", name="Sign in").click()
    await page.get_by_role("button", name="Plaid Checking").click()
    await expect(page.get_by_role("heading", name="Your bank is linked")).to_be_visible()
    await page.reload()
    await expect(page.get_by_role("heading", name="Your bank is linked")).to_be_visible()
    await page.get_by_role("link", name="See my banks").click()
    await expect(page.get_by_text("First Platypus Bank ··0000")).to_be_visible()
    await expect(page.get_by_text("Your bank is in your own name")).to_be_visible()
    await expect(page.get_by_text("$500.00").first).to_be_visible()

    await page.goto("/add/")
    await expect(page.locator("#add-amount")).to_be_visible()

    await page.goto("/settings/banks/")
    await page.get_by_role("button", name="Unlink First Platypus Bank ··0000").click()
    await expect(page.get_by_role("dialog")).to_contain_text("gives its access back")
    await page.locator("#unlink").click()
    await expect(page.get_by_role("heading", name="No bank yet")).to_be_visible()
    assert browsing.troubles == []


async def test_who_comes_back_without_a_bank_reads_why(browsing: Browsing, paya: RunningPaya):
    page = await browsing.page(await paya.sign_up(), "/link-bank/")
    await page.get_by_role("button", name="Choose your bank").click()
    await page.get_by_role("button", name="Tartan Bank").click()
    await page.get_by_label("User name").fill("user_locked")
    await page.get_by_label("Password").fill("x")
    await page.get_by_role("button", name="Sign in").click()
    await page.get_by_role("button", name="Cancel and go back").click()
    await expect(page.get_by_role("heading", name="Your bank is not linked")).to_be_visible()
    await expect(page.get_by_role("alert").filter(has_text="locked")).to_be_visible()
    await page.get_by_role("link", name="Type your account number instead").click()
    await expect(page.get_by_label("Routing number")).to_be_visible()
