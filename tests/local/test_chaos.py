"""The chaos page: what it says, what it changes, and who may not."""

import httpx
import pytest

from paya_app.local.chaos import ANSWERS, WEBHOOKS, Chaos, Mischief, Mischiefs, create_chaos
from tests.support.bank import opened, working
from tests.support.dwolla import free_socket, listening, until


@pytest.fixture
async def client(database):
    held = free_socket()
    url = f"http://localhost:{held.getsockname()[1]}"
    async with listening(create_chaos(), held), httpx.AsyncClient(base_url=url, trust_env=False, timeout=30) as client:
        yield client
    held.close()


async def mischiefs(client) -> dict:
    return (await client.get("/local/chaos/mischiefs")).json()["mischiefs"]


async def test_each_vendor_has_a_card_that_says_what_it_does(client):
    page = (await client.get("/local/chaos/")).text
    for name in ("Dwolla", "Plaid", "Kraken", "Twilio"):
        assert f"{name} answers as it should." in page
    assert "<script" not in page
    for answers in ANSWERS:
        for webhooks in WEBHOOKS:
            form = {"vendor": "dwolla", "answers": answers, "webhooks": webhooks}
            done = await client.post("/local/chaos/", data=form)
            assert (done.status_code, done.headers["location"]) == (303, "/local/chaos/#dwolla")
            assert (await mischiefs(client))["dwolla"] == form
    page = (await client.get("/local/chaos/")).text
    assert "Its webhooks come six seconds late." in page
    assert page.count('aria-pressed="true"') == 6  # two for Dwolla and Plaid; Kraken and Twilio send no webhooks here
    assert (await mischiefs(client))["plaid"] == {"vendor": "plaid", "answers": "well", "webhooks": "well"}


async def test_one_is_changed_and_the_other_stays(client):
    await client.post("/local/chaos/", data={"vendor": "plaid", "webhooks": "twice"})
    await client.post("/local/chaos/", data={"vendor": "plaid", "answers": "down"})
    assert (await mischiefs(client))["plaid"] == {"vendor": "plaid", "answers": "down", "webhooks": "twice"}


@pytest.mark.parametrize(
    "form", [{"vendor": "bank"}, {"vendor": "dwolla", "answers": "gone"}, {}, {"vendor": "dwolla" * 1000}]
)
async def test_what_does_not_exist_changes_nothing(client, form):
    assert (await client.post("/local/chaos/", data=form)).status_code == 422
    assert {each["answers"] for each in (await mischiefs(client)).values()} == {"well"}


@pytest.mark.parametrize("headers", [{"host": "evil.example"}, {"origin": "http://evil.example"}, {"origin": "null"}])
async def test_pages_of_other_origins_change_nothing(client, headers):
    form = {"vendor": "dwolla", "answers": "down"}
    assert (await client.post("/local/chaos/", data=form, headers=headers)).status_code == 403
    assert (await mischiefs(client))["dwolla"]["answers"] == "well"


async def test_webhooks_that_come_twice_and_in_any_order_end_the_same(database, people):
    url = database.url("paya_vendors")
    store = Mischiefs(url)
    ann = await people.join("ann")
    async with opened(database, subscribed=True, wrap=lambda app, _: Chaos(app, "dwolla", url)) as bank:
        source = await bank.link(ann)
        async with working():
            for webhooks in ("twice", "reordered"):
                await store.set(Mischief("dwolla", webhooks=webhooks))
                load = await bank.start(ann, 2000, source)

                async def state(load=load) -> str:
                    return (await bank.load(ann, load)).state

                await until(lambda: _is(state, "pending"), within_s=30)
                await bank.dwolla.simulate()
                await bank.dwolla.simulate()
                await until(lambda: _is(state, "cleared"), within_s=30)
        assert await bank.ledger() == {"reserve": -4000, "wallet": 4000}
    await store.aclose()


async def _is(state, wanted: str) -> bool:
    return await state() == wanted
