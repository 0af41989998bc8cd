"""A load that is later than expected is said on the page that is open."""

from uuid import UUID, uuid4

from playwright.async_api import expect

from tests.browser.bars import measure
from tests.browser.conftest import ARTIFACTS
from tests.support.browsing import Browsing
from tests.support.running import RunningPaya, Somebody

LATE_MS = 100_000


async def under_way(paya: RunningPaya, who: Somebody, reference: str = "") -> UUID:
    """A load that the vendor accepted just now, and that nobody will ask about for a day."""
    source_id, load_id = uuid4(), uuid4()
    reference = reference or f"LD-{load_id}"
    await paya.rows("insert into banking.customer (person, vendor_id) values (%s, %s)", (who.user_id, str(uuid4())))
    await paya.rows(
        "insert into banking.source (id, person, vendor_id, kind, last4, bank_name, state, created_at)"
        " values (%s, %s, %s, 'checking', '7890', 'A Bank', 'verified', now())",
        (source_id, who.user_id, str(uuid4())),
    )
    await paya.rows(
        "insert into banking.provider_operation (id, kind, state, vendor_ref, requested_at, accepted_at, next_at)"
        " values (%s, 'load', 'pending', %s, now(), now(), now() + interval '1 day')",
        (load_id, str(uuid4())),
    )
    await paya.rows(
        "insert into banking.load (id, person, source_id, amount_cents, reference, created_at)"
        " values (%s, %s, %s, 5000, %s, now())",
        (load_id, who.user_id, source_id, reference),
    )
    return load_id


async def test_a_late_load_is_said_on_the_open_page(browsing: Browsing, paya: RunningPaya):
    ann = await paya.sign_up()
    load_id = await under_way(paya, ann, "LD-7Q4K-22XM")
    page = await browsing.page(ann)
    await page.clock.install()
    await page.goto(f"/activity/{load_id}/")
    await expect(page.get_by_text("Yours to spend")).to_be_visible()
    await expect(page.locator("#late")).to_be_empty()
    # the server's clock cannot be moved from here, so the load is made older; nothing tells the page of that
    await paya.rows("update banking.load set created_at = created_at - interval '10 minutes' where id = %s", (load_id,))
    await page.clock.fast_forward(LATE_MS)
    await expect(page.locator("#late")).to_have_text(
        "Later than expected. Nothing is lost; reference LD-7Q4K-22XM.", timeout=40_000
    )
    assert not (faults := await measure(page, ARTIFACTS / "pages" / "late_load")), faults
