"""Bitcoin to one's own address by clicking: an address waits, the review says what arrives, the receipt what became."""

import csv
import io
import re
from datetime import UTC, datetime, timedelta

from playwright.async_api import Locator, Page, expect

from paya_app.core.ids import new_id
from paya_app.savings import in_fours
from tests.browser.test_keyboard import tab_to
from tests.browser.test_save import answer, bars, clock_forward
from tests.support.browsing import Browsing
from tests.support.running import RunningPaya, Somebody
from tests.support.waiting import until

ADDRESS = "bc1qar0srrr7xfkvy5l643lydnw9re59gtzzwf5mdq"


async def with_bitcoin(paya: RunningPaya, who: Somebody) -> None:
    """Have somebody's plan buy, and wait for it."""
    plan_id = new_id()
    await paya.rows(
        "insert into savings.plan (id, person, name, amount_cents, frequency, zone, starts_on, minute_of_day,"
        " created_at, changed_at) values (%s, %s, '=Friday', 30000, 'daily', 'UTC', private.now()::date, 0,"
        " private.now() - interval '9 days', private.now() - interval '9 days')",
        (plan_id, who.user_id),
    )
    await paya.rows(
        "insert into savings.buy (plan_id, person, due_at, amount_cents, created_at)"
        " values (%s, %s, private.now(), 30000, private.now())",
        (plan_id, who.user_id),
    )

    async def bought() -> bool:
        return await paya.value("select state = 'bought' from savings.buy where plan_id = %s", (plan_id,))

    await until(bought, patience_s=60)


async def all_of_it(page: Page, amount: Locator) -> None:
    """The button writes what the page says can be withdrawn."""
    await page.get_by_role("button", name="All of it").click()
    await expect(amount).to_have_value(re.compile(r"^0\.\d{8}$"))
    assert await amount.input_value() == (await page.locator(".amt").inner_text()).removesuffix(" BTC")


async def test_bitcoin_goes_to_ones_own_address(browsing: Browsing, paya: RunningPaya):
    ann = await paya.sign_up(name="Ann Field", cents=50_000)
    await with_bitcoin(paya, ann)
    page = await browsing.page(ann, "/save/")
    await expect(page.locator("#holdings-links")).to_be_visible()
    await bars(page, "save_holdings")
    lots = await page.request.get("/save/lots.csv")
    assert lots.status == 200
    assert "attachment" in lots.headers["content-disposition"]
    (line,) = csv.DictReader(io.StringIO(await lots.text()))
    assert line["plan"] == "'=Friday"
    await page.locator("#holdings-links").get_by_role("link", name="Withdraw").click()
    await page.wait_for_url("**/save/withdraw/?id=*")
    form = page.locator("#new-address")
    await form.get_by_label("Name").fill("Safe at home")
    await form.get_by_label("Bitcoin address").fill("0x52908400098527886E0F7030069857D2E4169EE7")
    await form.get_by_role("button", name="Add address").click()
    await expect(form).to_contain_text("This is an Ethereum address.")
    await bars(page, "withdraw_wrong_address")
    await form.get_by_label("Bitcoin address").fill(ADDRESS)
    await form.get_by_role("button", name="Add address").click()
    row = page.locator("#addresses").get_by_role("listitem")
    await expect(row).to_contain_text("bc1q ar0s rrr7")
    await expect(row).to_contain_text("Can be used from")
    await expect(form.get_by_label("Bitcoin address")).to_have_value("")
    await bars(page, "withdraw_waits")
    async with clock_forward(paya, datetime.now(UTC) + timedelta(hours=24, minutes=1)):
        await page.reload()
        amount = page.get_by_label("Amount in BTC, to Safe at home")
        await amount.fill("0.00001")
        await amount.press("Enter")
        await expect(page.locator("#withdraw")).to_contain_text("at least 0.00020000 BTC")
        await all_of_it(page, amount)
        await amount.fill("0.001")
        await tab_to(page, "Review")
        await page.keyboard.press("Enter")
        review = page.get_by_role("dialog")
        await expect(review).to_contain_text("0.00099000 BTC")
        await expect(review.locator("#review-address")).to_have_text(in_fours(ADDRESS))
        await bars(page, "withdraw_review")
        await answer(page)
        await expect(page.locator("#withdrawn")).to_have_text("0.00100000 BTC")
        await expect(page.locator("#withdrawal-state")).to_have_text("Sent", timeout=60_000)
        await expect(page.locator("#txid")).to_have_text(re.compile("^[0-9a-f]{64}$"))
        await bars(page, "withdraw_receipt")
        await page.get_by_role("link", name="Another withdrawal").click()
        await expect(page.locator("#past")).to_contain_text("0.00100000 BTC")
        await bars(page, "withdraw_form")
        await row.get_by_role("button", name="Remove Safe at home").click()
        await expect(page.locator("#addresses")).to_have_count(0)
    assert browsing.troubles == []


async def test_what_is_wrong_is_said_at_its_own_field_and_gone_when_the_page_is_opened_again(
    browsing: Browsing, paya: RunningPaya
):
    page = await browsing.page(await paya.sign_up(), "/save/withdraw/")
    await page.wait_for_url("**/save/withdraw/?id=*")
    form = page.locator("#new-address")
    await form.get_by_label("Bitcoin address").fill(ADDRESS)
    await form.get_by_role("button", name="Add address").click()
    await expect(form.locator("#label-fault")).to_contain_text("Name this address in 1 to 40 characters.")
    await expect(form.get_by_label("Bitcoin address")).to_have_attribute("aria-invalid", "false")
    await page.reload()
    await expect(form.get_by_label("Name")).to_have_attribute("aria-invalid", "false")
    assert browsing.troubles == []
