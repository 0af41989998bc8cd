"""Linking a bank: what is said while it is silent, and how many tries are left."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager

from playwright.async_api import expect

from tests.browser.bank_pages import name_a_bank, tell_deposits, type_instead
from tests.support.browsing import Browsing
from tests.support.running import RunningPaya


@contextmanager
def silent_vendors(paya: RunningPaya) -> Iterator[None]:
    """The vendors' stand-ins take calls and answer none while the block runs."""
    pid = paya.programs()["vendors"]
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


async def test_a_silent_bank_is_waited_for_with_words(browsing: Browsing, paya: RunningPaya):
    page = await browsing.page(await paya.sign_up(), "/add/")
    await type_instead(page)
    with silent_vendors(paya):
        await name_a_bank(page)
        await expect(page.locator("#link")).to_have_text("Asking your bank …")
        await expect(page.locator("#link")).to_have_attribute("aria-busy", "true")
        await expect(page.get_by_role("status").filter(has_text="Still waiting")).to_be_visible()
    linked = page.get_by_label("First deposit")
    gave_up = page.get_by_role("alert").filter(has_text="did not answer")
    await expect(linked.or_(gave_up)).to_be_visible()
    if await gave_up.is_visible():  # ten seconds had passed before this slow machine went on
        await page.get_by_role("button", name="Add this account").click()
    await expect(linked).to_be_visible()


async def test_a_bank_that_never_answers_leaves_the_form_as_it_was(browsing: Browsing, paya: RunningPaya):
    # whoever comes first waits for the vendor's token, and knows then that nothing was sent
    first = await browsing.page(await paya.sign_up(), "/add/")
    await name_a_bank(first)
    await expect(first.get_by_label("First deposit")).to_be_visible()
    ann = await paya.sign_up()
    page = await browsing.page(ann, "/add/")
    await type_instead(page)
    with silent_vendors(paya):
        await name_a_bank(page)
        refusal = page.get_by_role("alert").filter(has_text="did not answer")
        await expect(refusal).to_contain_text("once", timeout=40_000)
    await expect(page.get_by_label("Account number")).to_have_value("1234567890")
    await page.get_by_role("button", name="Add this account").click()
    await expect(page.get_by_label("First deposit")).to_be_visible()
    assert await paya.value("select count(*) from banking.source where person = %s", (ann.user_id,)) == 1


async def test_wrong_deposits_say_how_many_tries_are_left_and_then_what_to_do(browsing: Browsing, paya: RunningPaya):
    page = await browsing.page(await paya.sign_up(), "/add/")
    await name_a_bank(page)
    await tell_deposits(page, ".50", ".60")
    await expect(page.get_by_role("alert").filter(has_text="Two tries are left")).to_be_visible()
    await tell_deposits(page, "a half", ".60")
    await expect(page.get_by_role("alert").filter(has_text="like 0.03 and 0.09")).to_be_visible()
    await expect(page.get_by_text("Two tries left")).to_be_visible()
    await tell_deposits(page, ".51", ".61")
    await expect(page.get_by_role("alert").filter(has_text="One try is left")).to_be_visible()
    await page.reload()
    await expect(page.get_by_text("One try left")).to_be_visible()
    await tell_deposits(page, ".52", ".62")
    await expect(page.get_by_role("heading", name="This account cannot be confirmed")).to_be_visible()
    await expect(page.get_by_label("First deposit")).to_have_count(0)
    await page.reload()
    await page.get_by_role("button", name="Link another account").click()
    await name_a_bank(page, "1234567891")
    await tell_deposits(page, ".03", ".09")
    await expect(page.locator("#add-amount")).to_be_visible()
