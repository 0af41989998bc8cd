"""One payment, however often it is sent: by double click, reload, a second tab, back, and a killed server."""

from playwright.async_api import Page, WebSocketRoute, expect

from tests.support.browsing import Browsing, key_in
from tests.support.running import RunningPaya, Somebody
from tests.support.waiting import until


async def ready_to_confirm(page: Page, to: Somebody, amount: str, note: str = "") -> str:
    """Fill the form in and open the review; the page's payment id."""
    await page.goto(f"/pay/?to={to.handle}")
    await expect(page.locator("#pay-form")).to_be_visible()
    await key_in(page, amount)
    if note:
        await page.get_by_label("What is it for?").fill(note)
    await page.locator("#review").click()
    await expect(page.locator("#confirm")).to_be_visible()
    return page.url.split("id=")[1].split("&")[0]


async def payments_of(paya: RunningPaya, who: Somebody) -> int:
    return await paya.value("select count(*) from public.payments where sender_id = %s", (who.user_id,))


async def test_a_double_click_is_one_payment(browsing: Browsing, paya: RunningPaya):
    ann, bob = await paya.sign_up(cents=5000), await paya.sign_up()
    page = await browsing.page(ann)
    payment_id = await ready_to_confirm(page, bob, "12")
    await page.locator("#confirm").dblclick()
    await expect(page.locator("#item-amount")).to_have_text("−$12.00")
    assert payment_id in page.url
    assert await payments_of(paya, ann) == 1
    assert await paya.balance(ann) == 3800
    assert browsing.troubles == []


async def test_going_back_to_a_used_page_shows_the_receipt(browsing: Browsing, paya: RunningPaya):
    ann, bob = await paya.sign_up(cents=5000), await paya.sign_up()
    page = await browsing.page(ann, "/")
    payment_id = await ready_to_confirm(page, bob, "1")
    used = page.url
    await page.locator("#confirm").click()
    await expect(page.locator("#item-amount")).to_have_text("−$1.00")
    await page.goto(used)
    await expect(page).to_have_url(f"{paya.url}/activity/{payment_id}/")
    await page.go_back()
    await expect(page.locator("#confirm")).to_have_count(0)
    assert await payments_of(paya, ann) == 1


async def test_a_reload_keeps_what_was_typed_and_the_payments_id(browsing: Browsing, paya: RunningPaya):
    ann, bob = await paya.sign_up(cents=5000), await paya.sign_up()
    page = await browsing.page(ann)
    payment_id = await ready_to_confirm(page, bob, "3.5", "for the bus")
    await page.reload()
    await expect(page.locator("#pay-amount")).to_have_text("$3.5")
    await expect(page.get_by_label("What is it for?")).to_have_value("for the bus")
    await page.locator("#review").click()
    await page.locator("#confirm").click()
    await expect(page.locator("#item-amount")).to_have_text("−$3.50")
    assert payment_id in page.url
    assert await payments_of(paya, ann) == 1


async def test_the_same_page_in_two_tabs_pays_once(browsing: Browsing, paya: RunningPaya):
    ann, bob = await paya.sign_up(cents=5000), await paya.sign_up()
    window = await browsing.window(ann)
    first = await browsing.tab(window)
    await ready_to_confirm(first, bob, "7")
    second = await browsing.tab(window, first.url)
    await key_in(second, "7")
    await second.locator("#review").click()
    await first.locator("#confirm").click()
    await expect(first.locator("#item-amount")).to_have_text("−$7.00")
    await second.locator("#confirm").click()
    await expect(second.locator("#item-amount")).to_have_text("−$7.00")
    assert await payments_of(paya, ann) == 1


async def test_a_used_page_refuses_another_payment(browsing: Browsing, paya: RunningPaya):
    ann, bob = await paya.sign_up(cents=5000), await paya.sign_up()
    window = await browsing.window(ann)
    first = await browsing.tab(window)
    await ready_to_confirm(first, bob, "7")
    second = await browsing.tab(window, first.url)
    await key_in(second, "8")
    await second.locator("#review").click()
    await first.locator("#confirm").click()
    await expect(first.locator("#item-amount")).to_have_text("−$7.00")
    await second.locator("#confirm").click()
    await expect(second.get_by_role("alert").filter(has_text="has already made another payment")).to_be_visible()
    assert await payments_of(paya, ann) == 1


async def test_killed_after_commit_then_reloaded_is_one_payment(browsing: Browsing, paya: RunningPaya):
    """The server commits, its answer never arrives, it is killed; the page finds its receipt by the id."""
    ann, bob = await paya.sign_up(cents=5000), await paya.sign_up()
    window = await browsing.window(ann)
    page = await browsing.tab(window)
    deaf = False

    def through(socket: WebSocketRoute) -> None:
        server = socket.connect_to_server()
        server.on_message(lambda message: None if deaf else socket.send(message))

    await page.route_web_socket("**/_event/**", through)
    payment_id = await ready_to_confirm(page, bob, "12.34")
    other = await browsing.tab(window, page.url)
    await key_in(other, "12.34")
    await expect(other.locator("#review")).to_be_enabled()
    deaf = True
    await page.locator("#confirm").click()
    await expect(page.locator("#confirm")).to_have_text("Sending …")
    await until(lambda: payments_of(paya, ann))
    paya.kill_app()
    await expect(other.locator("#offline")).to_be_visible()
    await paya.wait_until_up()
    deaf = False
    await page.reload()
    await expect(page.locator("#item-amount")).to_have_text("−$12.34")
    await expect(page).to_have_url(f"{paya.url}/activity/{payment_id}/")
    await other.reload()
    await expect(other.locator("#item-amount")).to_have_text("−$12.34")
    assert await payments_of(paya, ann) == 1
    assert await paya.balance(ann) == 5000 - 1234


