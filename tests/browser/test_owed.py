"""R01 after the money was spent: said on the load's page, while it is owed and when it is paid back."""

from playwright.async_api import expect

from tests.browser.bars import measure
from tests.browser.conftest import ARTIFACTS
from tests.browser.test_late_load import under_way
from tests.support.browsing import Browsing
from tests.support.running import RunningPaya


async def test_what_a_bank_took_back_is_told_on_the_loads_page(browsing: Browsing, paya: RunningPaya):
    ann, bob = await paya.sign_up(), await paya.sign_up(cents=3000)
    load_id = await under_way(paya, ann)
    vendor_ref = await paya.value("select vendor_ref from banking.provider_operation where id = %s", (load_id,))
    pay = "select ledger.post(gen_random_uuid(), ledger.wallet_of(%s), ledger.wallet_of(%s), 3000, 'payment')"
    await paya.rows("select banking.book_settled(%s, %s, null)", (load_id, vendor_ref))
    await paya.rows(pay, (ann.user_id, bob.user_id))
    page = await browsing.page(ann)
    await page.goto(f"/activity/{load_id}/")
    await expect(page.get_by_text("Yours to spend")).to_be_visible()
    await paya.rows("select banking.book_failed(%s, %s, 'R01')", (load_id, vendor_ref))
    owed = page.locator("#owed")
    await expect(owed).to_contain_text("You owe $30.00", timeout=40_000)  # by the event, without a reload
    await expect(owed).to_contain_text("A Bank ··7890 took back $50.00 after it had arrived. Your bank says that")
    await expect(owed).to_contain_text("$20.00 of it was still in your wallet and went back. Who you paid keeps it.")
    assert not (faults := await measure(page, ARTIFACTS / "pages" / "owed_load")), faults
    await paya.rows(pay, (bob.user_id, ann.user_id))
    await page.goto("/cash-out/")
    await expect(page.get_by_text("Your account is restricted. Home says why, and what to do.")).to_be_visible()
    await expect(page.get_by_role("button", name="Nothing to cash out now")).to_be_disabled()
    await page.goto("/")
    await expect(owed).to_contain_text("You owe $30.00")
    await expect(page.get_by_text("Your account is restricted: you cannot pay.")).to_be_visible()
    assert not (faults := await measure(page, ARTIFACTS / "pages" / "owed_home")), faults
    await page.get_by_role("button", name="Pay back $30.00 from my wallet").focus()
    await page.keyboard.press("Enter")
    await expect(owed).to_have_count(0)
    await expect(page.locator(".home-amt")).to_have_text("$0.00")
    await page.goto(f"/activity/{load_id}/")
    await expect(page.locator("#paid-back")).to_have_text("The $30.00 that you owed is paid back.", timeout=40_000)
    await expect(owed).to_have_count(0)
