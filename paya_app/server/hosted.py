"""Hosted mode on one machine: the app, a worker and a scheduler against the database and vendors of the settings.

On many machines each runs by its own command (`paya app`, `paya worker`, `paya scheduler`).
"""

import asyncio
import os
import sys
from collections.abc import Callable
from pathlib import Path

from paya_app.core.config import settings
from paya_app.events.restored import require_not_restored
from paya_app.server.build import build
from paya_app.server.heartbeat import heard_from
from paya_app.server.programs import Program, answers, log_folder
from paya_app.server.supervisor import Supervisor


def run(say: Callable[[str], None]) -> None:
    """Start the three programs and watch them until a signal.

    Raises:
        SettingsMissing: hosted mode lacks a setting.
        RecordRestored: the database was restored and not rebased since.
    """
    settings().require_hosted()
    asyncio.run(require_not_restored(settings().paya_worker_database_url))
    bundle = build(say)
    logs = log_folder(Path(settings().paya_home))
    host, port = settings().paya_host, settings().port

    def program(name: str) -> Program:
        heartbeat = logs / f"{name}.heartbeat"
        given = {"PAYA_LOCAL_BUNDLE": str(bundle), "PAYA_LOCAL_HEARTBEAT": str(heartbeat)}
        argv, environment = [sys.executable, "-m", "paya_app", name], {**os.environ, **given}
        return Program(name, argv, environment, logs / f"{name}.log", alive=heard_from(heartbeat))

    programs = [program(name) for name in ("app", "worker", "scheduler")]
    programs[0].ready = programs[0].alive = answers(host, port, "/ping")
    asyncio.run(Supervisor(programs, say).run(lambda: say(f"PaYa serves {settings().public_url} (logs in {logs}).")))
