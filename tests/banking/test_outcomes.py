"""When the vendor is down, slow, confused or silent: one load is one transfer, and nobody sends blindly."""

import asyncio

import pytest

from paya_app import banking
from paya_app.core import db
from paya_app.core.actor import Actor
from paya_app.core.errors import PayaError
from paya_app.providers import dwolla as provider
from paya_app.providers.outcome import Rejected, Retryable, Unknown
from tests.support.bank import opened

PROBLEM = b'{"code": "ServerError", "message": "A server error occurred."}'


class Faulty:
    """Stands before the stand-in and spoils what is asked of it next."""

    def __init__(self):
        self.faults: list[str] = []
        self.lists: list[str] = []  # the code with which the next list of transfers is refused

    def wrap(self, app, _base_url):
        async def spoiled(scope, receive, send):
            if (
                scope["type"] == "http"
                and self.lists
                and scope["method"] == "GET"
                and scope["path"].endswith("/transfers")
            ):
                body = b'{"code": "%s", "message": "no"}' % self.lists.pop().encode()
                await send({"type": "http.response.start", "status": 403, "headers": []})
                await send({"type": "http.response.body", "body": body})
                return
            orders = scope["type"] == "http" and (scope["method"], scope["path"]) == ("POST", "/transfers")
            if not orders or not self.faults:
                await app(scope, receive, send)
                return
            fault = self.faults.pop(0)
            if fault.startswith("done,"):
                # the work is done, its answer is lost
                async def nowhere(_message):
                    pass

                await app(scope, receive, nowhere)
            status, headers, body = {
                "done, 500": (500, [], PROBLEM),
                "done, no location": (201, [], b""),
                "done, gateway": (502, [], b'{"error": "Bad Gateway", "status": 502}'),
                "500": (500, [], PROBLEM),
                "409": (409, [], b'{"code": "Conflict", "message": "busy"}'),
                "429": (429, [(b"retry-after", b"1")], b'{"code": "TooManyRequests", "message": "wait"}'),
                "html": (502, [], b"<html>Bad gateway"),
                "done, cut": (0, [], b""),
            }[fault]
            if not status:
                raise ConnectionResetError
            await send({"type": "http.response.start", "status": status, "headers": headers})
            await send({"type": "http.response.body", "body": body})

        return spoiled


@pytest.fixture
async def faulty(database):
    spoiler = Faulty()
    async with opened(database, wrap=spoiler.wrap) as bank:
        bank.faults = spoiler.faults
        yield bank


async def state(bank) -> tuple:
    return (await bank.database.rows("select state, attempts, last_error from banking.provider_operation"))[0]


@pytest.mark.parametrize("fault", ["done, 500", "done, no location", "done, gateway", "500", "409", "html"])
async def test_an_unknown_outcome_is_asked_for_and_the_order_is_one_transfer(faulty, people, fault):
    ann = await people.join("ann")
    load = await faulty.start(ann, 5000)
    faulty.faults.append(fault)
    with pytest.raises(Unknown):
        await banking.submit_load(load.id)
    assert (await state(faulty))[:2] == ("submitted", 1)
    await banking.submit_load(load.id)
    assert (await state(faulty)) == ("pending", 2, "")
    assert await faulty.dwolla.transfer_count() == 1
    await faulty.settle()
    assert await faulty.ledger() == {"reserve": -5000, "wallet": 5000}


async def test_too_many_requests_is_not_sent_and_waits(faulty, people):
    ann = await people.join("ann")
    load = await faulty.start(ann, 5000)
    faulty.faults.append("429")
    with pytest.raises(Retryable) as failure:
        await banking.submit_load(load.id)
    assert failure.value.retry_after_s == 1
    assert (await state(faulty))[:2] == ("queued", 0)
    await banking.submit_load(load.id)
    assert (await state(faulty))[0] == "pending"


