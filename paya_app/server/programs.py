"""One program that the supervisor owns: how it starts, when it is ready, how it ends with all its own."""

import asyncio
import contextlib
import ctypes
import os
import signal
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

READY_POLL_S = 0.05
LOG_BYTES_MAX = 10 * 1024 * 1024
_PR_SET_PDEATHSIG = 1


class NotReady(Exception):
    """A program ended, or did not answer in time, before it was ready; the message has its last lines."""


async def _at_once() -> bool:
    return True


async def _nothing() -> None:
    pass


@dataclass
class Program:
    """What to run, and how to tell how it is.

    Attributes:
        before: done before every start; it may raise `NotReady`.
        ready: asked after a start until it says yes, for `ready_s` seconds at most.
        alive: asked while it runs; when the answer has been no for `silent_s` seconds, it hangs.
        stop_signal: asks for a clean end within `stop_s` seconds.
    """

    name: str
    argv: Sequence[str]
    environment: Mapping[str, str]
    log: Path
    ready: Callable[[], Awaitable[bool]] = _at_once
    ready_s: float = 60
    alive: Callable[[], Awaitable[bool]] | None = None
    silent_s: float = 15
    before: Callable[[], Awaitable[None]] = _nothing
    stop_signal: signal.Signals = signal.SIGTERM
    stop_s: float = 10
    process: asyncio.subprocess.Process | None = field(default=None, init=False)

    @property
    def pid(self) -> int:
        """The process id of the last start, which is also its group's; 0 before the first."""
        return self.process.pid if self.process else 0

    async def start(self) -> None:
        """Start it and wait until it is ready.

        It leads a session of its own, so that one signal reaches everything it starts; and it is told to
        end when we die without having ended it.

        Raises:
            NotReady: it ended, or `ready_s` seconds passed.
        """
        self.end_group(signal.SIGKILL)
        await self.before()
        with _opened(self.log) as log:
            self.process = await asyncio.create_subprocess_exec(
                *self.argv,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env={**self.environment, "PYTHONUNBUFFERED": "1"},
                start_new_session=True,
                preexec_fn=die_with_parent(self.stop_signal),
            )
        deadline = asyncio.get_running_loop().time() + self.ready_s
        while not await self.ready():
            if self.process.returncode is not None:
                raise NotReady(f"{self.name} ended while starting.\n{self.last_lines()}")
            if asyncio.get_running_loop().time() > deadline:
                self.end_group(signal.SIGKILL)
                raise NotReady(f"{self.name} did not answer within {self.ready_s:.0f} s.\n{self.last_lines()}")
            await asyncio.sleep(READY_POLL_S)

    async def stop(self) -> None:
        """End it cleanly, and by force what is left of its group after `stop_s` seconds."""
        if self.process is None:
            return
        if self.process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                self.process.send_signal(self.stop_signal)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self.process.wait(), self.stop_s)
        self.end_group(signal.SIGKILL)
        await self.process.wait()

    def end_group(self, sign: signal.Signals) -> None:
        """Signal whatever still runs in the group of the last start (a killed parent leaves its children)."""
        if self.process is not None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self.process.pid, sign)

    def last_lines(self, count: int = 15) -> str:
        """The end of its log, indented."""
        with contextlib.suppress(OSError):
            lines = self.log.read_text(errors="replace").splitlines()[-count:]
            return "\n".join(f"    {line}" for line in lines)
        return ""


def log_folder(home: Path) -> Path:
    """Where programs of this home log: readable by its owner alone."""
    folder = home / "logs"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder.chmod(0o700)
    return folder


def _opened(log: Path) -> BinaryIO:
    """The log to append to, its owner's alone; one grown past 10 MB becomes NAME.log.1 first."""
    if log.exists() and log.stat().st_size > LOG_BYTES_MAX:
        log.replace(log.with_name(f"{log.name}.1"))
    file = os.fdopen(os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600), "ab")
    log.chmod(0o600)
    return file


def die_with_parent(sign: signal.Signals) -> Callable[[], None] | None:
    """On Linux the kernel tells a child that its parent is gone, even after kill -9."""
    if sys.platform != "linux":
        return None
    libc = ctypes.CDLL(None)

    def before_exec() -> None:
        libc.prctl(_PR_SET_PDEATHSIG, int(sign))

    return before_exec


def answers(host: str, port: int, path: str = "") -> Callable[[], Awaitable[bool]]:
    """A readiness question: does somebody listen there, and say 200 to `path` when one is given?"""

    async def ask() -> bool:
        try:
            reader, writer = await asyncio.wait_for(asyncio.open_connection(host, port), 1)
        except (OSError, TimeoutError):
            return False
        try:
            if not path:
                return True
            writer.write(f"GET {path} HTTP/1.1\r\nhost: {host}:{port}\r\nconnection: close\r\n\r\n".encode())
            status = await asyncio.wait_for(reader.readline(), 2)
            return b" 200 " in status
        except (OSError, TimeoutError):
            return False
        finally:
            writer.close()

    return ask
