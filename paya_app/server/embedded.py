"""The embedded default: every program that a machine without accounts needs, and their settings.

Postgres, the vendors' stand-ins, the app, the worker and the scheduler. Addresses and keys are all that
differs from hosted mode; they reach the programs as environment variables.
"""

import asyncio
import json
import os
import signal
import socket
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from paya_app.core.config import settings
from paya_app.events.errors import RecordRestored
from paya_app.events.restored import require_not_restored
from paya_app.local import postgres
from paya_app.local.keys import load_keys
from paya_app.server.heartbeat import heard_from
from paya_app.server.programs import NotReady, Program, answers, log_folder
from paya_app.server.supervisor import Say, Supervisor

VENDORS = ("twilio", "dwolla", "plaid", "kraken", "smtp")


class CannotStart(Exception):
    """PaYa cannot start here; the message is the sentence to show."""


def require_free_port(host: str, port: int) -> None:
    """Refuse when somebody listens on our port already.

    Raises:
        CannotStart: it is taken, or not ours to take.
    """
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except PermissionError:
            raise CannotStart(
                f"Port {port} needs more rights than you have. Choose another: make run PORT=8701"
            ) from None
        except OSError:
            raise CannotStart(
                f"Port {port} is taken by another program. End it, or choose another port: make run PORT={port + 1}"
            ) from None


def compose(home: Path, host: str, port: int, say: Say, *, bundle: Path) -> Supervisor:
    """The supervisor of an embedded PaYa in `home` that serves the pages of `bundle`, not started yet.

    Raises:
        PostgresFault: no server can be made or run here; the message says why.
    """
    logs = log_folder(home)
    cluster = postgres.create(home)
    cluster.stop()  # one left behind by a killed supervisor; the home is ours alone by now
    start_postgres = postgres.foreground_command(cluster)
    ports = _vendor_ports(home)
    # what dies comes back with the pages that this run began with, even if their sources have changed since
    environment = settings_for(cluster, home, host, port, ports) | {"PAYA_LOCAL_BUNDLE": str(bundle)}

    def program(name: str, **options: Any) -> Program:
        argv, heartbeat = [sys.executable, "-m", "paya_app", name], logs / f"{name}.heartbeat"
        known: dict[str, Any] = {"alive": heard_from(heartbeat)} | options
        return Program(
            name, argv, environment | {"PAYA_LOCAL_HEARTBEAT": str(heartbeat)}, logs / f"{name}.log", **known
        )

    async def predecessor_gone() -> None:
        try:
            await asyncio.to_thread(postgres.wait_for_release, cluster)
        except postgres.PostgresFault as fault:
            raise NotReady(str(fault)) from None

    async def database_ready() -> bool:
        try:
            await asyncio.to_thread(postgres.wait_until_ready, cluster, timeout_s=0)
        except postgres.PostgresFault:
            return False
        return True

    async def prepare() -> None:
        await asyncio.to_thread(postgres.prepare, cluster, clock=True)
        try:
            await require_not_restored(cluster.url("paya_worker"))
        except RecordRestored as error:
            raise NotReady(str(error)) from None

    async def vendors_ready() -> bool:
        return all([await answers("127.0.0.1", number)() for number in ports.values()])

    supervisor = Supervisor(
        [
            Program(
                "postgres",
                start_postgres,
                dict(os.environ),
                logs / "postgres.log",
                before=predecessor_gone,
                ready=database_ready,
                stop_signal=signal.SIGINT,  # a fast shutdown: sessions end, everything committed is kept
                stop_s=20,
            ),
            program("vendors", ready=vendors_ready),
            program("app", ready=answers(host, port, "/ping"), alive=answers(host, port, "/ping")),
            program("worker"),
            program("scheduler"),
        ],
        say,
    )
    supervisor.after_ready["postgres"] = prepare
    return supervisor


def settings_for(
    cluster: postgres.Cluster, home: Path, host: str, port: int, ports: Mapping[str, int]
) -> dict[str, str]:
    """The environment of every program of ours in embedded mode."""
    keys = load_keys(home)
    public_url = os.environ.get("PAYA_PUBLIC_URL") or f"http://localhost:{port}"
    return {
        **os.environ,
        **keys.as_environment(),
        "PAYA_MODE": "embedded",
        "PAYA_HOME": str(home),
        "PAYA_HOST": host,
        "PORT": str(port),
        "PAYA_PUBLIC_URL": public_url,
        "SUPABASE_URL": public_url,
        "DATABASE_URL": cluster.url("paya_app"),
        "DATABASE_DIRECT_URL": cluster.url("paya_app"),
        "PAYA_WORKER_DATABASE_URL": cluster.url("paya_worker"),
        "PAYA_LOCAL_AUTH_DATABASE_URL": cluster.url("supabase_auth_admin"),
        "PAYA_LOCAL_REALTIME_DATABASE_URL": cluster.url("supabase_realtime_admin"),
        "PAYA_LOCAL_VENDORS_DATABASE_URL": cluster.url("paya_vendors"),
        "PAYA_LOCAL_TWILIO_PORT": str(ports["twilio"]),
        "PAYA_LOCAL_DWOLLA_PORT": str(ports["dwolla"]),
        "PAYA_LOCAL_PLAID_PORT": str(ports["plaid"]),
        "PAYA_LOCAL_KRAKEN_PORT": str(ports["kraken"]),
        "PAYA_LOCAL_SMTP_PORT": str(ports["smtp"]),
        "TWILIO_BASE_URL": f"http://127.0.0.1:{ports['twilio']}",
        "DWOLLA_BASE_URL": f"http://127.0.0.1:{ports['dwolla']}",
        "PLAID_BASE_URL": f"http://127.0.0.1:{ports['plaid']}",
        "KRAKEN_BASE_URL": f"http://127.0.0.1:{ports['kraken']}",
        "MAIL_FROM": "PaYa <notices@localhost>",
        "SMTP_URL": f"smtp://127.0.0.1:{ports['smtp']}",
    }


def settings_of_running(home: Path) -> dict[str, str]:
    """The environment of the programs of the PaYa that runs in `home`, for a command beside it.

    Raises:
        CannotStart: none has run there.
    """
    kept = home / "ports.json"
    if not kept.exists():
        raise CannotStart(f"No PaYa has run in {home}. Start it, or name its folder: PAYA_HOME=…")
    the = settings()
    return settings_for(postgres.create(home), home, the.paya_host, the.port, json.loads(kept.read_text()))


def _vendor_ports(home: Path) -> dict[str, int]:
    """A port per stand-in, kept between starts while it stays free."""
    kept = home / "ports.json"
    known: dict[str, int] = json.loads(kept.read_text()) if kept.exists() else {}
    ports = {vendor: _free_port(known.get(vendor, 0)) for vendor in VENDORS}
    kept.write_text(json.dumps(ports))
    return ports


def _free_port(wanted: int) -> int:
    for number in (wanted, 0):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", number))
            except OSError:
                continue
            return probe.getsockname()[1]
    raise CannotStart("This machine has no free port for the vendors' stand-ins.")
