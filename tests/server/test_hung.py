"""A worker that hangs in a whole PaYa: it is said, and it is started again."""

import asyncio
import os
import signal
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.support.running import RunningPaya, running_paya


@pytest.fixture(scope="session")
def paya() -> Iterator[RunningPaya]:
    """The running app."""
    running = running_paya()
    yield running
    running.stop()


async def health_says(paya: RunningPaya, status: str, within_s: float) -> dict[str, Any]:
    deadline = time.monotonic() + within_s
    async with httpx.AsyncClient(base_url=paya.url, trust_env=False, timeout=30) as client:
        while (answer := (await client.get("/v1/health")).json())["status"] != status:
            assert time.monotonic() < deadline, (answer, paya.said())
            await asyncio.sleep(0.1)
    return answer


async def test_a_worker_that_hangs_is_said_and_started_again(paya: RunningPaya):
    await health_says(paya, "ok", within_s=60)
    worker = paya.programs()["worker"]
    os.kill(worker, signal.SIGSTOP)
    answer = await health_says(paya, "degraded", within_s=60)
    assert answer["detail"].startswith("No worker ")
    await health_says(paya, "ok", within_s=120)
    assert paya.programs()["worker"] != worker
    assert "worker gave no sign of life for " in paya.said()
