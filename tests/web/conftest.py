"""The running app, for tests that speak to it past a browser."""

import os
from collections.abc import Iterator

import pytest

# The build links shared assets, not a test that imports pages.
os.environ["REFLEX_BACKEND_ONLY"] = "1"

from tests.support.running import RunningPaya, running_paya


@pytest.fixture(scope="session")
def paya() -> Iterator[RunningPaya]:
    """The running app."""
    running = running_paya()
    yield running
    running.stop()
