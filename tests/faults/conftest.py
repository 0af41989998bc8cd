"""A server of its own for the bank checker's tests, that they may kill."""

from collections.abc import Iterator

import pytest

from bench.bank.server import Server, private_server
from tests.support import run


@pytest.fixture(scope="session")
def bank_server() -> Iterator[Server]:
    """Started, with its template; each run makes a database of its own in it."""
    with private_server(run.own_home()) as server:
        yield server
