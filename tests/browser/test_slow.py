"""Pages on a slow connection: what is drawn is what the address names, or nothing yet."""

from collections.abc import Callable

import pytest
from playwright.async_api import Locator, Page, WebSocketRoute, expect

from tests.support.browsing import Browsing
from tests.support.running import RunningPaya, Somebody
from tests.web.test_handlers import make_plan


class Slow:
    """Holds back what the server says to the page while `waiting`, then lets it all through."""

    def __init__(self) -> None:
        self.waiting = False
        self._held: list[Callable[[], None]] = []

    def follow(self, socket: WebSocketRoute) -> None:
        """Stand between the page's socket and the server."""
        server = socket.connect_to_server()

        def from_server(message: str | bytes) -> None:
            if self.waiting:
                self._held.append(lambda: socket.send(message))
            else:
                socket.send(message)

        socket.on_message(server.send)
        server.on_message(from_server)

    def let_through(self) -> None:
        """The connection is quick again."""
        self.waiting = False
        for send in self._held:
            send()
        self._held.clear()


async def slow_page(browsing: Browsing, who: Somebody | None) -> tuple[Page, Slow]:
    page, slow = await browsing.page(who), Slow()
    await page.route_web_socket("**/_event/**", slow.follow)
    return page, slow


@pytest.fixture
async def two(paya: RunningPaya) -> tuple[Somebody, Somebody]:
    return await paya.sign_up(name="Ann Lee", cents=10_000), await paya.sign_up(name="Bob Ray", cents=10_000)


async def audiences(paya: RunningPaya, *ids: object) -> list[str]:
    """Each payment's audience on its sender's side."""
    return [await paya.value("select sender_audience from public.payments where id = %s", (id_,)) for id_ in ids]


async def is_drawn(page: Page) -> None:
    """Nothing stands in for what is still to come, and the letters are the page's own."""
    await expect(page.locator("main .bone")).to_have_count(0)
    await page.evaluate("document.fonts.ready")


async def top_of(part: Locator) -> float:
    """Where it begins; how long the feed is depends on what others pay meanwhile."""
    box = await part.bounding_box()
    assert box is not None
    return box["y"]


async def test_the_receipt_before_is_never_drawn_for_the_one_that_is_coming(browsing, paya, two):
    ann, bob = two
    first = await paya.pay(ann, bob, 111, "the first")
    second = await paya.pay(ann, bob, 222, "the second")
    page, slow = await slow_page(browsing, ann)
    await page.goto("/activity/")
    await page.get_by_role("link", name="the first").click()
    await expect(page.locator("#item-amount")).to_have_text("−$1.11")
    await page.get_by_label("Back").click()
    await expect(page.get_by_role("link", name="the second")).to_be_visible()
    slow.waiting = True
    await page.get_by_role("link", name="the second").click()
    await page.wait_for_url(f"**/activity/{second}/")
    await expect(page.locator("main [aria-busy=true]")).to_be_visible()
    await expect(page.locator("#item-amount")).to_have_count(0)
    await expect(page.get_by_role("button", name="Public")).to_have_count(0)
    assert "the first" not in await page.locator("main").inner_text()
    slow.let_through()
    await expect(page.locator("#item-amount")).to_have_text("−$2.22")
    await page.get_by_role("button", name="Public").click()
    await expect(page.get_by_role("button", name="Public")).to_have_attribute("aria-pressed", "true")
    assert await audiences(paya, first, second) == ["private", "public"]
    assert browsing.troubles == []


async def test_the_person_before_is_never_drawn_for_the_one_that_is_coming(browsing, paya, two):
    ann, bob = two
    await paya.pay(ann, bob, 100, "known to all", audience="public")
    page, slow = await slow_page(browsing, None)
    await page.goto(f"/u/{ann.handle}/")
    await expect(page.get_by_role("heading", name="Ann Lee")).to_be_visible()
    slow.waiting = True
    await page.get_by_role("link", name="Bob Ray").click()
    await page.wait_for_url(f"**/u/{bob.handle}/")
    await expect(page.locator("main [aria-busy=true]")).to_be_visible()
    await expect(page.get_by_role("heading", name="Ann Lee")).to_have_count(0)
    await expect(page.get_by_role("link", name="Pay Ann Lee")).to_have_count(0)
    slow.let_through()
    await expect(page.get_by_role("heading", name="Bob Ray")).to_be_visible()
    await expect(page.get_by_role("link", name="Pay Bob Ray")).to_be_visible()


async def test_a_plans_review_is_busy_until_the_server_has_answered(browsing: Browsing, paya: RunningPaya):
    ann = await paya.sign_up(cents=50_000)
    page, slow = await slow_page(browsing, ann)
    await page.goto("/save/new/?amount=25")
    review = page.get_by_role("button", name="Review $25.00 a week")
    await expect(review).to_be_visible()
    slow.waiting = True
    await review.click()
    await expect(page.locator("#review")).to_have_text("Checking …")
    await expect(page.locator("#review")).to_have_attribute("aria-busy", "true")
    slow.let_through()
    await expect(page.get_by_role("dialog")).to_contain_text("Check and start")
    await expect(page.locator("#confirm")).to_have_attribute("aria-disabled", "false")
    await page.get_by_role("dialog").get_by_role("button", name="Change").click()
    await page.get_by_role("button", name="More options").click()
    await page.get_by_label("On a dip of").fill("5")
    await review.click()
    await expect(page.get_by_role("alert").filter(has_text="by how much the price falls")).to_be_visible()
    await expect(review).to_have_attribute("aria-busy", "false")
    assert browsing.troubles == []


async def test_the_next_buy_pushes_nothing_away_once_home_knows_of_plans(browsing: Browsing, paya: RunningPaya):
    ann = await paya.sign_up(cents=50_000)
    await make_plan(paya, ann)
    page, slow = await slow_page(browsing, ann)
    await page.goto("/")
    await expect(page.locator("#next-buy")).to_be_visible()
    feed = page.locator("#feed")
    await is_drawn(page)
    before = await top_of(feed)
    await page.add_init_script("""
      window.moved = [];
      new PerformanceObserver((list) => {
        for (const entry of list.getEntries()) if (!entry.hadRecentInput) window.moved.push(entry.value);
      }).observe({ type: "layout-shift", buffered: true });
    """)
    slow.waiting = True
    await page.reload()
    await expect(page.locator("main .bone").first).to_be_visible()
    await expect(page.locator("#next-buy")).to_have_count(0)
    await page.evaluate("document.fonts.ready")
    assert await top_of(feed) == before
    slow.let_through()
    await expect(page.locator("#next-buy")).to_be_visible()
    await is_drawn(page)
    assert await top_of(feed) == before
    assert sum(await page.evaluate("window.moved")) < 0.02
    assert browsing.troubles == []
