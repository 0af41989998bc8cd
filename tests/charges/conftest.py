"""A developer's account and what they ask for."""

import pytest

from tests.charges.shop import Shop
from tests.support.database import Database


@pytest.fixture
def shop(database: Database) -> Shop:
    """`await shop.charge(1000)`: an account of the payments sandbox, asked through the application."""
    return Shop(database)
