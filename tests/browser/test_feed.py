"""The live feed on the start page, as a signed-out visitor meets it."""

import pytest
from playwright.async_api import Page, ViewportSize, WebSocketRoute, expect

from tests.support.browsing import DESK, Browsing
from tests.support.running import RunningPaya, Somebody
from tests.support.waiting import until

SENDS_AN_HOUR = 10


@pytest.fixture
async def two(paya: RunningPaya) -> tuple[Somebody, Somebody]:
    return await paya.sign_up(name="Ann Lee", cents=10_000), await paya.sign_up(name="Bob Ray", cents=10_000)


async def watch(browsing: Browsing, viewport: ViewportSize = DESK) -> Page:
    page = await browsing.page(path="/", viewport=viewport)
    await expect(page.locator("[data-status=live]")).to_be_visible()
    return page


def _let_hang(_socket: WebSocketRoute) -> None:
    """A proxy that takes sockets and passes nothing on."""


def row_of(page: Page, payment_id):
    return page.locator(f"[data-id='{payment_id}']")


async def test_a_payment_appears_once_with_names_note_and_age(browsing, paya, two):
    ann, bob = two
    page = await watch(browsing)
    payment_id = await paya.pay(ann, bob, 1234, "tacos, round two", audience="public")
    row = row_of(page, payment_id)
    await expect(row).to_have_count(1)
    await expect(row).to_contain_text("Ann Lee paid Bob Ray")
    await expect(row).to_contain_text("tacos, round two")
    await expect(row.locator("time")).to_have_text("just now")
    assert "12.34" not in await page.content()
    assert await page.locator("li[data-id]").first.get_attribute("data-id") == str(payment_id)
    await page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    await page.wait_for_load_state("networkidle")
    await expect(row).to_have_count(1)
    assert browsing.troubles == []


async def test_a_private_payment_never_appears(browsing, paya, two):
    ann, bob = two
    page = await watch(browsing)
    private = await paya.pay(ann, bob, 100, "between us")
    public = await paya.pay(ann, bob, 100, "for all", audience="public")
    await expect(row_of(page, public)).to_be_visible()
    await expect(row_of(page, private)).to_have_count(0)
    assert "between us" not in await page.content()


async def test_what_is_hidden_vanishes_without_a_reload_and_may_come_back(browsing, paya, two):
    ann, bob = two
    page, second = await watch(browsing), await watch(browsing)
    payment_id = await paya.pay(ann, bob, 100, "shown", audience="public")
    await expect(row_of(page, payment_id)).to_be_visible()
    await paya.act(bob, "select wallet.set_audience(%s, 'private')", (payment_id,))
    for watcher in (page, second):
        await expect(row_of(watcher, payment_id)).to_have_count(0)
    await paya.act(bob, "select wallet.set_audience(%s, 'public')", (payment_id,))
    await expect(row_of(page, payment_id)).to_have_count(1)


async def test_names_lead_to_their_pages(browsing, paya, two):
    ann, bob = two
    page = await watch(browsing)
    payment_id = await paya.pay(ann, bob, 100, "hello", audience="public")
    await row_of(page, payment_id).get_by_role("link", name="Bob Ray").click()
    await page.wait_for_url(f"**/u/{bob.handle}/")


@pytest.mark.parametrize(
    "note",
    [
        "<script>window.hit=1</script><img src=x onerror='window.hit=1'>",
        "\u202egnp.exe \u2066 reversed",
        "'; drop table public.payments; --",
        "{{7*7}} ${7*7} %s",
        "😀👩‍👩‍👧‍👦" * 20,
        "ا" * 280,
        "x" * 280,
    ],
)
async def test_a_note_is_inert_text(browsing, paya, two, note):
    ann, bob = two
    page = await watch(browsing, viewport={"width": 320, "height": 640})
    payment_id = await paya.pay(ann, bob, 100, note, audience="public")
    row = row_of(page, payment_id)
    await expect(row).to_be_visible()
    assert await row.locator("bdi").last.text_content() == note
    assert await row.evaluate("row => row.querySelectorAll('script, img').length") == 0
    assert await page.evaluate("window.hit") is None
    # a note of another direction turns nothing around it
    first, last = row.locator("bdi").nth(0), row.locator("bdi").nth(1)
    assert (await first.text_content(), await last.text_content()) == ("Ann Lee", "Bob Ray")
    assert await page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
    assert browsing.troubles == []


