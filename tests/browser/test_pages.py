"""Every page against its bars: axe in light and dark, overflow, targets, errors, bytes; pictures are kept."""

import re
from collections.abc import Awaitable, Callable

import httpx
import pytest
from playwright.async_api import Page, expect

from tests.browser.bars import measure
from tests.browser.conftest import ARTIFACTS
from tests.support.browsing import Browsing, key_in
from tests.support.running import RunningPaya, Somebody

KB = 1000
HOME_BYTES_MAX = 240 * KB
PAGE_BYTES_MAX = 280 * KB
AHEAD_BYTES_MAX = 80 * KB


class Cast:
    """The people of these tests: ann with payments of every kind, lena and dev."""

    def __init__(self, ann: Somebody, lena: Somebody, dev: Somebody, payment: str) -> None:
        self.ann, self.lena, self.dev, self.payment = ann, lena, dev, payment


@pytest.fixture(scope="session")
def _casts() -> dict[int, Cast]:
    return {}


@pytest.fixture
async def cast(paya: RunningPaya, _casts: dict[int, Cast]) -> Cast:
    """Made once per app."""
    if paya.port not in _casts:
        ann = await paya.sign_up(name="Ann Field", cents=24860)
        lena = await paya.sign_up(name="Lena Sørensen", cents=9000)
        dev = await paya.sign_up(name="Dev Patel-Featherstonehaugh the Third", cents=9000)
        await paya.pay(lena, ann, 1890, "the good olive oil", audience="public")
        await paya.pay(dev, lena, 250, "a note " + "that goes on and on " * 13, audience="public")
        await paya.pay(dev, ann, 3100, "vinyl, no scratches this time")
        await paya.pay(ann, lena, 600, "")
        payment = await paya.pay(ann, dev, 1234, "tacos, round two 🌮", audience="public")
        _casts[paya.port] = Cast(ann, lena, dev, str(payment))
    return _casts[paya.port]


Prepare = Callable[[Page, Cast], Awaitable[None]]


async def landing(page: Page, _: Cast) -> None:
    await page.goto("/")
    await expect(page.locator("[data-status=live]")).to_be_visible()


async def welcome(page: Page, _: Cast) -> None:
    await page.goto("/welcome/?error=phone_invalid")
    await expect(page.get_by_role("alert").filter(has_text="not a US phone number")).to_be_visible()


async def verify(page: Page, _: Cast) -> None:
    await page.goto("/verify/?error=code_invalid")
    await expect(page.get_by_role("alert").filter(has_text="wrong or too old")).to_be_visible()


async def person(page: Page, cast: Cast) -> None:
    await page.goto(f"/u/{cast.lena.handle}/")
    await expect(page.get_by_role("link", name="Pay Lena")).to_be_visible()


async def nobody(page: Page, _: Cast) -> None:
    await page.goto("/u/nobody_at_all/")
    await expect(page.get_by_text("Nobody here has that handle")).to_be_visible()


async def home(page: Page, cast: Cast) -> None:
    await page.goto("/")
    await expect(page.locator(".home-amt")).to_be_visible()
    await expect(page.locator("[data-status=live]")).to_be_visible()


async def home_yours(page: Page, cast: Cast) -> None:
    await home(page, cast)
    await page.get_by_role("button", name="Yours").click()
    await expect(page.get_by_text("You paid").first).to_be_visible()


async def pay_who(page: Page, _: Cast) -> None:
    await page.goto("/pay/")
    await page.get_by_label("To", exact=True).fill("nobody_at_all")
    await page.get_by_role("button", name="Continue").click()
    await expect(page.get_by_role("alert").filter(has_text="Nobody at PaYa")).to_be_visible()
    await expect(page.get_by_text("Lena Sørensen")).to_be_visible()


async def pay_form(page: Page, cast: Cast) -> None:
    await page.goto(f"/pay/?to={cast.dev.handle}")
    await key_in(page, "1234.56")
    await page.get_by_label("What is it for?").fill("n" * 260)


async def pay_review(page: Page, cast: Cast) -> None:
    await page.goto(f"/pay/?to={cast.lena.handle}")
    await key_in(page, "12.34")
    await page.get_by_role("button", name="Public").click()
    await page.locator("#review").click()
    await expect(page.locator("#confirm")).to_be_visible()


async def activity(page: Page, _: Cast) -> None:
    await page.goto("/activity/")
    await expect(page.get_by_text("Lena Sørensen").first).to_be_visible()


async def receipt(page: Page, cast: Cast) -> None:
    await page.goto(f"/activity/{cast.payment}/")
    await expect(page.locator("#item-amount")).to_have_text("−$12.34")


async def no_receipt(page: Page, _: Cast) -> None:
    await page.goto("/activity/nothing/")
    await expect(page.get_by_text("There is no such payment")).to_be_visible()


