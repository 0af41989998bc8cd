"""The settings our server runs with, in a file of their own that is written before every start."""

import secrets
import socket
import sys
import time
from collections.abc import Mapping
from pathlib import Path

FILE_NAME = "paya.conf"
_HOST = "127.0.0.1"
_PORTS = range(20_000, 32_000)
_PATIENCE_S = 2

# Small, since a whole PaYa shares one machine: a buffer of 48 MB, and no process that nothing here uses.
_SETTINGS = {
    "listen_addresses": f"'{_HOST}'",
    "unix_socket_directories": "''",
    "max_connections": "100",
    "shared_buffers": "48MB",
    "max_wal_size": "512MB",
    "wal_level": "logical",
    "max_slot_wal_keep_size": "512MB",
    "max_logical_replication_workers": "0",
    "max_parallel_workers_per_gather": "0",
    "autovacuum_max_workers": "2",
    "jit": "off",
    # an acknowledged payment survives a power cut
    "fsync": "on",
    "synchronous_commit": "on",
    "full_page_writes": "on",
    "timezone": "'UTC'",
    "log_timezone": "'UTC'",
    "lc_messages": "'C'",
    # Logs name no person: neither statements nor the values of a violated key. Refusals are ordinary.
    "log_min_messages": "log",
    "log_min_error_statement": "panic",
    "log_error_verbosity": "terse",
    "log_checkpoints": "off",
    "logging_collector": "off",
}
# the default, workers, keeps three more processes
_SETTINGS_SINCE = {18: {"io_method": "sync"}}


def write(data: Path, *, major: int, port: int, changes: Mapping[str, str] | None = None) -> None:
    """Write the settings that the next start of the cluster in `data` reads; `changes` wins over ours."""
    chosen = dict(_SETTINGS)
    for since, settings in _SETTINGS_SINCE.items():
        if major >= since:
            chosen |= settings
    chosen |= {"port": str(port), **(changes or {})}
    lines = [f"{name} = {value}\n" for name, value in chosen.items()]
    (data / FILE_NAME).write_text("# Written by PaYa before every start.\n" + "".join(lines))


def kept_port(data: Path) -> int | None:
    """The port of the last start, or None before the first."""
    try:
        lines = (data / FILE_NAME).read_text().splitlines()
    except FileNotFoundError:
        return None
    ports = [line.removeprefix("port = ") for line in lines if line.startswith("port = ")]
    return int(ports[-1]) if ports else None


def choose_port(kept: int | None) -> int:
    """The kept port when it is free or becomes so within 2 s, else a free one.

    New ports are below those that the system gives to outgoing connections: a client that keeps calling a
    server that is down would sooner or later be given the server's own port.
    """
    deadline = time.monotonic() + _PATIENCE_S
    while kept:
        if _is_free(kept):
            return kept
        if time.monotonic() > deadline:
            break
        time.sleep(0.1)
    for _ in range(100):
        candidate = secrets.choice(_PORTS)
        if _is_free(candidate):
            return candidate
    with socket.socket() as probe:
        probe.bind((_HOST, 0))
        return probe.getsockname()[1]


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        if sys.platform != "win32":
            # as the server does: connections of the last run that still linger do not count
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((_HOST, port))
        except OSError:
            return False
    return True
