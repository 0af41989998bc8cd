"""Plaid after an outage: asked whether it is back, whoever links a bank meanwhile."""

import pytest

from paya_app.core.config import settings
from paya_app.providers import plaid
from paya_app.providers.health import outages, probe
from paya_app.providers.outcome import Retryable
from tests.support.plaid import serving


async def test_the_probe_asks_whether_it_is_back(database, monkeypatch, advance_clock):
    async with serving(database):
        with monkeypatch.context() as down:
            down.setenv("PLAID_BASE_URL", "http://127.0.0.1:9")
            settings.cache_clear()
            for _ in range(5):
                with pytest.raises(Retryable, match="unreachable"):
                    await plaid.institution_name("ins_109508")
            assert await probe() == 0
        settings.cache_clear()
        assert [outage.vendor for outage in await outages()] == ["plaid"]
        await advance_clock(seconds=31)
        assert await probe() == 1
        assert await outages() == []
