"""Savings plans by clicking: made in four taps, bought in front of one, skipped, paused, resumed, changed, ended."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import pytest
from playwright.async_api import Page, expect

from tests.browser.bank_pages import link_a_bank
from tests.browser.bars import measure
from tests.browser.conftest import ARTIFACTS
from tests.browser.test_keyboard import tab_to
from tests.browser.test_slow import slow_page
from tests.support.browsing import DESK, Browsing
from tests.support.running import RunningPaya
from tests.web.test_handlers import make_plan

PICTURES = ARTIFACTS / "pages"
NEW_YORK = {"timezone_id": "America/New_York"}
WORDS = re.compile(r"[A-Z][a-z]{2}, [A-Z][a-z]{2} \d{1,2}(, \d{4})?\s· \d\d:\d\d")


async def bars(page: Page, name: str) -> None:
    """The page as it is now passes its bars, in light and dark."""
    faults = await measure(page, PICTURES / name)
    assert not faults, faults


@asynccontextmanager
async def clock_forward(paya: RunningPaya, to: datetime) -> AsyncIterator[None]:
    """The database's clock stands at `to` inside, and goes on from there."""
    ahead = (to - datetime.now(UTC),)
    await paya.rows('update private.clock_offset set "offset" = "offset" + %s', ahead)
    try:
        yield
    finally:
        await paya.rows('update private.clock_offset set "offset" = "offset" - %s', ahead)


async def answer(page: Page) -> None:
    """Press the sheet's own button, once it takes presses."""
    confirm = page.locator("#confirm")
    await expect(confirm).to_have_attribute("aria-disabled", "false")
    await confirm.click()
    await expect(page.get_by_role("dialog")).to_have_count(0)


async def times_ahead(page: Page) -> list[str]:
    """The next buys as the page says them."""
    return await page.get_by_label("Next buys").locator("time").all_inner_texts()


async def history_tells(page: Page, skipped: str) -> None:
    """The history has the change with before and after, the skipped buy, and whose doing it was."""
    told = page.get_by_label("History", exact=True)
    await expect(told.get_by_role("listitem").first).to_contain_text("Amount: $25.00 to $50.00")
    await expect(told.get_by_role("listitem").first).to_contain_text("How often: every week to every month")
    await expect(told).to_contain_text(f"Skipped the buy of {skipped}")
    await expect(told.get_by_role("listitem").last).to_contain_text("Started")
    assert all("You · " in each for each in await told.get_by_role("listitem").all_inner_texts())


async def test_a_weekly_plan_in_four_taps(browsing: Browsing, paya: RunningPaya):
    ann = await paya.sign_up(name="Ann Field", cents=50_000)
    page = await browsing.page(ann, "/", **NEW_YORK)
    await page.get_by_role("navigation", name="Places, bottom bar").get_by_role("link", name="Save").click()
    await page.get_by_role("link", name="$25 a week").click()
    await page.get_by_role("button", name="Review $25.00 a week").click()
    await expect(page.locator("#review-promise")).to_have_text(
        "Every Friday at 09:00, New York time, $25.00 from your wallet buys bitcoin at the exchange's price of "
        "that moment."
    )
    await expect(page.locator("#review-fee")).to_have_text("Fee: $0.00 (3 free buys left), then 1 % ($0.25)")
    promised = await page.get_by_label("The next three").locator("time").all_inner_texts()
    await answer(page)
    await expect(page.locator("#plan-each")).to_have_text("$25.00")
    await expect(page.locator("#plan-state")).to_have_text("Active")
    await expect(page.get_by_text(f"Started. The first buy is on {promised[0]}, New York time.")).to_be_visible()
    assert len(promised) == 3
    assert all(WORDS.fullmatch(words) and words.startswith("Fri") and words.endswith("09:00") for words in promised)
    assert await times_ahead(page) == promised
    dues = await paya.rows(
        "select due_at from savings.buy where person = %s and state = 'scheduled' order by due_at limit 3",
        (ann.user_id,),
    )
    shown = await page.get_by_label("Next buys").locator("time").evaluate_all("all => all.map((one) => one.dateTime)")
    assert [datetime.fromisoformat(at) for at in shown] == [due for (due,) in dues]
    await page.goto("/save/")
    await expect(page.get_by_role("link", name="Friday bitcoin")).to_contain_text(
        f"Next: {promised[0]} · New York time"
    )
    await page.goto("/")
    await expect(page.locator("#next-buy")).to_contain_text("Next: Friday bitcoin")
    await expect(page.locator("#next-buy")).to_contain_text(promised[0])
    await expect(page.locator("#next-buy")).to_contain_text("New York time")
    await bars(page, "home_next_buy")
    await page.locator("#next-buy").click()
    await expect(page.locator("#plan-each")).to_have_text("$25.00")
    assert browsing.troubles == []


