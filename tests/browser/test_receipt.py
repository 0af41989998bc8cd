"""The receipt after paying, and what a person lets be seen of payments to them."""

import pytest
from playwright.async_api import expect

from tests.support.browsing import DESK, Browsing, key_in
from tests.support.event_socket import event_socket
from tests.support.running import RunningPaya, Somebody

CHOOSE = "paya_app___web___pages___activity_item____item_state.choose_audience"


@pytest.fixture
async def two(paya: RunningPaya) -> tuple[Somebody, Somebody]:
    return await paya.sign_up(name="Ann Lee", cents=10_000), await paya.sign_up(name="Bob Ray", cents=10_000)


async def test_after_paying_the_keyboard_is_at_the_receipts_title(browsing: Browsing, two):
    ann, bob = two
    page = await browsing.page(ann, f"/pay/?to={bob.handle}")
    await key_in(page, "1.00")
    await page.locator("#review").click()
    await page.locator("#confirm").click()
    await expect(page.locator("#item-amount")).to_have_text("−$1.00")
    await expect(page.get_by_role("heading", name="Receipt", level=1)).to_be_focused()


@pytest.mark.parametrize("width", [320, 390, 1280])
async def test_the_reference_is_whole_and_can_be_copied(browsing: Browsing, paya: RunningPaya, two, width: int):
    ann, bob = two
    payment_id = str(await paya.pay(ann, bob, 100, "kept"))
    page = await browsing.page(ann, viewport={"width": width, "height": 800})
    await page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    await page.goto(f"/activity/{payment_id}/")
    reference = page.locator("#reference")
    await expect(reference).to_have_text(payment_id)
    assert await reference.evaluate(
        "e => e.scrollWidth <= e.clientWidth && e.getBoundingClientRect().right <= innerWidth"
    )
    await page.get_by_role("button", name="Copy the reference").click()
    await expect(page.get_by_role("status").filter(has_text="Copied")).to_be_visible()
    assert await page.evaluate("navigator.clipboard.readText()") == payment_id
    assert browsing.troubles == []


async def test_a_choice_made_for_another_receipt_is_refused(paya: RunningPaya, two):
    """As when the page went on to another payment while the event was on its way."""
    ann, bob = two
    meant, open_now = await paya.pay(ann, bob, 100, "meant"), await paya.pay(ann, bob, 100, "open now")
    async with event_socket(paya.url, cookie=ann.secret) as socket:
        answer = await socket.send(
            f"reflex___state____state.{CHOOSE}",
            {"audience": "public", "item": str(meant)},
            path=f"/activity/{open_now}/",
            query={"item": str(open_now)},
        )
    assert "Nothing was changed" in answer.text
    found = await paya.rows(
        "select sender_audience from public.payments where id = any(%s)", ([str(meant), str(open_now)],)
    )
    assert found == [("private",), ("private",)]


async def test_payments_to_somebody_who_keeps_them_private_show_nowhere(browsing: Browsing, paya: RunningPaya, two):
    ann, bob = two
    watcher = await browsing.page(path="/", viewport=DESK)
    await expect(watcher.locator("[data-status=live]")).to_be_visible()
    page = await browsing.page(bob, "/settings/")
    group = page.get_by_role("group", name="Payments to you")
    await expect(group.get_by_role("button", name="Sender decides")).to_have_attribute("aria-pressed", "true")
    await group.get_by_role("button", name="Private").click()
    await expect(page.get_by_text("Only you and the sender see payments to you")).to_be_visible()
    await page.reload()
    await expect(group.get_by_role("button", name="Private")).to_have_attribute("aria-pressed", "true")

    hidden = await paya.pay(ann, bob, 100, "not for the feed", audience="public")
    shown = await paya.pay(bob, ann, 100, "for the feed", audience="public")
    await expect(watcher.locator(f"[data-id='{shown}']")).to_be_visible()
    await expect(watcher.locator(f"[data-id='{hidden}']")).to_have_count(0)
    receipt = await browsing.page(ann, f"/activity/{hidden}/")
    await expect(receipt.get_by_text("Bob Ray keeps it private, so only the two of you see it.")).to_be_visible()
    events = await paya.rows("select kind from events.event where subject = %s order by id", (bob.user_id,))
    assert events[-1] == ("person.privacy_changed",)
    assert browsing.troubles == []
