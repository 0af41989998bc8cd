"""From nothing to money moving live, by clicking."""

from playwright.async_api import expect

from tests.browser.bank_pages import name_a_bank, tell_deposits
from tests.support.browsing import DESK, Browsing, key_in


async def test_two_people_sign_up_one_loads_and_pays_and_a_watcher_sees_it(browsing: Browsing):
    ann, bob = await browsing.page(), await browsing.page()
    watcher = await browsing.page(path="/", viewport=DESK)
    await expect(watcher.locator("[data-status=live]")).to_be_visible()
    await browsing.sign_up(bob, "Bob Stone", "bob_stone")
    await browsing.sign_up(ann, "Ann Field", "ann_field")

    await ann.get_by_role("link", name="Add", exact=True).first.click()
    await name_a_bank(ann)
    await tell_deposits(ann, "0.03", "0.09")
    await ann.get_by_role("button", name="$50").click()
    await ann.get_by_role("button", name="Review $50.00").click()
    await ann.get_by_role("button", name="Add $50.00").click()
    await expect(ann.locator("#item-amount")).to_have_text("+$50.00")
    await expect(ann.get_by_role("status").filter(has_text="Added")).to_be_visible(timeout=40_000)

    await ann.goto("/")
    await expect(ann.locator(".home-amt")).to_have_text("$50.00")
    await ann.get_by_role("link", name="Pay", exact=True).first.click()
    await ann.get_by_label("To", exact=True).fill("@bob_stone")
    await ann.get_by_role("button", name="Continue").click()
    await key_in(ann, "12.34")
    await ann.get_by_label("What is it for?").fill("tacos 🌮, round two")
    await ann.get_by_role("button", name="Public").click()
    await ann.get_by_role("button", name="Review $12.34 to Bob").click()
    await ann.get_by_role("button", name="Pay $12.34").click()

    await expect(ann.locator("#item-amount")).to_have_text("−$12.34")
    row = watcher.get_by_role("listitem").filter(has_text="tacos 🌮, round two")
    await expect(row).to_contain_text("Ann Field paid Bob Stone")
    assert "12.34" not in await watcher.content()
    await expect(bob.locator(".home-amt")).to_have_text("$12.34")

    await ann.get_by_role("button", name="Private").click()
    await expect(row).to_have_count(0)
    assert browsing.troubles == []