async def test_a_plan_is_bought_at_its_time_and_the_page_says_so_by_itself(browsing: Browsing, paya: RunningPaya):
    ann = await paya.sign_up(name="Ann Field", cents=50_000)
    page = await browsing.page(ann, "/save/new/", **NEW_YORK)
    await page.get_by_label("Another amount").fill("40")
    await page.get_by_role("button", name="Every day").click()
    due = (datetime.now(UTC) + timedelta(minutes=4)).replace(second=0, microsecond=0)
    await page.get_by_label("At", exact=True).fill(f"{due:%H%M}")
    await page.get_by_label("Time zone").select_option("UTC")
    await page.get_by_role("button", name="Review $40.00 a day").click()
    await answer(page)
    await expect(page.locator("#plan-state")).to_have_text("Active")
    bought = page.get_by_label("Buys so far").get_by_role("listitem").filter(has_text="Bought")
    async with clock_forward(paya, due):
        await expect(bought).to_contain_text("sats", timeout=60_000)
    await expect(bought).to_contain_text(re.compile("per bitcoin.* exchange fee"))
    quantity_sats, cents = (
        await paya.rows(
            "select quantity_sats, amount_cents - refund_cents from savings.buy where person = %s and state = 'bought'",
            (ann.user_id,),
        )
    )[0]
    await expect(bought).to_contain_text(f"Bought {quantity_sats:,} sats")
    await expect(page.locator("#spent")).to_have_text(f"${cents / 100:.2f}")
    assert await paya.balance(ann) == 50_000 - cents
    assert f"{due:%H:%M}" in await bought.inner_text()
    await bars(page, "save_plan_bought")
    await page.get_by_label("Back").click()
    await expect(page.locator("#holdings")).to_contain_text(f"{quantity_sats / 10**8:.8f} BTC")
    await expect(page.locator("#held-value")).to_contain_text(re.compile("gain|loss"))
    await bars(page, "save")
    assert browsing.troubles == []


async def test_skip_pause_resume_change_and_end(browsing: Browsing, paya: RunningPaya):
    ann = await paya.sign_up(name="Ann Field", cents=50_000)
    plan_id = await make_plan(paya, ann)
    page = await browsing.page(ann, f"/save/{plan_id}/")
    await expect(page.locator("#plan-each")).to_have_text("$25.00")
    first, second, third = await times_ahead(page)
    await bars(page, "save_plan")

    await page.get_by_role("button", name=f"Skip the buy on {first}").click()
    await expect(page.get_by_role("dialog")).to_contain_text(f"Nothing is bought on {first}, UTC.")
    await expect(page.locator("#confirm")).to_have_attribute("aria-disabled", "false")
    await bars(page, "save_plan_skip")
    await answer(page)
    await expect(page.get_by_text(f"The next buy is on {second}, UTC.")).to_be_visible()
    assert (await times_ahead(page))[:2] == [second, third]
    await expect(page.get_by_label("Buys so far")).to_contain_text("You skipped it. Nothing left your wallet.")

    await page.get_by_role("button", name="Pause").click()
    await answer(page)
    await expect(page.locator("#plan-state")).to_have_text("Paused")
    await expect(page.locator("#why")).to_have_text("You paused it. Nothing is bought until you resume it.")
    await expect(page.get_by_label("Next buys")).to_have_count(0)
    await bars(page, "save_plan_paused")
    await expect(page.get_by_role("link", name="Change")).to_have_attribute("href", f"/save/{plan_id}/change/")
    await page.get_by_role("button", name="Resume").click()
    await answer(page)
    await expect(page.locator("#plan-state")).to_have_text("Active")
    assert (await times_ahead(page))[0] == second

    await page.get_by_role("link", name="Change").click()
    await page.get_by_role("button", name="$50").click()
    await page.get_by_role("button", name="Every month").click()
    await page.get_by_label("Day of the month").select_option("-1")
    await page.get_by_role("button", name="More options").click()
    await page.get_by_label("Buy only below").fill("80,000")
    await page.get_by_role("button", name="Try for a day").click()
    await bars(page, "save_plan_change")
    await page.get_by_role("button", name="Review the change").click()
    await expect(page.locator("#review-promise")).to_contain_text(
        "On the last day of every month at 09:00, UTC, $50.00"
    )
    await answer(page)
    await expect(page.locator("#plan-each")).to_have_text("$50.00")
    await expect(page.get_by_text("$80,000.00 per bitcoin", exact=True)).to_be_visible()
    await expect(page.get_by_text("Wallet; if short, tried for a day")).to_be_visible()
    await expect(page.get_by_role("heading", name="Monthly bitcoin")).to_be_visible()
    await history_tells(page, first)
    await bars(page, "save_plan_history")

    await page.get_by_role("button", name="End this plan").click()
    await answer(page)
    await expect(page.locator("#plan-state")).to_have_text("Ended")
    await expect(page.get_by_role("button", name="Pause")).to_have_count(0)
    await bars(page, "save_plan_ended")
    assert await paya.balance(ann) == 50_000
    assert browsing.troubles == []


