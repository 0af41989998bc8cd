"""Fixtures of webhooks: an account, and a program that listens."""

from collections.abc import AsyncIterator

import pytest

from tests.webhooks.receiving import Receiver, Sandbox, receiving


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with receiving() as the:
        yield the


@pytest.fixture
def sandbox(database) -> Sandbox:
    return Sandbox(database)