async def test_an_age_grows_by_itself(browsing, paya, two):
    ann, bob = two
    page = await browsing.page(viewport=DESK)
    await page.clock.install()
    await page.goto("/")
    await expect(page.locator("[data-status=live]")).to_be_visible()
    payment_id = await paya.pay(ann, bob, 100, "ages", audience="public")
    age = row_of(page, payment_id).locator("time")
    await expect(age).to_have_text("just now")
    await page.clock.fast_forward(80_000)
    await expect(age).to_have_text("1 min")
    await page.clock.fast_forward(3 * 3_600_000)
    await expect(age).to_have_text("3 h")


async def test_a_screen_reader_hears_the_new_row_and_not_the_list(browsing, paya, two):
    ann, bob = two
    page = await watch(browsing)
    await paya.pay(ann, bob, 100, "said", audience="public")
    spoken = page.locator("[data-status] [role=status][aria-live=polite]")
    await expect(spoken).to_have_text("New: Ann Lee paid Bob Ray")
    assert await page.locator("ol[aria-live]").count() == 0


COUNT_MOVES = """
window.moves = [];
const animate = Element.prototype.animate;
Element.prototype.animate = function (frames, timing) {
  if (this.closest("[data-status]")) window.moves.push(timing.duration);
  return animate.call(this, frames, timing);
};
"""


@pytest.mark.parametrize(("wish", "moves"), [("reduce", False), ("no-preference", True)])
async def test_a_new_row_moves_briefly_or_not_at_all(browsing, paya, two, wish, moves):
    ann, bob = two
    page = await browsing.page(viewport=DESK, reduced_motion=wish)
    await page.add_init_script(COUNT_MOVES)
    await page.goto("/")
    await expect(page.locator("[data-status=live]")).to_be_visible()
    payment_id = await paya.pay(ann, bob, 100, "moves", audience="public")
    await expect(row_of(page, payment_id)).to_be_visible()
    durations = await page.evaluate("window.moves")
    assert bool(durations) is moves
    assert all(ms <= 200 for ms in durations)


async def test_older_rows_follow_without_gap_or_repeat(browsing, paya):
    bob = await paya.sign_up(name="Bob Ray")
    made = []
    for _ in range(6):
        ann = await paya.sign_up(name="Ann Lee", cents=10_000)
        made += [await paya.pay(ann, bob, 100, f"old {n}", audience="public") for n in range(SENDS_AN_HOUR)]
    page = await watch(browsing)
    rows = page.locator("li[data-id]")
    assert await rows.count() < len(made)
    while await row_of(page, made[0]).count() == 0:
        before = await rows.count()
        await page.get_by_role("button", name="Show more").click()
        await expect(rows.nth(before)).to_be_visible()
    shown = await rows.evaluate_all("rows => rows.map(row => row.dataset.id)")
    assert shown[: len(made)] == [str(payment_id) for payment_id in reversed(made)]
    assert len(set(shown)) == len(shown)


async def test_a_feed_that_does_not_load_says_so_and_tries_again(browsing, paya, two):
    ann, bob = two
    payment_id = await paya.pay(ann, bob, 100, "in the end", audience="public")
    page = await browsing.page(viewport=DESK)
    await page.route("**/v1/feed*", lambda route: route.abort())
    await page.goto("/")
    await expect(page.get_by_text("The feed did not load. Payments and balances are not affected.")).to_be_visible()
    await page.unroute("**/v1/feed*")
    await page.get_by_role("button", name="Try again").click()
    await expect(row_of(page, payment_id)).to_be_visible()
    await expect(page.locator("[data-status=live]")).to_be_visible()


async def test_while_the_server_is_gone_the_page_says_how_old_it_is_and_then_catches_up(browsing, paya, two):
    ann, bob = two
    page = await watch(browsing)
    seen = await paya.pay(ann, bob, 100, "before", audience="public")
    await expect(row_of(page, seen)).to_be_visible()
    hidden = await paya.pay(ann, bob, 100, "hidden meanwhile", audience="public")
    await expect(row_of(page, hidden)).to_be_visible()
    await page.route_web_socket("**/realtime/v1/websocket*", _let_hang)
    paya.kill_app()
    missed = await paya.pay(ann, bob, 100, "meanwhile", audience="public")
    await paya.act(ann, "select wallet.set_audience(%s, 'private')", (hidden,))
    await expect(page.get_by_text("reconnecting…")).to_contain_text("As of ")
    await expect(row_of(page, seen)).to_be_visible()
    await paya.wait_until_up()
    await expect(row_of(page, missed)).to_be_visible(timeout=60_000)
    await expect(row_of(page, hidden)).to_have_count(0)


async def test_after_a_crash_of_the_server_the_feed_is_live_again(browsing, paya, two):
    ann, bob = two
    page = await watch(browsing)
    paya.kill_app()
    await paya.wait_until_up()
    await expect(page.locator("[data-status=live]")).to_be_visible(timeout=60_000)
    payment_id = await paya.pay(ann, bob, 100, "after the crash", audience="public")
    await expect(row_of(page, payment_id)).to_be_visible()


