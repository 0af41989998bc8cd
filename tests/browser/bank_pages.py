"""Ways through the pages that link a bank."""

from playwright.async_api import Page, expect


async def type_instead(page: Page) -> None:
    """Choose to type the account in; nothing is done where its form is there already."""
    form, instead = page.get_by_label("Name on the account"), page.get_by_role("button", name="Type your account")
    await expect(form.or_(instead)).to_be_visible()
    if await instead.is_visible():
        await instead.click()
    await expect(form).to_be_visible()


async def name_a_bank(page: Page, account: str = "1234567890") -> None:
    """Fill the account in and add it, where the page offers to sign in to the bank first."""
    await type_instead(page)
    await page.get_by_label("Name on the account").fill("Ann Field")
    await page.get_by_label("Routing number").fill("222222226")
    await page.get_by_label("Account number").fill(account)
    await page.get_by_role("button", name="Add this account").click()


async def tell_deposits(page: Page, first: str, second: str) -> None:
    """Write the two deposits and confirm them."""
    await page.get_by_label("First deposit").fill(first)
    await page.get_by_label("Second deposit").fill(second)
    await page.get_by_role("button", name="Confirm").click()


async def link_a_bank(page: Page) -> None:
    """Link a bank account and confirm it, up to the amount."""
    await name_a_bank(page)
    await tell_deposits(page, "0.03", "0.09")
    await expect(page.locator("#add-amount")).to_be_visible()
