"""The stand-ins that share the app's origin in embedded mode (auth, realtime, phone, mail, chaos); the demo people."""

import asyncio
import logging
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import lru_cache

from fastapi import FastAPI
from starlette.applications import Starlette

from paya_app.core.config import settings
from paya_app.local import demo
from paya_app.local.auth import create_auth
from paya_app.local.chaos import create_chaos
from paya_app.local.mail import create_mail
from paya_app.local.phone import create_phone
from paya_app.local.realtime import Gateway

FEED_TOPIC = "feed"

log = logging.getLogger(__name__)


@lru_cache(maxsize=1)
def realtime() -> Gateway:
    """The one gateway of this process."""
    return Gateway()


@lru_cache(maxsize=1)
def _mounted() -> tuple[Starlette, ...]:
    return create_auth(), create_phone(), create_mail(), create_chaos()


def mount_standins(api: FastAPI) -> None:
    """Add `/auth/v1`, `/local/phone`, `/local/mail` and `/local/chaos` to the API."""
    for app in _mounted():
        api.router.routes.extend(app.routes)


@asynccontextmanager
async def running() -> AsyncIterator[None]:
    """Realtime hands out what the database says; demo people pay while somebody watches, unless turned off."""
    stop = asyncio.Event()
    tasks = [asyncio.create_task(realtime().run(stop), name="realtime")]
    if settings().runs_demo:
        tasks.append(asyncio.create_task(demo.run(stop, lambda: realtime().watchers(FEED_TOPIC)), name="demo"))
    for task in tasks:
        task.add_done_callback(_look)
    try:
        yield
    finally:
        stop.set()
        await asyncio.gather(*tasks, return_exceptions=True)
        for app in _mounted():
            await app.state.close()


def _look(task: asyncio.Task[None]) -> None:
    """Say how a task broke. Without realtime the app ends, for the supervisor to start it again whole."""
    if task.cancelled() or (error := task.exception()) is None:
        return
    log.error("a part of the app broke", extra={"part": task.get_name()}, exc_info=error)
    if task.get_name() == "realtime":
        os.kill(os.getpid(), signal.SIGTERM)