async def test_a_plan_of_somebody_elses_is_not_found(browsing: Browsing, paya: RunningPaya):
    ann, eve = await paya.sign_up(cents=5000), await paya.sign_up(cents=5000)
    plan_id = await make_plan(paya, ann, "313.13")
    page = await browsing.page(eve, f"/save/{plan_id}/")
    await expect(page.get_by_role("heading", name="Not found")).to_be_visible()
    assert "313.13" not in await page.content()
    await bars(page, "save_plan_none")
    await page.goto(f"/save/{plan_id}/change/")
    await expect(page.get_by_text("There is no such plan")).to_be_visible()
    await page.get_by_role("link", name="All of your plans").click()
    await expect(page.locator("#no-plans")).to_be_visible()
    await bars(page, "save_empty")
    assert browsing.troubles == []


async def test_the_form_and_its_review_pass_their_bars(browsing: Browsing, paya: RunningPaya):
    ann = await paya.sign_up(cents=50_000)
    page = await browsing.page(ann, "/save/new/?amount=25", **NEW_YORK)
    await page.get_by_role("button", name="More options").click()
    await page.get_by_label("On a dip of").fill("5")
    await page.get_by_role("button", name="Review").click()
    await expect(page.get_by_role("alert").filter(has_text="by how much the price falls")).to_be_visible()
    await bars(page, "save_new")
    await page.get_by_label("Buy more for").fill("10")
    await page.get_by_role("button", name="Wednesday").click()
    await page.get_by_role("button", name="Monday").click()
    await page.get_by_role("button", name="Review $25.00 on each day").click()
    await expect(page.locator("#review-promise")).to_contain_text("Every Monday and Wednesday at 09:00, New York time")
    await expect(page.get_by_role("dialog")).to_contain_text("$10.00 more, 5 % below the 24-hour high")
    await expect(page.locator("#confirm")).to_have_attribute("aria-disabled", "false")
    await bars(page, "save_review")
    assert browsing.troubles == []


async def test_by_keyboard_alone(browsing: Browsing, paya: RunningPaya):
    ann = await paya.sign_up(cents=50_000)
    page = await browsing.page(ann, "/save/", viewport=DESK, **NEW_YORK)
    await expect(page.locator("#no-plans")).to_be_visible()
    keys = page.keyboard
    await tab_to(page, "$50 a week", "A")
    await keys.press("Enter")
    await expect(page.locator("#plan-form")).to_be_visible()
    await tab_to(page, "Tuesday", "BUTTON")
    await keys.press("Space")
    await tab_to(page, "At", "INPUT")
    await keys.press("Control+a")
    await keys.type("18:30")
    await keys.press("Enter")
    await expect(page.get_by_role("dialog")).to_contain_text("Every Tuesday at 18:30, New York time")
    await expect(page.locator("#confirm")).to_have_attribute("aria-disabled", "false")
    await tab_to(page, "Start this plan", "BUTTON")
    await keys.press("Enter")
    await expect(page.locator("#plan-state")).to_have_text("Active")
    await tab_to(page, "Pause", "BUTTON")
    await keys.press("Enter")
    await expect(page.locator("#confirm")).to_have_attribute("aria-disabled", "false")
    await tab_to(page, "Pause", "BUTTON")
    await keys.press("Enter")
    await expect(page.locator("#plan-state")).to_have_text("Paused")
    assert browsing.troubles == []


