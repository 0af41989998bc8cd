"""The keypad paints in the browser, however slow the network is."""

from typing import Any

from playwright.async_api import expect

from tests.support.browsing import Browsing
from tests.support.running import RunningPaya

_PRESS = """async () => {
  const amount = document.getElementById("pay-amount");
  for (let n = 0; n < 40; n++) {
    const key = n % 2 ? "del" : "7";
    const before = amount.textContent;
    document.querySelector(`[data-key='${key}']`).click();
    await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
    if (amount.textContent === before) throw new Error("the key was not painted in the next frame");
  }
}"""


async def test_a_key_is_painted_in_the_next_frame_and_asks_nobody(browsing: Browsing, paya: RunningPaya):
    ann, bob = await paya.sign_up(cents=5000), await paya.sign_up()
    page = await browsing.page(ann, f"/pay/?to={bob.handle}")
    await expect(page.locator("#pay-form")).to_be_visible()
    session = await page.context.new_cdp_session(page)
    await session.send("Network.enable")
    events: list[str] = []

    def sent(frame: dict[str, Any]) -> None:
        payload = frame["response"]["payloadData"]
        # an event of the page to the server; the rest are heartbeats. No key asks for `refresh`: only the live hint
        # does, once it has joined, whenever that is
        if payload.startswith("42") and "pay_state.refresh" not in payload:
            events.append(payload)

    session.on("Network.webSocketFrameSent", sent)
    await page.evaluate(_PRESS)
    assert events == []


async def test_the_keys_make_amounts_and_nothing_else(browsing: Browsing, paya: RunningPaya):
    ann, bob = await paya.sign_up(cents=5000), await paya.sign_up()
    page = await browsing.page(ann, f"/pay/?to={bob.handle}")
    await expect(page.locator("#pay-form")).to_be_visible()
    shown = page.locator("#pay-amount")
    for typed, expected in {
        ".": "$0.",
        "..5": "$0.5",
        "005": "$5",
        "12.345": "$12.34",
        "1234567": "$123,456",
        "1e5-": "$15",
        "٣": "$0",
    }.items():
        await page.keyboard.type(typed)
        await expect(shown).to_have_text(expected)
        for _ in range(8):
            await page.keyboard.press("Backspace")
    await expect(page.get_by_role("button", name="Enter an amount")).to_be_disabled()