async def add(page: Page, _: Cast) -> None:
    await page.goto("/add/")
    await page.get_by_role("button", name="Type your account number instead").click()
    await expect(page.get_by_label("Routing number")).to_be_visible()


async def add_first(page: Page, _: Cast) -> None:
    await page.goto("/add/")
    await expect(page.get_by_role("link", name="Sign in to your bank")).to_be_visible()


async def link_bank(page: Page, _: Cast) -> None:
    await page.goto("/link-bank/")
    await expect(page.get_by_role("button", name="Choose your bank")).to_be_visible()


async def banks(page: Page, _: Cast) -> None:
    await page.goto("/settings/banks/")
    await expect(page.get_by_role("heading", level=1)).to_be_visible()


async def save_empty(page: Page, _: Cast) -> None:
    await page.goto("/save/")
    await expect(page.locator("#no-plans")).to_be_visible()


async def save_new(page: Page, _: Cast) -> None:
    await page.goto("/save/new/?amount=25")
    await expect(page.locator("#plan-sum")).to_have_text("$25")


async def save_plan(page: Page, _: Cast) -> None:
    await page.goto("/save/nothing/")
    await expect(page.get_by_text("There is no such plan")).to_be_visible()


async def save_withdraw(page: Page, _: Cast) -> None:
    await page.goto("/save/withdraw/")
    await expect(page.locator("#new-address")).to_be_visible()


async def save_lab(page: Page, _: Cast) -> None:
    await page.goto("/save/lab/")
    await page.get_by_role("button", name="Try $25.00").click()
    await expect(page.locator("#range")).to_be_visible()


async def settings(page: Page, cast: Cast) -> None:
    await page.goto("/settings/")
    await expect(page.locator("main").get_by_text(f"@{cast.ann.handle}")).to_be_visible()


async def sessions(page: Page, _: Cast) -> None:
    await page.goto("/settings/sessions/")
    await expect(page.get_by_text("This device")).to_be_visible()


async def api_keys(page: Page, _: Cast) -> None:
    await page.goto("/developers/keys/")
    await page.get_by_role("button", name="Make the key").click()
    await expect(page.get_by_role("alert").filter(has_text="1 to 40 characters")).to_be_visible()


async def webhooks(page: Page, _: Cast) -> None:
    await page.goto("/developers/webhooks/")
    await expect(page.get_by_role("heading", name="First, an API key")).to_be_visible()


async def payments(page: Page, _: Cast) -> None:
    await page.goto("/developers/payments/")
    await expect(page.get_by_role("heading", name="First, an API key")).to_be_visible()


async def proof(page: Page, _: Cast) -> None:
    await page.goto("/proof/")
    await expect(page.locator("#head")).to_have_attribute("data-size", re.compile("[1-9]"))
    await page.locator("#receipt").set_input_files({"name": "r.json", "mimeType": "application/json", "buffer": b"{}"})
    await expect(page.locator("#verdict")).to_contain_text("No, this proves nothing.")


PUBLIC = (landing, welcome, verify, person, nobody, proof)
OWN = (
    home,
    home_yours,
    pay_who,
    pay_form,
    pay_review,
    activity,
    receipt,
    no_receipt,
    add,
    add_first,
    link_bank,
    banks,
    save_empty,
    save_new,
    save_plan,
    save_lab,
    save_withdraw,
    settings,
    sessions,
    api_keys,
    webhooks,
    payments,
)


@pytest.mark.parametrize("prepare", PUBLIC, ids=lambda prepare: prepare.__name__)
async def test_a_page_for_visitors_passes_its_bars(browsing: Browsing, cast: Cast, prepare: Prepare):
    page = await browsing.page()
    await prepare(page, cast)
    assert not (faults := await measure(page, ARTIFACTS / "pages" / prepare.__name__)), faults
    assert browsing.troubles == []


@pytest.mark.parametrize("prepare", OWN, ids=lambda prepare: prepare.__name__)
async def test_a_page_of_ones_own_passes_its_bars(browsing: Browsing, cast: Cast, prepare: Prepare):
    page = await browsing.page(cast.ann)
    await prepare(page, cast)
    assert not (faults := await measure(page, ARTIFACTS / "pages" / prepare.__name__)), faults
    assert browsing.troubles == []


async def test_an_unknown_address_is_a_404_with_a_way_out(browsing: Browsing):
    page = await browsing.page()
    answer = await page.goto("/no/such/page/")
    assert answer is not None
    assert answer.status == 404
    await expect(page.get_by_role("heading", name="There is nothing here")).to_be_visible()
    faults = await measure(page, ARTIFACTS / "pages" / "not_found")
    assert not faults, faults
    await page.get_by_role("link", name="Go to the start page").click()
    await expect(page.get_by_role("heading", name="Money between people")).to_be_visible()


