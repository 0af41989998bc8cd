import pytest

from tests.support.bank import opened


@pytest.fixture
async def bank(database):
    """The stand-in and our webhook route on loopback ports; banks move when told to."""
    async with opened(database) as the:
        yield the
