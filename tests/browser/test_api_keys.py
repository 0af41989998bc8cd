"""Keys as a developer meets them: made, copied once, replaced, revoked; each at the same moment for programs."""

import re

from playwright.async_api import expect

from paya_app.developers import hash_of
from tests.browser.bars import measure
from tests.browser.conftest import ARTIFACTS
from tests.support.browsing import Browsing
from tests.support.running import RunningPaya

ADMIT = "select developers.admit(%s, 'payments:write') ->> 'refused'"


async def test_from_settings_to_a_key_to_its_end(browsing: Browsing, paya: RunningPaya):
    ann = await paya.sign_up()
    page = await browsing.page(ann, "/settings/")
    await page.get_by_role("main").get_by_role("link", name="API keys").click()
    await page.get_by_label("Name").fill("Shop")
    await expect(page.get_by_role("checkbox", name="See charges")).to_be_checked()
    await page.get_by_role("checkbox", name="Simulate").check()
    await page.get_by_role("button", name="Make the key").dblclick()
    await expect(page.get_by_role("heading", name="Copy Shop now")).to_be_visible()
    secret = await page.locator("#secret").inner_text()
    assert re.fullmatch(r"paya_test_[0-9A-Za-z]{49}", secret)
    # pressed twice, made once
    await expect(page.locator("#keys > div")).to_have_count(1)
    await expect(page.locator("#keys")).to_contain_text(f"…{secret[-4:]}")
    await expect(page.locator("#keys")).to_contain_text("payments:read, payments:write, sim:write")
    await expect(page.locator("#keys")).to_contain_text("never used")
    assert not (faults := await measure(page, ARTIFACTS / "api_keys" / "made")), faults
    await page.get_by_role("button", name="I have copied it").click()
    await expect(page.locator("#secret")).to_have_count(0)
    assert await paya.value(ADMIT, (hash_of(secret),)) is None

    await page.get_by_role("button", name="Replace Shop").click()
    await expect(page.get_by_role("dialog")).to_contain_text("24 hours more")
    await page.wait_for_timeout(800)  # the sheet takes no press at first, so that a double one decides nothing
    await page.locator("#act").click()
    await expect(page.get_by_role("heading", name="Copy Shop now")).to_be_visible()
    other = await page.locator("#secret").inner_text()
    assert other != secret
    await expect(page.locator("#keys")).to_contain_text("replaced")
    assert [await paya.value(ADMIT, (hash_of(each),)) for each in (secret, other)] == [None, None]

    # left and come back to, it is shown no more
    await page.goto("/developers/keys/")
    await expect(page.locator("#keys > div")).to_have_count(2)
    await expect(page.locator("#secret")).to_have_count(0)
    assert secret not in await page.content()
    for index, key in enumerate((other, secret)):
        await page.get_by_role("button", name="Revoke Shop").first.click()
        await expect(page.get_by_role("dialog")).to_contain_text("opens nothing")
        await page.wait_for_timeout(800)
        await page.locator("#act").click()
        await expect(page.locator("#keys").get_by_text("revoked", exact=True)).to_have_count(index + 1)
        assert await paya.value(ADMIT, (hash_of(key),)) == "api_key_revoked"
    assert browsing.troubles == []
