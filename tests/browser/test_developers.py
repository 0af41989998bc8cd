"""What developers see of their webhooks and test charges: set up, sent, looked at, sent again; a week in a press."""

import re
from uuid import uuid4

from playwright.async_api import Page, expect
from psycopg.types.json import Jsonb
from starlette.responses import Response

from tests.browser.bars import measure
from tests.browser.conftest import ARTIFACTS
from tests.support.browsing import Browsing
from tests.support.running import RunningPaya, Somebody
from tests.webhooks.receiving import receiving

OPENS_S = 0.8  # a sheet takes no press at first, so that a double one decides nothing
EXECUTE = "select charges.execute(%s, (select id from developers.account where owner = %s), %s, %s)"


async def make_key(page: Page) -> None:
    """From a page that asks for a key first, to a key."""
    await page.get_by_role("main").get_by_role("link", name="Make an API key").click()
    await page.get_by_label("Name").fill("Shop")
    await page.get_by_role("button", name="Make the key").click()
    await page.get_by_role("button", name="I have copied it").click()


async def decide(page: Page, button: str) -> None:
    """Press a button of the open sheet."""
    await expect(page.get_by_role("dialog")).to_be_visible()
    await page.wait_for_timeout(OPENS_S * 1000)
    await page.get_by_role("dialog").get_by_role("button", name=button).click()


async def test_an_endpoint_is_told_and_every_try_is_seen(browsing: Browsing, paya: RunningPaya):
    ann = await paya.sign_up()
    frames: list[str] = []
    async with receiving() as receiver:
        page = await browsing.page(ann)
        page.on("websocket", lambda socket: socket.on("framesent", lambda frame: frames.append(str(frame))))
        await page.goto("/settings/")
        await page.get_by_role("main").get_by_role("link", name="Webhooks").click()
        await make_key(page)
        await page.get_by_role("main").get_by_role("link", name="Webhooks").click()
        await page.get_by_label("Address").fill("my shop")
        await page.get_by_role("button", name="Add the endpoint").click()
        await expect(page.get_by_role("alert").filter(has_text="Write the whole address")).to_be_visible()
        await page.get_by_label("Address").fill(receiver.url)
        await page.get_by_label("Description").fill("My shop")
        await page.get_by_role("checkbox", name="Captured").check()
        await page.get_by_role("button", name="Add the endpoint").dblclick()
        await expect(page.get_by_role("heading", name="Copy the secret now")).to_be_visible()
        secret = await page.locator("#secret").inner_text()
        assert re.fullmatch(r"whsec_[A-Za-z0-9+/]{43}=", secret)
        # pressed twice, made once
        await expect(page.locator("#endpoints > div")).to_have_count(1)
        await expect(page.locator("#endpoints")).to_contain_text("Told of payment.captured")
        await page.get_by_role("button", name="I have copied it").click()
        await page.get_by_role("button", name="Send a test").dblclick()
        await expect(page.locator("#deliveries > a")).to_have_count(1)
        await expect(page.locator("#deliveries")).to_contain_text("accepted")
        assert not (faults := await measure(page, ARTIFACTS / "developers" / "webhooks")), faults

        await page.locator("#deliveries > a").click()
        await expect(page.locator("#tries > li")).to_have_count(1)
        (came,) = receiver.came
        assert came.read(secret)["type"] == "webhook.test"
        assert await page.locator("#body").inner_text() == came.body.decode()
        await expect(page.locator("#tries")).to_contain_text(f"webhook-signature: {came.headers['webhook-signature']}")
        await expect(page.locator("#curl")).to_contain_text(f"curl {receiver.url}")

        receiver.answer = lambda _: Response("The shop is closed", 503)
        await page.get_by_role("button", name="Send again").dblclick()
        await expect(page.locator("#tries > li").nth(1)).to_be_visible()  # and a third in 5 s
        await expect(page.locator("#tries > li").first).to_contain_text("The shop is closed")
        await expect(page.locator("#tries > li").first).to_contain_text("503")
        assert len({each.id for each in receiver.came}) == 1

        frames.clear()
        await page.locator("#check-secret").fill(secret)
        await page.get_by_role("button", name="Check", exact=True).click()
        await expect(page.locator("#signature-verdict")).to_contain_text("Yes, this was signed")
        await page.locator("#check-body").press_sequentially(" ")
        await page.get_by_role("button", name="Check", exact=True).click()
        await expect(page.locator("#signature-verdict")).to_contain_text("No, this was not signed")
        # nothing of it was told to the server
        assert not [frame for frame in frames if secret in frame]
        await page.evaluate("scrollTo(0, 0)")
        assert not (faults := await measure(page, ARTIFACTS / "developers" / "delivery")), faults

    assert browsing.troubles == []