async def test_ones_own_page_follows_without_a_reload(browsing, paya, two):
    ann, bob = two
    page = await browsing.page(bob, "/")
    await expect(page.locator(".home-amt")).to_have_text("$100.00")
    async with page.expect_response("**/session/realtime-token"):
        await page.reload()
    await expect(page.locator(".home-amt")).to_have_text("$100.00")
    await paya.pay(ann, bob, 234, "a hint")
    await expect(page.locator(".home-amt")).to_have_text("$102.34")
    assert browsing.troubles == []


async def test_what_happens_while_the_page_is_still_joining_is_not_missed(browsing, paya, two):
    ann, bob = two
    held: list[tuple[WebSocketRoute, str | bytes]] = []
    is_slow = True

    def follow(socket: WebSocketRoute) -> None:
        server = socket.connect_to_server()
        socket.on_message(lambda said: held.append((server, said)) if is_slow else server.send(said))
        server.on_message(socket.send)

    page = await browsing.page(bob)
    await page.route_web_socket("**/realtime/v1/websocket*", follow)
    await page.goto("/")
    await expect(page.locator(".home-amt")).to_have_text("$100.00")

    async def is_joining() -> bool:
        return any("user:" in str(said) for _, said in held)

    async def is_told() -> bool:
        """Everything that happened was handed to realtime."""
        return await paya.value(
            "select not exists (select from events.event e left join events.event_position p on p.event_id = e.id"
            " where p.position is null or p.position > (select position from events.mark where consumer = 'realtime'))"
        )

    await until(is_joining)
    await paya.pay(ann, bob, 234, "too early to be heard")
    await until(is_told)
    is_slow = False
    for server, said in held:
        server.send(said)
    await expect(page.locator(".home-amt")).to_have_text("$102.34")


async def test_a_visitor_asks_for_no_token(browsing):
    page = await browsing.page(viewport=DESK)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    await page.goto("/")
    await expect(page.locator("[data-status=live]")).to_be_visible()
    assert not [url for url in asked if "/session/" in url]


async def test_demo_people_are_marked_in_the_row_and_others_are_not(browsing, paya, two):
    ann, bob = two
    demo = await paya.sign_up(name="Demi Moor", cents=1000)
    await paya.rows("update public.profiles set is_demo = true where id = %s", (demo.user_id,))
    page = await watch(browsing)
    real = await paya.pay(ann, bob, 100, "real", audience="public")
    made = await paya.pay(demo, bob, 100, "made", audience="public")
    await expect(row_of(page, made)).to_contain_text("demo")
    await expect(row_of(page, made).get_by_text("Demi Moor is a demo person")).to_have_count(1)
    await expect(row_of(page, real)).to_be_visible()
    await expect(row_of(page, real)).not_to_contain_text("demo")


async def test_a_page_of_a_home_that_was_replaced_follows_the_new_one(browsing, paya, two):
    """The key that the page began with opens nothing any more; the next answer of the feed has the right one."""
    ann, bob = two
    page = await browsing.page(viewport=DESK)
    await page.clock.install()

    async def with_the_old_key(route):
        answer = await route.fetch()
        body = await answer.json()
        body["realtime"]["apikey"] = "of-a-home-that-is-gone"
        await route.fulfill(response=answer, json=body)

    await page.route("**/v1/feed*", with_the_old_key)
    async with page.expect_websocket(lambda socket: "of-a-home-that-is-gone" in socket.url):
        await page.goto("/")
    await expect(page.locator("[data-status=joining]")).to_be_attached()
    await page.unroute("**/v1/feed*")
    await page.clock.run_for(16_000)
    await expect(page.locator("[data-status=live]")).to_be_visible()
    payment_id = await paya.pay(ann, bob, 100, "in the new home", audience="public")
    await expect(row_of(page, payment_id)).to_be_visible()


@pytest.mark.parametrize("width", [320, 390])
async def test_names_are_whole_on_a_phone(browsing, paya, width):
    ann = await paya.sign_up(name="Community Fridge", cents=1000)
    bob = await paya.sign_up(name="Dev Patel-Featherstonehaugh the Third")
    page = await watch(browsing, viewport={"width": width, "height": 640})
    row = row_of(page, await paya.pay(ann, bob, 100, "stock", audience="public"))
    await expect(row).to_be_visible()
    cut = "links => links.filter(link => link.scrollWidth > link.clientWidth).map(link => link.textContent)"
    assert await row.get_by_role("link").evaluate_all(cut) == []
    assert await page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
