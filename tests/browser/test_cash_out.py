"""From a bank into the wallet and back into the bank, by clicking; and the pages on the way against their bars."""

from uuid import uuid4

from playwright.async_api import expect

from tests.browser.bank_pages import link_a_bank
from tests.browser.bars import measure
from tests.browser.conftest import ARTIFACTS
from tests.browser.test_late_load import under_way
from tests.support.browsing import Browsing
from tests.support.running import RunningPaya

PICTURES = ARTIFACTS / "pages"


async def test_money_is_added_clears_is_cashed_out_and_paid(browsing: Browsing, paya: RunningPaya):
    ann = await paya.sign_up(name="Ann Field")
    page = await browsing.page(ann, "/cash-out/")
    await expect(page.get_by_role("heading", name="First, a bank of yours")).to_be_visible()
    assert not (faults := await measure(page, PICTURES / "cash_out_unlinked")), faults
    await page.get_by_role("link", name="Link a bank").click()
    await expect(page.get_by_role("heading", name="Sign in to your bank")).to_be_visible()
    await page.goto("/add/")
    await link_a_bank(page)
    await page.get_by_role("button", name="$50").click()
    await page.get_by_role("button", name="Review $50.00").click()
    await page.get_by_role("button", name="Add $50.00").click()
    await expect(page.get_by_role("status").filter(has_text="Added")).to_be_visible(timeout=40_000)

    await page.goto("/")
    await page.get_by_role("link", name="Cash out").first.click()
    await expect(page.get_by_text("$50.00 available · no fee")).to_be_visible()
    await expect(page.locator("#week-left")).to_have_text("$20,000.00")
    assert not (faults := await measure(page, PICTURES / "cash_out")), faults
    await page.get_by_role("button", name="All of it").click()
    await page.get_by_role("button", name="Review $50.00").click()
    await expect(page.get_by_text("Left in your wallet")).to_be_visible()
    assert not (faults := await measure(page, PICTURES / "cash_out_review")), faults
    await page.get_by_role("button", name="Cash out $50.00").click()

    await expect(page.locator("#item-amount")).to_have_text("−$50.00")
    await expect(page.get_by_role("status").filter(has_text="Paid")).to_be_visible(timeout=40_000)
    await expect(page.get_by_role("button", name="Cancel this transfer")).to_have_count(0)
    assert not (faults := await measure(page, PICTURES / "cash_out_paid")), faults
    await page.goto("/activity/")
    await page.get_by_role("button", name="Bank").click()
    await expect(page.get_by_text("Money to your bank")).to_be_visible()
    await page.goto("/")
    await expect(page.locator(".home-amt")).to_have_text("$0.00")
    assert browsing.troubles == []


async def test_what_is_not_possible_is_said_before_it_is_tried(browsing: Browsing, paya: RunningPaya):
    ann = await paya.sign_up(name="Ann Field", cents=12_000)
    load_id = await under_way(paya, ann)
    page = await browsing.page(ann, f"/activity/{load_id}/")
    await expect(page.get_by_role("button", name="Cancel this transfer")).to_be_visible()
    assert not (faults := await measure(page, PICTURES / "cancelable")), faults
    asked = "update banking.provider_operation set cancel_asked_at = now(), cancel_refused_at = now() where id = %s"
    await paya.rows(asked, (load_id,))
    await page.reload()
    await expect(page.locator("#cancel-note")).to_have_text(
        "It can no longer be canceled: the banks have begun with it."
    )
    await expect(page.get_by_role("button", name="Cancel this transfer")).to_have_count(0)

    # as much as a week takes, paid the day before yesterday
    payout_id = uuid4()
    await paya.rows(
        "insert into banking.provider_operation (id, kind, state, vendor_ref, requested_at, next_at)"
        " values (%s, 'redemption', 'cleared', %s, now(), now())",
        (payout_id, str(uuid4())),
    )
    await paya.rows(
        "insert into banking.redemption (id, person, source_id, amount_cents, reference, created_at)"
        " select %s, person, source_id, 1995000, %s, now() - interval '2 days' from banking.load where id = %s",
        (payout_id, f"CO-{payout_id}", load_id),
    )
    await page.goto("/cash-out/")
    await expect(page.locator("#week-left")).to_have_text("$50.00")
    await expect(page.get_by_role("button", name="$100")).to_be_disabled()
    await page.get_by_role("button", name="6", exact=True).click()
    await page.get_by_role("button", name="0", exact=True).click()
    await expect(page.get_by_text("One transfer can be at most $50.00 now.")).to_be_visible()
    assert not (faults := await measure(page, PICTURES / "cash_out_week")), faults

    await paya.rows("insert into banking.vendor_environment (environment) values ('production')")
    try:
        await page.reload()
        await expect(page.get_by_role("heading", name="You can cash out")).to_be_visible()
        assert not (faults := await measure(page, PICTURES / "cash_out_early")), faults
    finally:
        await paya.rows("insert into banking.vendor_environment (environment) values ('sandbox')")
    assert browsing.troubles == []
