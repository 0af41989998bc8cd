"""The bank service is down while somebody adds money, and comes back."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
from playwright.async_api import expect

from tests.browser.bank_pages import link_a_bank
from tests.browser.bars import measure
from tests.browser.conftest import ARTIFACTS
from tests.support.browsing import Browsing, key_in
from tests.support.running import RunningPaya
from tests.support.waiting import until

QUEUED = "Queued. Your bank hears from us as soon as it answers."
BANNER = "Our bank service does not answer right now."


async def chaos(paya: RunningPaya, answers: str) -> None:
    async with httpx.AsyncClient(base_url=paya.url, trust_env=False, timeout=30) as client:
        done = await client.post("/local/chaos/", data={"vendor": "dwolla", "answers": answers})
        assert done.status_code == 303, done.text


@asynccontextmanager
async def bank_service_down(paya: RunningPaya) -> AsyncIterator[None]:
    """Every call to it is hung up on while the block runs, and the next failure is the one too many."""
    await chaos(paya, "down")
    await paya.rows("update providers.provider_health set failures = threshold - 1 where vendor = 'dwolla'")
    try:
        yield
    finally:
        await chaos(paya, "well")
        # as if it had been left alone for long enough
        await paya.rows(
            "update providers.provider_health set opened_at = opened_at - interval '1 hour' where state = 'opened'"
        )


async def test_a_load_asked_for_while_the_bank_service_is_down_goes_out_when_it_is_back(
    browsing: Browsing, paya: RunningPaya
):
    ann = await paya.sign_up()
    page = await browsing.page(ann, "/add/")
    await link_a_bank(page)
    await expect(page.get_by_text(BANNER)).to_be_hidden()
    async with bank_service_down(paya):
        await key_in(page, "25.00")
        await page.locator("#review").click()
        await page.locator("#confirm").click()
        await expect(page.get_by_text(QUEUED)).to_be_visible(timeout=40_000)
        receipt = page.url
        await page.goto("/add/")
        await expect(page.get_by_text(BANNER)).to_be_visible(timeout=40_000)
        assert not (faults := await measure(page, ARTIFACTS / "pages" / "add_outage")), faults
    # without a reload: the page asks now and then
    await expect(page.get_by_text(BANNER)).to_be_hidden(timeout=60_000)
    await page.goto(receipt)
    await expect(page.get_by_text(QUEUED)).to_be_hidden(timeout=60_000)

    async def arrived() -> bool:
        return await paya.balance(ann) == 2500

    await until(arrived, patience_s=60)
    sent = await paya.value(
        "select count(*) from vendor_dwolla.transfer t join banking.load l on l.id::text = t.correlation_id"
        " where l.person = %s and t.source_id is not null",
        (ann.user_id,),
    )
    assert sent == 1


async def test_the_page_of_operations_and_its_way_with_the_keyboard(browsing: Browsing, paya: RunningPaya):
    boss = await paya.sign_up()
    await paya.rows("select admin.set_role(%s, true)", ("+1" + "".join(filter(str.isdigit, boss.phone)),))
    job = await paya.value(
        "insert into jobs.procrastinate_jobs (queue_name, task_name, args, status) values ('banking', 'submit_load',"
        " '{\"load_id\": \"11111111-1111-4111-8111-111111111111\"}', 'failed') returning id"
    )  # given up from the start: the worker would be faster than a second statement
    page = await browsing.page(boss, "/settings/")
    await page.get_by_role("link", name="Operations").click()
    replay = page.get_by_role("button", name=f"Replay job {job}")
    await expect(replay).to_be_visible()
    assert not (faults := await measure(page, ARTIFACTS / "pages" / "admin_operations")), faults
    await replay.focus()
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("status").filter(has_text=f"Job {job} waits in its queue again.")).to_be_visible()
    await expect(replay).to_be_hidden()
    await page.get_by_label("Search by reference").fill("LD-0000-0000")
    await expect(page.get_by_text("Nothing here.")).to_be_visible()