async def test_a_page_that_the_server_forgot_still_pays_once(browsing: Browsing, paya: RunningPaya):
    """No load event comes to help: the page reviews from its address alone."""
    ann, bob = await paya.sign_up(cents=5000), await paya.sign_up()
    window = await browsing.window(ann)
    page = await browsing.tab(window)
    await page.goto(f"/pay/?to={bob.handle}")
    await key_in(page, "4")
    await expect(page.locator("#review")).to_be_enabled()
    payment_id = page.url.split("id=")[1].split("&")[0]
    await page.evaluate("() => sessionStorage.setItem('token', crypto.randomUUID())")
    paya.kill_app()
    await expect(page.locator("#offline")).to_be_visible()
    await paya.wait_until_up()
    await expect(page.locator("#offline")).to_have_count(0, timeout=40_000)
    await page.locator("#review").click()
    await page.locator("#confirm").click()
    await expect(page.locator("#item-amount")).to_have_text("−$4.00")
    assert payment_id in page.url
    assert await payments_of(paya, ann) == 1


async def test_a_refusal_says_where_the_money_is_and_goes_on_under_a_new_id(browsing: Browsing, paya: RunningPaya):
    ann, bob = await paya.sign_up(cents=1500), await paya.sign_up()
    page = await browsing.page(ann)
    payment_id = await ready_to_confirm(page, bob, "12")
    await paya.pay(ann, bob, 500)
    await page.locator("#confirm").click()
    alert = page.get_by_role("alert").filter(has_text="Not sent. You have $10.00 available.")
    await expect(alert).to_be_visible()
    await expect(page.locator("#review")).to_be_disabled()
    assert await payments_of(paya, ann) == 1
    await expect(page).not_to_have_url(f"**{payment_id}**")
    await page.get_by_role("button", name="Delete").click()
    await page.locator("#review").click()
    await page.locator("#confirm").click()
    await expect(page.locator("#item-amount")).to_have_text("−$1.00")
    assert payment_id not in page.url
    assert browsing.troubles == []


async def test_a_prefilled_link_sends_nothing_by_itself(browsing: Browsing, paya: RunningPaya):
    ann, bob = await paya.sign_up(cents=5000), await paya.sign_up()
    page = await browsing.page(ann, f"/pay/?to={bob.handle}&amount=12.34&note=tacos")
    await expect(page.locator("#pay-amount")).to_have_text("$12.34")
    await expect(page.get_by_label("What is it for?")).to_have_value("tacos")
    await expect(page.get_by_role("button", name="Review $12.34")).to_be_enabled()
    await expect(page.locator("#confirm")).to_have_count(0)
    assert await payments_of(paya, ann) == 0


async def test_a_payments_id_opens_nothing_for_others(browsing: Browsing, paya: RunningPaya):
    ann, bob, eve = await paya.sign_up(cents=5000), await paya.sign_up(), await paya.sign_up(cents=500)
    payment_id = await paya.pay(ann, bob, 1234, "a private matter")
    page = await browsing.page(eve, f"/activity/{payment_id}/")
    await expect(page.get_by_text("There is no such payment or transfer here")).to_be_visible()
    await page.goto(f"/pay/?id={payment_id}&to={bob.handle}")
    await key_in(page, "1")
    await page.locator("#review").click()
    await page.locator("#confirm").click()
    await expect(page.get_by_role("alert").filter(has_text="has already made another payment")).to_be_visible()
    assert "a private matter" not in await page.content()
    assert await payments_of(paya, eve) == 0


async def test_no_header_with_a_secret_reaches_the_page(browsing: Browsing, paya: RunningPaya):
    ann = await paya.sign_up()
    page = await browsing.page(ann)
    heard: list[str] = []
    page.on("websocket", lambda socket: socket.on("framereceived", lambda frame: heard.append(str(frame))))
    await page.goto("/settings/")
    await expect(page.locator("main").get_by_text(f"@{ann.handle}")).to_be_visible()
    said = "\n".join(heard)
    assert "raw_headers" in said
    assert "x-paya-session" in said
    assert ann.secret not in said
    assert '"cookie"' not in said


async def test_a_new_payment_begins_empty_and_private(browsing: Browsing, paya: RunningPaya):
    ann, bob = await paya.sign_up(cents=5000), await paya.sign_up()
    page = await browsing.page(ann, f"/pay/?to={bob.handle}")
    await page.locator("[data-key='7']").click()
    await page.get_by_label("What is it for?").fill("secret")
    await page.get_by_text("Public", exact=True).click()
    await page.goto(f"/pay/?to={bob.handle}")
    await expect(page.locator("#pay-amount")).to_have_text("$0")
    await expect(page.get_by_label("What is it for?")).to_have_value("")
    await expect(page.get_by_text("Everyone sees names and note")).to_have_count(0)
