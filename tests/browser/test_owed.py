"""R01 after the money was spent: said on Home and on the load's page, and paid back from the wallet."""

from playwright.async_api import expect

from tests.browser.bars import measure
from tests.browser.conftest import ARTIFACTS
from tests.browser.test_late_load import under_way
from tests.support.browsing import Browsing
from tests.support.running import RunningPaya


async def test_what_a_bank_took_back_is_owed_said_and_paid_back(browsing: Browsing, paya: RunningPaya):
    ann, bob = await paya.sign_up(), await paya.sign_up(cents=3000)
    load_id = await under_way(paya, ann)
    vendor_ref = await paya.value("select vendor_ref from banking.provider_operation where id = %s", (load_id,))
    await paya.rows("select banking.book_settled(%s, %s, null)", (load_id, vendor_ref))
    await paya.rows(
        "select ledger.post(gen_random_uuid(), ledger.wallet_of(%s), ledger.wallet_of(%s), 3000, 'payment')",
        (ann.user_id, bob.user_id),
    )
    page = await browsing.page(ann)
    await page.goto("/")
    await expect(page.get_by_text("$20")).to_be_visible()
    await paya.rows("select banking.book_failed(%s, %s, 'R01')", (load_id, vendor_ref))
    # told by the event, without a reload
    owed = page.locator("#owed")
    await expect(owed).to_contain_text("You owe $30.00", timeout=20_000)
    await expect(owed).to_contain_text(
        "A Bank ··7890 took back $50.00 after it had arrived. Your bank says that there was"
    )
    await expect(owed).to_contain_text("$20.00 of it was still in your wallet and went back. Who you paid keeps it.")
    await expect(page.locator("#repay")).to_have_count(0)
    assert not (faults := await measure(page, ARTIFACTS / "pages" / "owed")), faults

    await page.goto(f"/activity/{load_id}/")
    await expect(page.locator("#owed")).to_contain_text("You owe $30.00")
    assert not (faults := await measure(page, ARTIFACTS / "pages" / "owed_load")), faults

    await paya.rows(
        "select ledger.post(gen_random_uuid(), ledger.wallet_of(%s), ledger.wallet_of(%s), 3000, 'payment')",
        (bob.user_id, ann.user_id),
    )
    await page.goto("/")
    await page.locator("#repay").focus()
    await page.keyboard.press("Enter")
    await expect(page.locator("#owed")).to_have_count(0)
    state = "select state from ledger.account where owner = %s and kind = 'wallet'"
    assert await paya.value(state, (ann.user_id,)) == "active"
    await page.goto(f"/activity/{load_id}/")
    await expect(page.locator("#paid-back")).to_have_text("The $30.00 that you owed is paid back.")