# What the browser asked for before it began to fetch the other pages' code; all of it until it does.
_FIRST_VIEW = """() => {
  const [ahead] = performance.getEntriesByName("pages-ahead");
  const asked = ["navigation", "resource"].flatMap((kind) => performance.getEntriesByType(kind));
  return asked.filter((entry) => !ahead || entry.startTime < ahead.startTime).map((entry) => entry.name);
}"""


@pytest.mark.parametrize("prepare", [landing, *OWN], ids=lambda prepare: prepare.__name__)
async def test_a_page_comes_in_few_bytes(browsing: Browsing, cast: Cast, prepare: Prepare):
    """Everything that the first view loads, as a browser gets it that takes gzip alone: bodies and headers."""
    page = await browsing.page(None if prepare is landing else cast.ann)
    asked: list[str] = []
    page.on("response", lambda response: asked.append(response.url) if response.request.method == "GET" else None)
    await prepare(page, cast)
    await page.wait_for_load_state("networkidle")
    await page.wait_for_function("() => performance.getEntriesByName('pages-here').length > 0")
    first_view = set(await page.evaluate(_FIRST_VIEW))
    assert len(first_view) > 10
    assert await _bytes([url for url in asked if url in first_view]) <= (
        HOME_BYTES_MAX if prepare is landing else PAGE_BYTES_MAX
    )
    assert await _bytes([url for url in asked if url not in first_view]) <= AHEAD_BYTES_MAX


async def test_the_other_pages_are_fetched_after_the_first_view_is_there(browsing: Browsing, cast: Cast):
    page = await browsing.page()
    await landing(page, cast)
    await page.wait_for_function("() => performance.getEntriesByName('pages-here').length > 0")
    loaded, ahead = await page.evaluate("""() => [
      performance.getEntriesByType("navigation")[0].loadEventEnd,
      performance.getEntriesByName("pages-ahead")[0].startTime,
    ]""")
    assert ahead > loaded > 0
    asked = await page.evaluate("() => performance.getEntriesByType('resource').map((entry) => entry.name).join()")
    for path in ("_pay_", "_activity_", "_add_", "_settings_", "_welcome_", "_verify_"):
        assert f"/assets/{path}" in asked


async def test_who_saves_data_is_spared_the_other_pages(browsing: Browsing, cast: Cast):
    page = await browsing.page()
    await page.add_init_script(
        "navigator.connection && Object.defineProperty(navigator.connection, 'saveData', {get: () => true})"
    )
    await landing(page, cast)
    await page.wait_for_function("() => performance.getEntriesByName('pages-spared').length > 0")
    assert await page.evaluate("() => performance.getEntriesByName('pages-ahead').length") == 0


async def _bytes(asked: list[str]) -> int:
    total, marks = 0, dict[str, str]()
    async with httpx.AsyncClient(trust_env=False, timeout=30, headers={"accept-encoding": "gzip"}) as client:
        for url in asked:
            # what is asked again says what it has, as a browser does
            known = {"if-none-match": marks[url]} if url in marks else {}
            async with client.stream("GET", url, headers={"accept": "*/*"} | known) as answer:
                if "etag" in answer.headers:
                    marks[url] = answer.headers["etag"]
                total += sum([len(chunk) async for chunk in answer.aiter_raw()])
                total += sum(len(name) + len(value) + 4 for name, value in answer.headers.raw)
    return total


async def test_nothing_moves_while_home_loads(browsing: Browsing, cast: Cast):
    page = await browsing.page(cast.ann)
    await page.add_init_script("""
      window.moved = [];
      new PerformanceObserver((list) => {
        for (const entry of list.getEntries()) if (!entry.hadRecentInput) window.moved.push(entry.value);
      }).observe({ type: "layout-shift", buffered: true });
    """)
    await home(page, cast)
    assert sum(await page.evaluate("window.moved")) < 0.02


async def test_the_landing_never_flashes_for_people_signed_in(browsing: Browsing, cast: Cast):
    page = await browsing.page(cast.ann)
    await page.add_init_script("""
      window.seen = [];
      document.addEventListener("DOMContentLoaded", () => {
        const look = () => {
          const pitch = document.querySelector(".pitch");
          window.seen.push(Boolean(pitch && pitch.checkVisibility()));
          requestAnimationFrame(look);
        };
        look();
      });
    """)
    await home(page, cast)
    seen = await page.evaluate("window.seen")
    assert len(seen) > 2
    assert not any(seen)


async def test_the_theme_is_there_with_the_first_paint(browsing: Browsing):
    page = await browsing.page(color_scheme="dark")
    await page.add_init_script("""
      document.addEventListener("DOMContentLoaded", () => {
        window.first = getComputedStyle(document.body).backgroundColor;
      });
    """)
    await page.goto("/")
    assert await page.evaluate("window.first") == "rgb(14, 13, 21)"