async def test_a_bank_pays_a_plan_and_the_form_says_when(browsing: Browsing, paya: RunningPaya):
    ann = await paya.sign_up(name="Ann Field", cents=5000)
    page = await browsing.page(ann, "/save/new/?amount=25", viewport=DESK, **NEW_YORK)
    await expect(page.locator("#plan-form")).to_be_visible()
    await expect(page.get_by_label("Paid from")).to_have_count(0)
    await page.goto("/add/")
    await link_a_bank(page)
    await page.keyboard.type("12.50")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("dialog")).to_contain_text("$12.50")

    await page.goto("/save/new/?amount=25")
    await page.get_by_label("Paid from").select_option(index=1)
    await page.get_by_label("Your bank is asked").select_option("5")
    await page.get_by_role("button", name="More options").click()
    await page.get_by_role("button", name="Wallet pays").click()
    await bars(page, "save_new_bank")
    await page.get_by_role("button", name="Review $25.00 a week").click()
    sheet = page.get_by_role("dialog")
    await expect(page.locator("#review-promise")).to_contain_text("$25.00 from your bank buys bitcoin")
    await expect(sheet).to_contain_text("Your bank is asked: 5 business days before each buy")
    await expect(sheet).to_contain_text("If its money is late: Your wallet pays")
    await expect(sheet.get_by_text("Your bank is asked on").first).to_be_visible()
    await expect(page.locator("#confirm")).to_have_attribute("aria-disabled", "false")
    await bars(page, "save_review_bank")
    await answer(page)
    await expect(page.locator("#plan-each")).to_have_text("$25.00")
    await expect(page.get_by_text("5 business days before each buy").first).to_be_visible()
    await bars(page, "save_plan_bank")
    funding = await paya.rows(
        "select funding, lead_bank_days, on_shortfall from savings.plan where person = %s", (ann.user_id,)
    )
    assert funding == [("bank", 5, "use_wallet")]
    assert browsing.troubles == []


@asynccontextmanager
async def exchange_silent(paya: RunningPaya) -> AsyncIterator[None]:
    """Nobody asks the exchange while the block runs: it has not answered, and is left alone for an hour."""
    await paya.rows(
        "insert into providers.provider_health as h (vendor, state, threshold, ttl_s, opened_at, down_since)"
        " values ('kraken', 'opened', 3, 3600, now(), now()) on conflict (vendor) do update set state = 'opened',"
        " ttl_s = 3600, opened_at = now(), down_since = now(), probe_until = null, version = h.version + 1"
    )
    try:
        yield
    finally:
        await paya.rows(
            "update providers.provider_health set opened_at = now() - interval '2 hours' where vendor = 'kraken'"
        )


async def test_while_the_exchange_is_silent_pages_say_where_the_money_is(browsing: Browsing, paya: RunningPaya):
    ann = await paya.sign_up(name="Ann Field", cents=50_000)
    plan_id = await make_plan(paya, ann)
    async with exchange_silent(paya):
        await paya.rows(
            "insert into savings.buy (plan_id, person, due_at, amount_cents, created_at)"
            " values (%s, %s, private.now() - interval '3 minutes', 2500, private.now())",
            (plan_id, ann.user_id),
        )
        page = await browsing.page(ann, f"/save/{plan_id}/")
        await expect(page.get_by_text("The exchange does not answer right now. Bitcoin buys wait")).to_be_visible()
        late = page.get_by_label("Buys so far").get_by_role("listitem").first
        await expect(late).to_contain_text("Delayed")
        await expect(late).to_contain_text("Nothing has left your wallet.")
        await bars(page, "save_plan_outage")
        await page.goto("/save/")
        await expect(page.get_by_text("The exchange does not answer right now. Bitcoin buys wait")).to_be_visible()
    await page.goto(f"/save/{plan_id}/")
    await expect(page.get_by_label("Buys so far")).to_contain_text("Bought", timeout=60_000)
    assert browsing.troubles == []