async def test_while_the_vendor_is_down_it_is_queued_and_says_so(bank, people, monkeypatch):
    ann = await people.join("ann")
    load = await bank.start(ann, 5000)
    from paya_app.core.config import settings

    with monkeypatch.context() as down:
        down.setenv("DWOLLA_BASE_URL", "http://127.0.0.1:9")
        settings.cache_clear()
        await bank.work()
        found = await bank.load(ann, load)
        assert found.state == "queued"
        assert found.stages[1].detail == "Queued. Your bank hears from us as soon as it answers."
        assert found.stages[-1].expected_at is None
        await bank.database.rows("update jobs.procrastinate_jobs set scheduled_at = null")
        await bank.work()
    settings.cache_clear()
    assert await bank.dead_letters() == []
    await bank.database.rows("update jobs.procrastinate_jobs set scheduled_at = null")
    await bank.work()
    assert (await bank.load(ann, load)).state == "pending"
    assert await bank.dwolla.transfer_count() == 1
    # an open page learns of it by the event, once
    assert await bank.event_kinds(load) == ["load.requested", "load.delayed", "load.submitted"]


async def test_a_token_that_was_revoked_is_renewed_unnoticed(bank, people):
    ann = await people.join("ann")
    load = await bank.start(ann, 5000)
    await bank.database.rows("delete from vendor_dwolla.access_token")
    await banking.submit_load(load.id)
    assert (await bank.load(ann, load)).state == "pending"


async def test_wrong_credentials_lose_nothing(bank, people, monkeypatch):
    ann = await people.join("ann")
    load = await bank.start(ann, 5000)
    from paya_app.core.config import settings

    monkeypatch.setenv("DWOLLA_SECRET", "wrong")
    settings.cache_clear()
    with pytest.raises(Retryable):
        await banking.submit_load(load.id)
    assert (await bank.load(ann, load)).state == "queued"


async def test_a_refused_order_fails_with_a_sentence_and_posts_nothing(bank, people):
    ann = await people.join("ann")
    source = await bank.link(ann)
    await bank.dwolla.client.post(f"/funding-sources/{await bank.vendor_id(source)}", json={"removed": True})
    load = await bank.start(ann, 5000, source)
    await bank.work()
    failed = await bank.load(ann, load)
    assert failed.state == "failed"
    assert failed.reason.startswith("The transfer could not be made with this bank. Nothing was added")
    assert await bank.ledger() == {}


async def test_many_workers_with_one_order_make_one_transfer(bank, people):
    ann = await people.join("ann")
    load = await bank.start(ann, 5000)
    await asyncio.gather(*(banking.submit_load(load.id) for _ in range(8)), return_exceptions=True)
    await banking.submit_load(load.id)
    assert await bank.dwolla.transfer_count() == 1
    assert (await bank.load(ann, load)).state == "pending"


async def test_another_amount_than_was_asked_for_is_not_booked(bank, people):
    ann = await people.join("ann")
    load = await bank.start(ann, 5000)
    await banking.submit_load(load.id)
    await bank.database.rows("update vendor_dwolla.transfer set amount_cents = 500")
    await bank.dwolla.simulate()
    await bank.dwolla.simulate()
    with pytest.raises(PayaError) as refusal:
        await banking.ask_about_operation(load.id)
    assert refusal.value.code == "transfer_mismatch"
    assert (await bank.load(ann, load)).state == "pending"
    assert await bank.ledger() == {}, "nothing is minted that did not come"


async def test_what_is_disputed_is_one_case_and_one_dead_letter_until_somebody_looked(bank, people, advance_clock):
    ann = await people.join("ann")
    load = await bank.start(ann, 5000)
    await banking.submit_load(load.id)
    await bank.database.rows("update vendor_dwolla.transfer set amount_cents = 500")
    for _ in range(3):
        await advance_clock(minutes=30)
        await banking.ask_about_stale()
        await bank.work()
    (case,) = await bank.database.rows("select id, subject, evidence ->> 'code' from cases.open_cases(9)")
    assert case[1:] == (f"operation:{load.id}", "transfer_mismatch")
    assert [task for task, _ in await bank.dead_letters()] == ["ask_about_operation"]
    await bank.database.rows("update vendor_dwolla.transfer set amount_cents = 5000")
    await bank.database.rows("select cases.close_case(%s, 'The vendor corrected it.')", (case[0],))
    await advance_clock(minutes=30)
    await banking.ask_about_stale()
    await bank.work()
    await bank.settle()
    assert (await bank.load(ann, load)).state == "cleared"


