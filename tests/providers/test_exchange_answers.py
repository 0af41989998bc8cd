"""Whatever Kraken answers, or does not: it is mapped to one of three, and one order stays one order."""

from contextlib import asynccontextmanager
from uuid import uuid4

import ccxt  # noqa: F401 - heavy: loaded before anything is timed
import pytest

from paya_app.local.chaos import ANSWERS, Chaos, Mischief, Mischiefs
from paya_app.providers import exchange
from paya_app.providers.breaker import OPEN
from paya_app.providers.exchange import connection
from paya_app.providers.outcome import ProviderFailure, Retryable, Unknown
from tests.support.kraken import ServedKraken, serving

WAIT_S, SLOW_S = 1.0, 1.6
READS = {
    "down": "connection_lost",
    "slow": "no_answer_in_time",
    "busy": "too_many_requests",
    "shape": "malformed_answer",
    "truncated": "malformed_answer",
    "html": "malformed_answer",
    "lost": "connection_lost",
}
# what was done, and nobody hears
DONE = {"slow", "shape", "truncated", "html", "lost"}


class Spoiled:
    """The exchange, and what it does wrong."""

    def __init__(self, kraken: ServedKraken, mischiefs: Mischiefs):
        self.kraken, self.mischiefs = kraken, mischiefs

    async def answers(self, how: str) -> None:
        await self.mischiefs.set(Mischief("kraken", how))


@asynccontextmanager
async def spoiled(database):
    url = database.url("paya_vendors")
    before = connection.TIMEOUT_S
    mischiefs = Mischiefs(url)
    try:
        async with serving(database, wrap=lambda app, _: Chaos(app, "kraken", url, slow_s=SLOW_S)) as kraken:
            await exchange.daily_candles(1)  # they are drawn once, which takes a while
            await exchange.balances()
            connection.TIMEOUT_S = (WAIT_S, WAIT_S)
            yield Spoiled(kraken, mischiefs)
    finally:
        connection.TIMEOUT_S = before
        await mischiefs.aclose()


@pytest.fixture
async def the(database):
    async with spoiled(database) as running:
        yield running


def test_every_mischief_of_the_page_is_met_here():
    assert {"well", *READS} == set(ANSWERS)


async def test_a_read_that_fails_may_be_made_again(the):
    client_id = uuid4()
    asked = {
        "price": exchange.price,
        "balances": exchange.balances,
        "find_order": lambda: exchange.find_order(client_id),
        "daily_candles": lambda: exchange.daily_candles(30),
        "ping": exchange.ping,
    }
    for how, reason in READS.items():
        for ask in asked.values():
            await the.answers(how)
            with pytest.raises(Retryable) as failure:
                await ask()
            assert failure.value.reason.startswith(reason), how
            assert failure.value.is_outage == (how != "busy")
            assert failure.value.retry_after_s == (5 if how == "busy" else None)
            await the.answers("well")
            await ask()


@pytest.mark.parametrize("how", READS)
async def test_an_order_whose_answer_is_spoiled_is_looked_for_and_made_once(the, how):
    client_id = uuid4()
    await exchange.price()
    await the.answers(how)
    with pytest.raises(Retryable if how == "busy" else Unknown):
        await exchange.market_buy(client_id=client_id, quantity_sats=10_000)
    with pytest.raises(ProviderFailure):
        await exchange.find_order(client_id)
    await the.answers("well")
    found = await exchange.find_order(client_id)
    assert (found is not None) == (how in DONE)
    if found is None:
        await exchange.market_buy(client_id=client_id, quantity_sats=10_000)
        found = await exchange.find_order(client_id)
    assert found is not None
    assert (found.state, found.quantity_sats) == ("closed", 10_000)
    assert await the.kraken.order_count() == 1


async def test_an_exchange_that_is_down_is_left_alone(the):
    await the.answers("down")
    for _ in range(5):
        with pytest.raises(ProviderFailure) as failure:
            await exchange.balances()
        assert failure.value.args[0] != OPEN
    await the.answers("well")
    with pytest.raises(Retryable, match=OPEN):
        await exchange.balances()