async def test_reload_second_press_and_a_killed_server_make_one_plan(browsing: Browsing, paya: RunningPaya):
    ann = await paya.sign_up(cents=50_000)
    page = await browsing.page(ann, "/save/new/?amount=25", **NEW_YORK)
    await page.wait_for_url("**/save/new/?id=*")
    address = page.url
    await page.get_by_role("button", name="Review $25.00 a week").click()
    await expect(page.locator("#confirm")).to_have_attribute("aria-disabled", "false")
    await page.locator("#confirm").dblclick()
    await expect(page.locator("#plan-each")).to_be_visible()
    plan_url = page.url.partition("?")[0]
    paya.kill_app()
    await paya.wait_until_up()
    await page.goto(address)
    await expect(page).to_have_url(plan_url)
    await expect(page.locator("#plan-each")).to_have_text("$25.00")
    assert await paya.value("select count(*) from savings.plan where person = %s", (ann.user_id,)) == 1


async def test_the_plan_before_is_never_drawn_for_the_one_that_is_coming(browsing: Browsing, paya: RunningPaya):
    ann = await paya.sign_up(cents=50_000)
    first, second = await make_plan(paya, ann, "11"), await make_plan(paya, ann, "22")
    page, slow = await slow_page(browsing, ann)
    await page.goto(f"/save/{first}/")
    await expect(page.locator("#plan-each")).to_have_text("$11.00")
    await page.get_by_label("Back").click()
    await expect(page.get_by_role("link", name="$22.00")).to_be_visible()
    slow.waiting = True
    await page.get_by_role("link", name="$22.00").click()
    await page.wait_for_url(f"**/save/{second}/")
    await expect(page.locator("main [aria-busy=true]")).to_be_visible()
    await expect(page.locator("#plan-each")).to_have_count(0)
    slow.let_through()
    await expect(page.locator("#plan-each")).to_have_text("$22.00")
    assert browsing.troubles == []


@pytest.mark.parametrize("typed", ["9", "9 am", "930", "09:30", "9.30", "9:30 A.M."])
async def test_a_time_is_understood_as_people_write_it(browsing: Browsing, paya: RunningPaya, typed: str):
    page = await browsing.page(await paya.sign_up(cents=5000), "/save/new/?amount=10")
    await page.get_by_label("At", exact=True).fill(typed)
    await page.get_by_label("At", exact=True).blur()
    await expect(page.get_by_label("At", exact=True)).to_have_value("09:00" if "30" not in typed else "09:30")


async def test_of_an_hourly_plan_the_minute_is_typed_like_any_number(browsing: Browsing, paya: RunningPaya):
    page = await browsing.page(await paya.sign_up(cents=5000), "/save/new/?amount=10", **NEW_YORK)
    await page.get_by_label("At", exact=True).fill("6:15 pm")
    await page.get_by_role("button", name="Every hour").click()
    minute = page.get_by_label("At minute")
    await minute.fill("")
    await expect(minute).to_have_value("")
    await minute.press_sequentially("5")
    await expect(minute).to_have_value("5")
    await page.get_by_role("button", name="Review $10.00 an hour").click()
    await expect(page.locator("#review-promise")).to_contain_text("Every hour at 05 past")
    await page.keyboard.press("Escape")
    await page.get_by_role("button", name="Every day").click()
    await page.get_by_role("button", name="Review $10.00 a day").click()
    await expect(page.locator("#review-promise")).to_contain_text("Every day at 18:15")
    assert browsing.troubles == []


async def test_a_change_keeps_the_days_there_are_and_says_no_buy_that_was_skipped(
    browsing: Browsing, paya: RunningPaya
):
    ann = await paya.sign_up(cents=50_000)
    page = await browsing.page(ann, "/save/new/?amount=25", **NEW_YORK)
    await page.get_by_role("button", name="Monday").click()
    await page.get_by_role("button", name="Wednesday").click()
    await page.get_by_role("button", name="Review").click()
    await answer(page)
    await page.get_by_role("button", name="Skip the buy").click()
    skipped = (await times_ahead(page))[0]
    await answer(page)
    await expect(page.get_by_label("Next buys")).not_to_contain_text(skipped)
    await page.get_by_role("link", name="Change").click()
    await page.get_by_role("button", name="Saturday").click()
    await page.get_by_role("button", name="Review the change").click()
    await expect(page.locator("#review-promise")).to_contain_text("Every Monday, Wednesday and Saturday at 09:00")
    promised = await page.get_by_label("The next three").locator("time").all_inner_texts()
    await answer(page)
    await expect(page.get_by_text("every Monday, Wednesday and Saturday at 09:00", exact=True)).to_be_visible()
    assert skipped not in promised
    assert await times_ahead(page) == promised
    assert browsing.troubles == []
