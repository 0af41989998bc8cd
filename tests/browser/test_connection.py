"""What a page does while the server is away, and when a session ends elsewhere."""

from playwright.async_api import expect

from tests.support.browsing import Browsing
from tests.support.running import RunningPaya


async def test_a_lost_connection_is_said_and_mended(browsing: Browsing, paya: RunningPaya):
    ann, bob = await paya.sign_up(cents=5000), await paya.sign_up(cents=5000)
    page = await browsing.page(ann, "/")
    await expect(page.locator(".home-amt")).to_have_text("$50.00")
    paya.kill_app()
    banner = page.locator("#offline")
    await expect(banner).to_contain_text("Reconnecting")
    await expect(banner).to_contain_text("as of")
    await expect(page.locator(".home-amt")).to_have_text("$50.00")
    await paya.wait_until_up()
    await paya.pay(bob, ann, 250)
    await expect(banner).to_have_count(0, timeout=40_000)
    await expect(page.locator(".home-amt")).to_have_text("$52.50", timeout=40_000)


async def test_a_tap_without_a_connection_keeps_the_app(browsing: Browsing, paya: RunningPaya):
    ann, bob = await paya.sign_up(cents=5000), await paya.sign_up()
    await paya.pay(ann, bob, 300, "before the tunnel")
    page = await browsing.page(ann, "/")
    await expect(page.locator(".home-amt")).to_have_text("$47.00")
    await page.wait_for_function("() => performance.getEntriesByName('pages-here').length > 0")
    await page.context.set_offline(True)
    banner, bar = page.locator("#offline"), page.get_by_role("navigation", name="Places, bottom bar")
    for place, path in (("Activity", "/activity/"), ("Pay", "/pay/")):
        await bar.get_by_role("link", name=place, exact=True).click()
        await expect(page).to_have_url(paya.url + path)
        await expect(page.get_by_role("heading", name=place, level=1)).to_be_visible()
        await expect(banner).to_contain_text("Reconnecting")
    await page.context.set_offline(False)
    await expect(banner).to_have_count(0, timeout=40_000)
    await expect(page.get_by_text(f"@{bob.handle}")).to_be_visible(timeout=40_000)
    await page.go_back()
    await expect(page.get_by_text("before the tunnel")).to_be_visible(timeout=40_000)


async def test_the_pages_work_after_a_restart_forgot_their_state(browsing: Browsing, paya: RunningPaya):
    ann, bob = await paya.sign_up(cents=5000), await paya.sign_up()
    page = await browsing.page(ann, "/activity/")
    await expect(page.get_by_text("Payments and money from your bank will be here")).to_be_visible()
    await paya.pay(ann, bob, 300, "before the restart")
    paya.kill_app()
    await expect(page.locator("#offline")).to_be_visible()
    await paya.wait_until_up()
    await expect(page.locator("#offline")).to_have_count(0, timeout=40_000)
    await page.get_by_role("button", name="Sent").click()
    await expect(page.get_by_text("before the restart")).to_be_visible()


async def test_a_session_ended_elsewhere_can_do_nothing_more(browsing: Browsing, paya: RunningPaya):
    ann, bob = await paya.sign_up(cents=5000), await paya.sign_up()
    phone = await browsing.page(ann, f"/pay/?to={bob.handle}&amount=12")
    await phone.locator("#review").click()
    await expect(phone.locator("#confirm")).to_be_visible()

    await paya.rows("update auth.paya_otp set sent_at = sent_at - interval '1 minute'")
    desk = await browsing.page()
    await desk.context.add_cookies([{"name": "paya", "value": await paya.sign_in(ann.phone), "url": paya.url}])
    await desk.goto("/settings/sessions/")
    await expect(desk.get_by_text("This device")).to_be_visible()
    await desk.get_by_role("button", name="End all others").click()
    await expect(desk.get_by_role("button", name="End all others")).to_have_count(0)

    # the socket is closed within a second; the one that takes its place knows nobody
    await expect(phone.locator("#confirm")).to_have_count(0, timeout=15_000)
    await phone.goto("/activity/")
    await expect(phone).to_have_url(f"{paya.url}/welcome/?next=%2Factivity%2F")
    assert await paya.balance(ann) == 5000
    assert await paya.value("select count(*) from public.payments where sender_id = %s", (ann.user_id,)) == 0


async def test_signing_out_ends_the_session_and_shows_the_landing(browsing: Browsing, paya: RunningPaya):
    ann = await paya.sign_up()
    page = await browsing.page(ann, "/settings/")
    await page.get_by_role("button", name="Sign out").click()
    await expect(page.get_by_role("heading", name="Money between people")).to_be_visible()
    assert not [cookie for cookie in await page.context.cookies() if cookie.get("name") == "paya"]
    await page.context.add_cookies([{"name": "paya", "value": ann.secret, "url": paya.url}])
    await page.goto("/settings/")
    await expect(page).to_have_url(f"{paya.url}/welcome/?next=%2Fsettings%2F")
    assert browsing.troubles == []


async def test_signing_in_leads_back_to_where_one_wanted_to_be(browsing: Browsing, paya: RunningPaya):
    ann = await paya.sign_up()
    await paya.rows("update auth.paya_otp set sent_at = sent_at - interval '1 minute'")
    page = await browsing.page(path="/settings/")
    await page.get_by_label("Phone number").fill(ann.phone)
    await page.get_by_role("button", name="Text me a code").click()
    await page.get_by_label("Code").fill("000000")
    await page.get_by_role("button", name="Continue").click()
    await expect(page.get_by_role("alert").filter(has_text="wrong or too old")).to_be_visible()
    await page.get_by_label("Code").fill(await paya.code_for(ann.phone))
    await page.get_by_role("button", name="Continue").click()
    await expect(page.get_by_role("heading", name="Settings")).to_be_visible()
    assert browsing.troubles == []


async def test_whoever_is_faster_than_the_socket_is_led_back_too(browsing: Browsing, paya: RunningPaya):
    ann = await paya.sign_up()
    await paya.rows("update auth.paya_otp set sent_at = sent_at - interval '1 minute'")
    window = await browsing.window()
    await window.route_web_socket("**/*", lambda _silent: None)  # opened, and never an answer
    page = await browsing.tab(window, "/welcome/?next=%2Fsettings%2F")
    await page.get_by_label("Phone number").fill(ann.phone)
    async with page.expect_request(lambda asked: asked.url.endswith("/session/start")) as asked:
        await page.get_by_role("button", name="Text me a code").click()
    assert "next=%2Fsettings%2F" in ((await asked.value).post_data or "")
    await page.get_by_label("Code").fill(await paya.code_for(ann.phone))
    await page.get_by_role("button", name="Continue").click()
    await expect(page).to_have_url(f"{paya.url}/settings/")


async def test_this_machines_other_name_leads_to_the_one_that_is_us(browsing: Browsing, paya: RunningPaya):
    page = await browsing.page()
    await page.goto(f"http://127.0.0.1:{paya.port}/welcome/?next=%2Fpay%2F")
    await expect(page).to_have_url(f"{paya.url}/welcome/?next=%2Fpay%2F")