async def test_a_transfer_of_what_had_ended_here_raises_an_alarm(bank, people):
    ann = await people.join("ann")
    load = await bank.start(ann, 5000)
    await banking.cancel(ann, load.id)
    from paya_app.core.config import settings

    made = await provider.create_transfer(
        source_id=await bank.vendor_id(load.source),
        destination_id=settings().dwolla_reserve_source,
        amount_cents=5000,
        correlation_id=str(load.id),
        key="nobody asked",
    )
    with pytest.raises(PayaError) as refusal:
        await banking.follow_transfer(made)
    assert refusal.value.code == "transfer_mismatch"
    await provider.cancel_transfer(made)
    await banking.follow_transfer(made)
    assert (await bank.load(ann, load)).state == "canceled"


async def test_two_transfers_for_one_load_raise_an_alarm_and_book_once(bank, people):
    ann = await people.join("ann")
    load = await bank.start(ann, 5000)
    await banking.submit_load(load.id)
    source = await bank.database.value("select vendor_id from banking.source")
    from paya_app.core.config import settings

    second = await provider.create_transfer(
        source_id=source,
        destination_id=settings().dwolla_reserve_source,
        amount_cents=5000,
        correlation_id=str(load.id),
        key="another",
    )
    with pytest.raises(PayaError) as refusal:
        await banking.follow_transfer(second)
    assert refusal.value.code == "load_sent_twice"
    await bank.dwolla.simulate()
    await bank.dwolla.simulate()
    with pytest.raises(PayaError):
        await banking.follow_transfer(second)
    assert await bank.ledger() == {}


async def test_what_nobody_hears_of_is_asked_about(bank, people, advance_clock):
    ann = await people.join("ann")
    load = await bank.start(ann, 5000)
    await bank.work()
    await bank.dwolla.simulate()
    await bank.dwolla.simulate()
    assert await banking.ask_about_stale() == 0
    await advance_clock(minutes=2)
    assert await banking.ask_about_stale() == 1
    assert await banking.ask_about_stale() == 0
    await bank.work()
    assert (await bank.load(ann, load)).state == "cleared"


async def test_an_order_whose_job_was_lost_is_sent_after_all(bank, people, advance_clock):
    ann = await people.join("ann")
    load = await bank.start(ann, 5000)
    await bank.database.rows("delete from jobs.procrastinate_jobs")
    await advance_clock(minutes=2)
    assert await banking.ask_about_stale() == 1
    await bank.work()
    assert (await bank.load(ann, load)).state == "pending"


async def test_a_wallet_restricted_meanwhile_is_not_loaded(bank, people):
    ann = await people.join("ann")
    load = await bank.start(ann, 5000)
    await bank.database.rows("update ledger.account set state = 'restricted' where owner = %s", (ann.user_id,))
    await bank.work()
    assert (await bank.load(ann, load)).state == "canceled"
    assert await bank.dwolla.transfer_count() == 0


async def test_a_transfer_cancelled_at_the_vendor_is_canceled(bank, people):
    ann = await people.join("ann")
    load = await bank.start(ann, 5000)
    await bank.work()
    transfer_id = await bank.database.value("select vendor_ref from banking.provider_operation")
    await bank.dwolla.client.post(f"/transfers/{transfer_id}", json={"status": "cancelled"})
    await banking.follow_transfer(transfer_id)
    assert (await bank.load(ann, load)).state == "canceled"
    assert await bank.ledger() == {}


async def test_the_adapter_knows_a_refusal_from_silence(bank):
    with pytest.raises(Rejected) as refusal:
        await provider.transfer("00000000-0000-0000-0000-000000000000")
    assert refusal.value.code == "NotFound"
    rows = await db.query(Actor.service(), "select banking.claim_load(gen_random_uuid())")
    assert rows[0][0] is None
