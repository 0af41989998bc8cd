"""A server of its own for the bank checker's tests, that they may kill, and what it finds in sound money."""

import asyncio
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from bench.bank import Scenario
from bench.bank import run as run_bank
from bench.bank.server import Server, private_server
from tests.support import run


@pytest.fixture(scope="session")
def bank_server() -> Iterator[Server]:
    """Started, with its template; each run makes a database of its own in it."""
    with private_server(run.own_home()) as server:
        yield server


@pytest.fixture(scope="session")
def healthy(bank_server: Server) -> Callable[[Scenario], dict[str, Any]]:
    """The figures of a scenario without any damage; variants of one scenario share one such control."""
    known: dict[Scenario, dict[str, Any]] = {}

    def control(scenario: Scenario) -> dict[str, Any]:
        if scenario not in known:
            known[scenario] = asyncio.run(run_bank(bank_server, scenario))
        return known[scenario]

    return control