async def test_an_endpoint_gets_another_secret_is_disabled_recovered_and_removed(browsing: Browsing, paya: RunningPaya):
    ann = await paya.sign_up()
    async with receiving() as receiver:
        page = await browsing.page(ann, "/developers/webhooks/")
        await make_key(page)
        await page.get_by_role("main").get_by_role("link", name="Webhooks").click()
        receiver.answer = lambda _: 500
        await page.get_by_label("Address").fill(receiver.url)
        await page.get_by_role("button", name="Add the endpoint").click()
        secret = await page.locator("#secret").inner_text()
        await page.get_by_role("button", name="I have copied it").click()
        await page.get_by_role("button", name="Send a test").click()
        await expect(page.locator("#deliveries")).to_contain_text("1 try")
        await page.get_by_role("button", name="New secret").click()
        await decide(page, "New secret")
        await expect(page.locator("#secret")).to_be_visible()
        assert await page.locator("#secret").inner_text() != secret
        await expect(page.locator("#endpoints")).to_contain_text("The secret before signs too until")
        await page.get_by_role("button", name="Disable").click()
        await decide(page, "Disable")
        await expect(page.locator("#endpoints")).to_contain_text("You turned it off")
        await page.get_by_label("Show").select_option("given_up")
        await expect(page.locator("#deliveries > a")).to_have_count(1)
        receiver.answer = lambda _: 200
        await page.get_by_role("button", name="Enable").click()
        await page.get_by_role("button", name="Recover").click()
        await decide(page, "Since an hour ago")
        await expect(page.get_by_role("status").filter(has_text="1 delivery is sent once more")).to_be_visible()
        await page.get_by_label("Show").select_option("accepted")
        await expect(page.locator("#deliveries > a")).to_have_count(1)
        await page.get_by_role("button", name="Remove").click()
        await decide(page, "Remove")
        await expect(page.locator("#endpoints")).to_have_count(0)
    assert browsing.troubles == []


async def test_a_charge_settles_when_the_clock_is_turned(browsing: Browsing, paya: RunningPaya):
    ann = await paya.sign_up()
    page = await browsing.page(ann, "/developers/payments/")
    await make_key(page)
    paid, captured = str(uuid4()), str(uuid4())
    await execute(paya, ann, "authorize", paid, amount_minor=4200, currency="EUR", card="visa", metadata={"order": "7"})
    await execute(paya, ann, "capture", captured, charge_id=paid)
    await execute(paya, ann, "refund", str(uuid4()), charge_id=paid, amount_minor=1200, reason="requested_by_customer")
    await execute(paya, ann, "authorize", str(uuid4()), amount_minor=999, currency="USD", card="lost")
    await page.get_by_role("main").get_by_role("link", name="Test payments").click()
    await expect(page.locator("#charges > a")).to_have_count(2)
    await page.get_by_label("Show").select_option("declined")
    await expect(page.locator("#charges > a")).to_have_count(1)
    await expect(page.locator("#charges")).to_contain_text("lost card")
    await page.get_by_label("Show").select_option("")
    await page.get_by_role("button", name="+1 hour").click()
    await expect(page.get_by_role("status").filter(has_text="Nothing fell due")).to_be_visible()
    before = await page.locator("#clock time").get_attribute("datetime")
    await page.get_by_role("button", name="+7 days").dblclick()
    await expect(page.get_by_role("status").filter(has_text=re.compile("fell due and w"))).to_be_visible()
    after = await page.locator("#clock time").get_attribute("datetime")
    # pressed twice, turned once
    assert (before or "") < (after or "")
    ahead = 'select floor(extract(epoch from "offset") / 86400)::integer from charges.account_clock'
    assert await paya.value(f"{ahead} where account_id = {OF}", (ann.user_id,)) == 7
    assert not (faults := await measure(page, ARTIFACTS / "developers" / "payments")), faults

    await page.locator("#charges > a").filter(has_text="€42.00").click()
    await expect(page.locator("#captures")).to_contain_text("settled")
    await expect(page.locator("#captures")).to_contain_text(captured)
    await expect(page.locator("#refunds")).to_contain_text("€12.00")
    await expect(page.locator("#object")).to_contain_text('"order": "7"')
    assert not (faults := await measure(page, ARTIFACTS / "developers" / "charge")), faults

    await page.get_by_role("link", name="Back").click()
    await page.get_by_role("button", name="Freeze").click()
    await decide(page, "Freeze")
    await expect(page.get_by_text("stands still", exact=True)).to_be_visible()
    frozen = f"select count(*) from charges.account_clock where account_id = {OF} and frozen_at is not null"
    assert await paya.value(frozen, (ann.user_id,)) == 1
    assert browsing.troubles == []


OF = "(select id from developers.account where owner = %s)"


async def execute(paya: RunningPaya, who: Somebody, operation: str, made: str, **request: object) -> None:
    """What a program of theirs does to charges."""
    await paya.rows(EXECUTE, (operation, who.user_id, made, Jsonb(request)))
