"""The pages that open from mails: looking changes nothing, pressing does, and a mail program's one click too."""

import httpx
import pytest

from paya_app import notifications
from paya_app.api.app import create_api
from paya_app.core.clock import now
from paya_app.notifications.links import confirm_url, unsubscribe_url


@pytest.fixture
async def browser(database):
    transport = httpx.ASGITransport(create_api())
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        yield client


async def test_looking_at_the_link_ends_nothing_and_one_click_does_it_again_and_again(people, browser):
    ann = await people.join("ann")
    await notifications.ask_email(ann, "ann@example.com")
    assert ann.user_id is not None
    url = unsubscribe_url(ann.user_id, "buy.bought", "email")
    for _ in range(2):
        page = await browser.get(url)
        assert (page.status_code, 'method="post"' in page.text) == (200, True)
        await browser.head(url)
    assert ("buy.bought", "email") in (await notifications.my_settings(ann)).wanted
    for _ in range(2):
        # as a mail program sends it: from anywhere, with no cookie
        done = await browser.post(
            url, data={"List-Unsubscribe": "One-Click"}, headers={"origin": "https://mail.example"}
        )
        assert (done.status_code, "Stopped" in done.text) == (200, True)
    assert ("buy.bought", "email") not in (await notifications.my_settings(ann)).wanted


async def test_an_address_is_confirmed_by_the_button_alone(people, browser):
    ann = await people.join("ann")
    await notifications.ask_email(ann, "ann@example.com")
    assert ann.user_id is not None
    url = confirm_url(ann.user_id, "ann@example.com", at=now())
    assert (await browser.get(url)).status_code == 200
    assert (await notifications.my_settings(ann)).email is None
    assert "ann@example.com" in (await browser.post(url)).text
    assert (await notifications.my_settings(ann)).email == "ann@example.com"


@pytest.mark.parametrize("token", ["", "x", "%00", "<script>alert(1)</script>", "A" * 4000])
async def test_what_is_no_link_of_ours_says_so_and_changes_nothing(browser, token):
    for path in ("/notices/unsubscribe", "/notices/confirm"):
        answer = await browser.post(path, params={"token": token})
        assert (answer.status_code, answer.headers["content-type"]) == (403, "text/html; charset=utf-8")
        assert "This link does not work any more." in answer.text
        assert "<script" not in answer.text


async def test_a_link_for_one_thing_does_no_other(people, browser):
    ann = await people.join("ann")
    await notifications.ask_email(ann, "ann@example.com")
    assert ann.user_id is not None
    confirm = confirm_url(ann.user_id, "ann@example.com", at=now())
    unsubscribe = unsubscribe_url(ann.user_id, "buy.bought", "email")
    assert (await browser.post(confirm.replace("/confirm?", "/unsubscribe?"))).status_code == 403
    assert (await browser.post(unsubscribe.replace("/unsubscribe?", "/confirm?"))).status_code == 403
