"""The faults that touch banks, each by its name; those that are tested elsewhere are listed below.

A notice a hundred times, reordered, before the API's answer, forged, about what is not ours: test_webhook.py.
A return twice, R01 after the money was spent, R10 on day 59: test_returns.py.
"""

import hashlib
import hmac
import json
from datetime import UTC, date, datetime, timedelta
from uuid import uuid4

import pytest

from paya_app import banking
from paya_app.banking.bank_days import NEW_YORK, after_bank_days, is_bank_day
from paya_app.banking.errors import BankDetailsInvalid
from paya_app.core import db
from paya_app.core.actor import Actor
from paya_app.core.config import settings
from paya_app.core.ids import new_id
from paya_app.providers import dwolla as provider
from tests.banking.test_returns import loaded
from tests.banking.test_webhook import event, post


async def test_a_worker_killed_between_submit_and_booking_makes_one_transfer_and_goes_on(bank, people):
    ann = await people.join("ann")
    load = await bank.start(ann, 5000)
    # what the worker had done when it was killed: noted that it sends, and sent
    order = (await db.query(Actor.service(), "select banking.claim_load(:id)", {"id": load.id}))[0][0]
    await provider.create_transfer(
        source_id=order["source_vendor_id"],
        destination_id=settings().dwolla_reserve_source,
        amount_cents=5000,
        correlation_id=str(load.id),
        key=order["idempotency_key"],
    )
    assert (await bank.load(ann, load)).state == "submitted"
    await banking.submit_load(load.id)
    assert (await bank.load(ann, load)).state == "pending"
    assert await bank.dwolla.transfer_count() == 1
    await bank.settle()
    assert await bank.ledger() == {"reserve": -5000, "wallet": 5000}
    assert await banking.reconcile_external() == []


async def test_a_notice_signed_over_another_body_or_with_an_old_secret_is_401(bank, monkeypatch):
    body = event("customer_transfer_completed", str(uuid4()))
    old = hmac.new(b"the secret before", body, hashlib.sha256).hexdigest()
    other = hmac.new(
        settings().dwolla_webhook_secret.get_secret_value().encode(), body + b"\n", hashlib.sha256
    ).hexdigest()
    for signed in (old, other):
        assert await post(bank, body, signed) == 401
    assert await bank.database.value("select count(*) from banking.vendor_event") == 0


async def test_a_stale_notice_changes_nothing_however_old_it_is(bank, people, advance_clock):
    ann = await people.join("ann")
    load = await loaded(bank, ann, 5000)
    created = (await bank.dwolla.client.get("/events?limit=200")).json()["_embedded"]["events"][-1]
    await advance_clock(days=30)
    before = await bank.event_kinds(load)
    for topic in ("customer_transfer_created", "customer_transfer_failed", "customer_transfer_cancelled"):
        reference = await bank.database.value("select vendor_ref from banking.provider_operation")
        stale = json.dumps({"id": str(uuid4()), "topic": topic, "resourceId": reference, "created": created["created"]})
        assert await post(bank, stale.encode()) == 200
        await bank.work()
    assert (await bank.event_kinds(load), await bank.ledger()) == (before, {"reserve": -5000, "wallet": 5000})


@pytest.mark.parametrize(
    ("settled", "clears"),
    [
        # Wednesday before Thanksgiving 2026: Friday is a bank day, the weekend is none
        (datetime(2026, 11, 25, 20, tzinfo=UTC), date(2026, 11, 27)),
        # Friday before Memorial Day 2027: Tuesday
        (datetime(2027, 5, 28, 20, tzinfo=UTC), date(2027, 6, 1)),
        # the fourth of July 2027 is a Sunday, kept on Monday: Tuesday
        (datetime(2027, 7, 2, 20, tzinfo=UTC), date(2027, 7, 6)),
    ],
)
def test_t_plus_one_over_a_holiday_weekend(settled, clears):
    at = after_bank_days(settled, 1).astimezone(NEW_YORK)
    assert (at.date(), at.hour) == (clears, 12)
    assert is_bank_day(clears)
    days = (clears - settled.date()).days
    assert not any(is_bank_day(settled.date() + timedelta(days=n)) for n in range(1, days))


async def test_a_bank_removed_before_the_load_was_sent_is_not_asked(bank, people):
    ann = await people.join("ann")
    source = await bank.link(ann)
    load = await bank.start(ann, 5000, source)
    await bank.database.rows("select banking.close_source(%s, 'R02')", (source.id,))
    await bank.work()
    found = await bank.load(ann, load)
    assert (found.state, await bank.dwolla.transfer_count(), await bank.ledger()) == ("canceled", 0, {})
    assert "This bank was no longer linked when it was to be asked." in found.reason


async def test_a_bank_removed_in_flight_lets_the_transfer_end_as_the_vendor_says(bank, people):
    ann = await people.join("ann")
    source = await bank.link(ann)
    load = await bank.start(ann, 5000, source)
    await bank.work()
    await bank.dwolla.simulate()
    await bank.dwolla.client.post(f"/funding-sources/{await bank.vendor_id(source)}", json={"removed": True})
    await bank.dwolla.simulate()
    await bank.notices()
    await bank.work()
    assert (await bank.load(ann, load)).state == "cleared"
    assert await bank.ledger() == {"reserve": -5000, "wallet": 5000}


@pytest.mark.parametrize(
    "account", ["DE89370400440532013000", "GB29NWBK60161331926819", "٤٤٤٤٥٥٥٥", "123", "1" * 18, "0x1F"]
)
async def test_a_foreign_account_number_is_refused_in_words(bank, people, account):
    ann = await people.join("ann")
    with pytest.raises(BankDetailsInvalid, match="An account number has 4 to 17 digits"):
        await banking.add_source(
            ann,
            source_id=new_id(),
            holder_name="Ann Example",
            routing="222222226",
            account=account,
            kind="checking",
        )


async def test_a_clock_an_hour_off_settles_and_clears_once(bank, people, advance_clock):
    ann = await people.join("ann")
    load = await bank.start(ann, 5000)
    await bank.work()
    await advance_clock(hours=-1)
    await bank.settle()
    await advance_clock(hours=2)
    await bank.notices()
    await bank.work()
    await banking.clear_due()
    assert (await bank.load(ann, load)).state == "cleared"
    assert await bank.ledger() == {"reserve": -5000, "wallet": 5000}


async def test_a_correction_by_the_bank_is_noted(bank, people):
    ann = await people.join("ann")
    source = await bank.link(ann)
    vendor_id = await bank.vendor_id(source)
    await bank.dwolla.rename(vendor_id, "C05")
    await loaded(bank, ann, 5000, source)
    assert await post(bank, event("customer_funding_source_updated", vendor_id)) == 200
    await bank.work()
    assert await bank.database.value("select kind from banking.source") == "savings"
    told = "select payload ->> 'kind_before', payload ->> 'kind_after' from events.event where kind = 'bank.corrected'"
    assert await bank.database.rows(told) == [("checking", "savings")]
    assert [each.id for each in await banking.sources(ann)] == [source.id]
