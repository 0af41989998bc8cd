"""A receipt, from the page of a payment to the page that checks it, in the browser alone."""

import json

from playwright.async_api import Page, expect

from tests.support.browsing import Browsing, key_in
from tests.support.running import RunningPaya

FILES = "paya-receipt-{}.json"


async def receipt_of_a_new_payment(browsing: Browsing, paya: RunningPaya) -> tuple[Page, bytes, str]:
    """Pay, and take the receipt's file from the payment's page."""
    ann, bob = await paya.sign_up(cents=5000), await paya.sign_up()
    page = await browsing.page(ann, f"/pay/?to={bob.handle}")
    await expect(page.locator("#pay-form")).to_be_visible()
    await key_in(page, "12")
    await page.locator("#review").click()
    await page.locator("#confirm").click()
    await expect(page.locator("#item-amount")).to_have_text("−$12.00")
    payment_id = page.url.split("/activity/")[1].split("/")[0]
    # at once: the server waits for the seal, so that the person need not
    async with page.expect_download() as downloading:
        await page.locator("#receipt-file").click()
    download = await downloading.value
    assert download.suggested_filename == FILES.format(payment_id[-12:])
    return page, (await download.path()).read_bytes(), payment_id


async def check(page: Page, content: bytes) -> str:
    """Drop it, and say what the verdict is."""
    await page.locator("#receipt").set_input_files(
        {"name": "r.json", "mimeType": "application/json", "buffer": content}
    )
    await expect(page.locator("#verdict")).to_be_visible()
    return await page.locator("#verdict").get_attribute("data-verdict") or ""


async def test_a_receipt_is_checked_in_the_browser_and_a_forged_one_refused(browsing: Browsing, paya: RunningPaya):
    page, content, payment_id = await receipt_of_a_new_payment(browsing, paya)
    receipt = json.loads(content)
    assert receipt["transfer"]["id"] == payment_id
    await page.goto("/proof/")
    await expect(page.locator("#head")).to_have_attribute("data-size", str(receipt["head"]["size"]))
    await expect(page.locator("#log-root")).to_have_text(receipt["head"]["log_root"])
    sent = []
    page.on("request", lambda request: sent.append((request.method, request.url)))
    assert await check(page, content) == "yes"
    await expect(page.locator("#verdict")).to_contain_text("The payment of $12.00")
    # nothing of the receipt left the browser: it asked for the public head, and that was all
    assert {(method, url.split("?")[0].removeprefix(paya.url)) for method, url in sent} == {("GET", "/v1/proof/head")}

    def forged(change) -> bytes:
        copy = json.loads(content)
        change(copy)
        return json.dumps(copy).encode()

    for number, change in enumerate(
        (
            lambda r: r["transfer"].update(amount=1201),
            lambda r: r["path"].pop() if r["path"] else r["path"].append("00" * 32),
            lambda r: r["log_path"].pop() if r["log_path"] else r["log_path"].append("00" * 32),
            lambda r: r["head"].update(log_root="11" * 32),
            lambda r: r["seal"].update(at_us=r["seal"]["at_us"] + 1),
        )
    ):
        await page.goto(f"/proof/?try={number}")
        assert await check(page, forged(change)) == "no"
    await page.goto("/proof/")
    assert await check(page, b"hello") == "no"
    assert browsing.troubles == []


async def test_another_persons_receipt_is_not_there(browsing: Browsing, paya: RunningPaya):
    _, _, payment_id = await receipt_of_a_new_payment(browsing, paya)
    eve = await paya.sign_up()
    page = await browsing.page(eve, "/proof/")
    answer = await page.request.get(f"{paya.url}/v1/payments/{payment_id}/receipt")
    assert (answer.status, (await answer.json())["code"]) == (404, "not_found")
    stranger = await browsing.page(None, "/proof/")
    answer = await stranger.request.get(f"{paya.url}/v1/payments/{payment_id}/receipt")
    assert answer.status == 401


async def test_without_a_connection_a_receipt_fits_together_and_no_more(browsing: Browsing, paya: RunningPaya):
    page, content, _ = await receipt_of_a_new_payment(browsing, paya)
    await page.goto("/proof/")
    await expect(page.locator("#head")).to_have_attribute("data-size", str(json.loads(content)["head"]["size"]))
    await page.route("**/v1/proof/head**", lambda route: route.abort())
    assert await check(page, content) == "partly"
