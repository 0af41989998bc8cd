from collections.abc import AsyncIterator

import pytest

from tests.support.database import Database
from tests.support.gateway import Live, serve_live


@pytest.fixture
async def live(database: Database) -> AsyncIterator[Live]:
    """Gateway, relay and feed route, served."""
    async with serve_live() as served:
        yield served
