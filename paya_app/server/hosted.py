"""Hosted mode on one machine: the app, a worker and a scheduler against the database and vendors of the settings.

On many machines each runs by its own command (`paya app`, `paya worker`, `paya scheduler`).
"""

import asyncio
import os
import sys
from collections.abc import Callable
from pathlib import Path

from paya_app.core.config import settings
from paya_app.server.build import build
from paya_app.server.programs import Program, answers, log_folder
from paya_app.server.supervisor import Supervisor


def run(say: Callable[[str], None]) -> None:
    """Start the three programs and watch them until a signal.

    Raises:
        SettingsMissing: hosted mode lacks a setting.
    """
    settings().require_hosted()
    build(say)
    logs = log_folder(Path(settings().paya_home))
    host, port = settings().paya_host, settings().port
    programs = [
        Program(name, [sys.executable, "-m", "paya_app", name], dict(os.environ), logs / f"{name}.log")
        for name in ("app", "worker", "scheduler")
    ]
    programs[0].ready = answers(host, port, "/ping")
    asyncio.run(Supervisor(programs, say).run(lambda: say(f"PaYa serves {settings().public_url} (logs in {logs}).")))
