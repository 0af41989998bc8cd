"""Without a mouse: the journey completes, and the focus is always to be seen."""

from playwright.async_api import Page, expect

from tests.support.browsing import DESK, Browsing
from tests.support.running import RunningPaya

_FOCUSED = """() => {
  const element = document.activeElement;
  const style = getComputedStyle(element);
  const name = element.labels?.[0]?.innerText || element.getAttribute("aria-label") || element.innerText || "";
  const ring = style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2;
  const box = element.getBoundingClientRect();
  return { name: name.trim(), tag: element.tagName, ring, inView: box.bottom > 0 && box.top < innerHeight };
}"""
STOPS_MAX = 60


async def tab_to(page: Page, name: str, tag: str = "") -> None:
    """Press Tab until what has the focus is called so; every stop on the way shows that it has it."""
    passed = []
    for _ in range(STOPS_MAX):
        await page.keyboard.press("Tab")
        focused = await page.evaluate(_FOCUSED)
        if focused["tag"] in ("BODY", "HTML"):
            continue
        passed.append(focused["name"] or focused["tag"])
        assert focused["ring"], f"no focus ring on {focused}"
        if focused["name"] == name and (not tag or focused["tag"] == tag):
            return
    raise AssertionError(f"Tab never came to {name!r}, but to {passed}")


async def test_signing_up_and_paying_by_keyboard_alone(browsing: Browsing, paya: RunningPaya):
    bob = await paya.sign_up(name="Bob Stone")
    page = await browsing.page(path="/", viewport=DESK)
    keys = page.keyboard
    phone = paya.next_phone()
    await tab_to(page, "Start with your phone", "A")
    await keys.press("Enter")
    await expect(page.get_by_label("Phone number")).to_be_visible()
    await tab_to(page, "Phone number", "INPUT")
    await keys.type(phone)
    await keys.press("Enter")
    await expect(page.get_by_label("Code")).to_be_focused()
    await keys.type(await paya.code_for(phone))
    await keys.press("Enter")
    await expect(page.get_by_label("Name")).to_be_focused()
    await keys.type("Kay Board")
    await tab_to(page, "Handle", "INPUT")
    await keys.type("kay_board")
    await keys.press("Enter")
    await expect(page.locator(".home-amt")).to_have_text("$0.00")
    user_id = await paya.value("select id from public.profiles where handle = 'kay_board'")
    await paya.rows(
        "select ledger.post(gen_random_uuid(), ledger.system_account('reserve'), ledger.wallet_of(%s), 5000, 'test')",
        (user_id,),
    )
    await tab_to(page, "Pay", "A")
    await keys.press("Enter")
    await expect(page.get_by_label("To", exact=True)).to_be_visible()
    await tab_to(page, "To", "INPUT")
    await keys.type(f"@{bob.handle}")
    await keys.press("Enter")
    await expect(page.locator("#pay-form")).to_be_visible()
    await keys.type("12.34")
    await expect(page.locator("#pay-amount")).to_have_text("$12.34")
    await tab_to(page, "What is it for?", "TEXTAREA")
    await keys.type("typed, not clicked")
    await tab_to(page, "Review $12.34 to Bob", "BUTTON")
    await keys.press("Enter")
    await expect(page.get_by_role("dialog")).to_be_visible()
    await keys.press("Escape")
    await expect(page.get_by_role("dialog")).to_have_count(0)
    await page.locator("#review").focus()
    await keys.press("Enter")
    await expect(page.locator("#confirm")).to_be_enabled()
    await tab_to(page, "Pay $12.34", "BUTTON")
    await keys.press("Enter")
    await expect(page.locator("#item-amount")).to_have_text("−$12.34")
    assert await paya.balance(bob) == 1234
    assert browsing.troubles == []


async def test_the_first_stop_leads_past_the_ways_around(browsing: Browsing, paya: RunningPaya):
    page = await browsing.page(await paya.sign_up(), "/settings/", viewport=DESK)
    await expect(page.get_by_role("heading", name="Settings")).to_be_visible()
    await page.keyboard.press("Tab")
    await expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    await page.keyboard.press("Enter")
    await tab_to(page, "My page, as others see it", "A")


async def test_a_sheet_keeps_the_focus_inside(browsing: Browsing, paya: RunningPaya):
    ann, bob = await paya.sign_up(cents=5000), await paya.sign_up()
    page = await browsing.page(ann, f"/pay/?to={bob.handle}&amount=5")
    await page.locator("#review").click()
    await expect(page.locator("#confirm")).to_be_visible()
    for _ in range(6):
        await page.keyboard.press("Tab")
        outside = await page.evaluate("() => Boolean(document.activeElement.closest('main, nav, aside'))")
        assert not outside
