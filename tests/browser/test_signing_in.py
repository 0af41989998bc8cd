"""The way in as people meet it: where the focus is after each step, wrong codes, and being signed out by others."""

from uuid import uuid4

from playwright.async_api import Page, expect

from tests.support.browsing import Browsing
from tests.support.running import RunningPaya


async def ask_for_a_code(page: Page, phone: str) -> None:
    await page.get_by_label("Phone number").fill(phone)
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("heading", name="Enter the code")).to_be_visible()


async def test_the_focus_goes_along_by_keyboard_alone(browsing: Browsing, paya: RunningPaya):
    page, phone = await browsing.page(path="/welcome/"), paya.next_phone()
    keys = page.keyboard
    field = page.get_by_label("Phone number")
    await expect(field).to_be_focused()
    await keys.type("555")
    await keys.press("Enter")
    await expect(page.get_by_role("alert").filter(has_text="like (202) 555-0123")).to_be_visible()
    await expect(field).to_be_focused()
    await expect(field).to_have_value("555")
    await keys.press("Control+a")
    await keys.type(phone)
    await keys.press("Enter")
    code = page.get_by_label("Code")
    await expect(code).to_be_focused()
    await keys.type("000000")
    await keys.press("Enter")
    await expect(page.get_by_role("alert").filter(has_text="wrong or too old")).to_be_visible()
    await expect(code).to_be_focused()
    await keys.type(await paya.code_for(phone))
    await keys.press("Enter")
    name = page.get_by_label("Name")
    await expect(name).to_be_focused()
    await keys.type("Kay Step")
    await keys.press("Tab")
    await expect(page.get_by_label("Handle")).to_be_focused()
    await keys.type("no")
    await keys.press("Enter")
    await expect(page.get_by_role("alert").filter(has_text="3 to 20 of")).to_be_visible()
    await expect(page.get_by_label("Handle")).to_be_focused()
    await keys.press("Control+a")
    await keys.type(f"k{uuid4().hex[:10]}")
    await keys.press("Enter")
    await expect(page.locator(".home-amt")).to_have_text("$0.00")
    await expect(page.locator("#content")).to_be_focused()
    assert browsing.troubles == []


async def test_from_place_to_place_the_focus_is_on_the_new_page(browsing: Browsing, paya: RunningPaya):
    page = await browsing.page(await paya.sign_up(), "/settings/")
    await expect(page.get_by_role("heading", name="Settings")).to_be_visible()
    assert await page.evaluate("document.activeElement.tagName") == "BODY", "a page that was opened starts at its top"
    await page.get_by_role("navigation", name="bottom bar").get_by_role("link", name="Activity").press("Enter")
    await expect(page.get_by_role("heading", name="Activity", level=1)).to_be_visible()
    await expect(page.locator("#content")).to_be_focused()


async def test_six_wrong_codes_and_a_new_one_works_at_once(browsing: Browsing, paya: RunningPaya):
    page, phone = await browsing.page(path="/welcome/"), paya.next_phone()
    await ask_for_a_code(page, phone)
    right = await paya.code_for(phone)
    for number in range(1, 7):
        await page.get_by_label("Code").fill(f"{(int(right) + number) % 10**6:06d}")
        await page.get_by_role("button", name="Continue").click()
        words = "Ask for a new one" if number == 6 else "wrong or too old"
        await expect(page.get_by_role("alert").filter(has_text=words)).to_be_visible()
    await expect(page.locator("#code-fault")).not_to_contain_text("min")
    await paya.rows(
        "update auth.paya_otp set sent_at = sent_at - interval '1 minute' where phone = %s",
        ("1" + "".join(digit for digit in phone if digit.isdigit()),),
    )
    await page.get_by_role("button", name="Send a new code").click()
    await expect(page.get_by_text("A new code is on its way.")).to_be_visible()
    await page.get_by_label("Code").fill(await paya.code_for(phone))
    await page.get_by_role("button", name="Continue").click()
    await expect(page.get_by_label("Handle")).to_be_visible()


async def test_whoever_is_ended_from_another_device_reads_so_once(browsing: Browsing, paya: RunningPaya):
    ann = await paya.sign_up()
    there = await browsing.page(ann, "/settings/sessions/")
    await expect(there.get_by_text("This device")).to_be_visible()
    await paya.rows("update auth.paya_otp set sent_at = sent_at - interval '1 minute'")
    here = await browsing.page(path="/welcome/")
    await ask_for_a_code(here, ann.phone)
    await here.get_by_label("Code").fill(await paya.code_for(ann.phone))
    await here.get_by_role("button", name="Continue").click()
    await expect(here.get_by_text("Available")).to_be_visible()
    await here.goto("/settings/sessions/")
    await here.get_by_role("button", name="End all others").click()
    words = there.get_by_text("You were signed out: this session was ended from another device.")
    await expect(there.get_by_role("heading", name="What is your phone number?")).to_be_visible(timeout=40_000)
    await expect(words).to_be_visible()
    await there.reload()
    await expect(there.get_by_role("heading", name="What is your phone number?")).to_be_visible()
    await expect(words).to_have_count(0)


async def test_a_restricted_account_says_why_on_home_and_where_it_is_refused(browsing: Browsing, paya: RunningPaya):
    ann, bob = await paya.sign_up(cents=5000), await paya.sign_up()
    page = await browsing.page(ann, "/")
    await expect(page.locator(".home-amt")).to_have_text("$50.00")
    await paya.rows("select risk.impose(%s, 'restricted', 'late_return')", (ann.user_id,))
    banner = page.get_by_text("Your account is restricted: your bank took back a transfer after it had arrived.")
    await expect(banner).to_be_visible(timeout=40_000)
    await page.goto(f"/pay/?to={bob.handle}&amount=12")
    await page.locator("#review").click()
    await page.locator("#confirm").click()
    refusal = page.get_by_role("alert").filter(has_text="Your account is restricted: it can be paid, but cannot pay.")
    await expect(refusal).to_be_visible()
    assert await paya.balance(ann) == 5000
    case = await paya.value("select case_reference from risk.account_case where person = %s", (ann.user_id,))
    await page.goto("/")
    await expect(page.get_by_text(f"Ask us about case {case}.")).to_be_visible()
    await paya.rows("select risk.lift(%s, 'paid back')", (case,))
    await page.goto("/")
    await expect(page.locator(".home-amt")).to_have_text("$50.00")
    await expect(page.get_by_text(f"case {case}")).to_have_count(0)
