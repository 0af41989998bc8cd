"""Whatever Dwolla answers, or does not: it is mapped to one of three, and one load stays one transfer."""

import pytest

from paya_app import banking
from paya_app.local.chaos import ANSWERS
from paya_app.providers import dwolla
from paya_app.providers.breaker import OPEN
from paya_app.providers.outcome import ProviderFailure, Retryable, Unknown
from tests.providers.chaos import spoiled


@pytest.fixture
async def the(database):
    async with spoiled(database) as running:
        yield running


READS = {
    "down": "connection_lost",
    "slow": "no_answer_in_time",
    "busy": "too_many_requests",
    "shape": "malformed_answer",
    "truncated": "malformed_answer",
    "html": "malformed_answer",
    "lost": "connection_lost",
}


def test_every_mischief_of_the_page_is_met_here():
    assert {"well", *READS} == set(ANSWERS)


async def test_a_read_that_fails_may_be_made_again(the, people):
    load = await the.bank.start(await people.join("ann"), 5000)
    customer_id = await the.bank.database.value("select vendor_id from banking.customer")
    for how, reason in READS.items():
        await the.answers(how)
        with pytest.raises(Retryable) as failure:
            await dwolla.find_transfer(customer_id, str(load.id))
        assert failure.value.reason.startswith(reason)
        assert failure.value.is_outage == (how != "busy")
        assert failure.value.retry_after_s == (5 if how == "busy" else None)
        await the.answers("well")
        assert await dwolla.find_transfer(customer_id, str(load.id)) is None


@pytest.mark.parametrize("how", READS)
async def test_an_order_whose_answer_is_spoiled_is_asked_for_and_made_once(the, people, how):
    ann = await people.join("ann")
    load = await the.bank.start(ann, 5000)
    await the.answers(how)
    with pytest.raises(Retryable if how == "busy" else Unknown):
        await banking.submit_load(load.id)
    with pytest.raises(ProviderFailure):
        await banking.submit_load(load.id)
    await the.answers("well")
    await the.bank.work()
    assert (await the.bank.load(ann, load)).state == "pending"
    assert await the.bank.dwolla.transfer_count() == 1
    await the.bank.settle()
    assert await the.bank.ledger() == {"reserve": -5000, "wallet": 5000}


async def test_without_a_token_nothing_was_sent(the, people):
    load = await the.bank.start(await people.join("ann"), 5000)
    for how in READS:
        dwolla.close()
        await the.answers(how)
        with pytest.raises(Retryable) as failure:
            await banking.submit_load(load.id)
        assert failure.value.reason != OPEN
        await the.bank.database.rows("select providers.forget_failures('dwolla')")
    assert await the.bank.dwolla.transfer_count() == 0
    await the.answers("well")
    await banking.submit_load(load.id)
    assert await the.bank.dwolla.transfer_count() == 1
