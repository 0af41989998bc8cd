"""The nemesis: does one fault after the other to the server and its connections, as the plan says."""

import asyncio
import contextlib
import os
import signal
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

import psycopg

from bench.bank.plan import Fault
from bench.bank.proxy import Proxy
from bench.bank.server import Server

CALM_S = 0.3
CRASH_SEEN_S_MAX = 5.0
ACKS_MAX = 8
PAUSE_S = (0.3, 2.5)
DELAY_S = (0.05, 0.6)
DELAYED_FOR_S = 1.5
STALL_S = (0.5, 3.0)


@dataclass
class Nemesis:
    """Faults done so far by kind, and after each crash the seconds until the database answered again."""

    server: Server
    proxy: Proxy
    database: str
    plan: Iterator[Fault]
    done: Counter[str] = field(default_factory=Counter)
    back_s: list[float] = field(default_factory=list)
    last: str = "none yet"

    async def rage(self, stopping: asyncio.Event) -> None:
        """Do what is planned, in turn, until told to stop; whatever was begun is ended."""
        start = time.monotonic()
        for fault in self.plan:
            wait_s = max(CALM_S, start + fault.at_s - time.monotonic())
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stopping.wait(), wait_s)
            if stopping.is_set():
                return
            if await self._do(fault):
                self.done[fault.kind] += 1
                self.last = fault.kind

    async def _do(self, fault: Fault) -> bool:
        """Do it; whether there was anything to do it to."""
        match fault.kind:
            case "kill_backend":
                return await self._crash_by(self._backend(fault), signal.SIGKILL)
            case "terminate_backend":
                return _signal(self._backend(fault), signal.SIGTERM)
            case "kill_postmaster":
                await self._restart_after(signal.SIGKILL)
            case "stop_immediately":
                await self._restart_after(signal.SIGQUIT)
            case "drop_connections":
                return self.proxy.drop_all() > 0
            case "swallow_acks":
                self.proxy.swallow_acks(1 + int(fault.size * ACKS_MAX))
            case "pause_backend":
                return await self._pause(self._backend(fault), _between(PAUSE_S, fault.size))
            case "delay_bytes":
                self.proxy.delay(_between(DELAY_S, fault.size))
                await asyncio.sleep(DELAYED_FOR_S)
                self.proxy.resume()
            case "stall_network":
                self.proxy.stall()
                await asyncio.sleep(_between(STALL_S, fault.size))
                self.proxy.resume()
            case _:
                raise ValueError(f"no fault is called {fault.kind}")
        return True

    def _backend(self, fault: Fault) -> int:
        """A server process that works for one of the workers, or 0 when there is none."""
        processes = sorted(link.replies.process for link in self.proxy.links if link.replies.process)
        return processes[int(fault.pick * len(processes))] if processes else 0

    async def _crash_by(self, process: int, sign: signal.Signals) -> bool:
        """Kill one server process: the first one then ends all others, and recovers."""
        killed = time.monotonic()
        with contextlib.suppress(psycopg.OperationalError):
            async with await self.server.connect(self.database) as witness:
                killed = time.monotonic()
                if not _signal(process, sign):
                    return False
                while time.monotonic() < killed + CRASH_SEEN_S_MAX:
                    await witness.execute("select 1")  # fails once the crash is noticed
                    await asyncio.sleep(0.01)
                return False
        await self.server.back(self.database)
        self.back_s.append(time.monotonic() - killed)
        return True

    async def _restart_after(self, sign: signal.Signals) -> None:
        killed = time.monotonic()
        self.server.signal(sign)
        await self.server.start_again()
        await self.server.back(self.database)
        self.back_s.append(time.monotonic() - killed)

    async def _pause(self, process: int, seconds: float) -> bool:
        if not _signal(process, signal.SIGSTOP):
            return False
        try:
            await asyncio.sleep(seconds)
        finally:
            _signal(process, signal.SIGCONT)
        return True


def _signal(process: int, sign: signal.Signals) -> bool:
    """Signal a server process; False when it has ended meanwhile."""
    if not process:
        return False
    try:
        os.kill(process, sign)
    except ProcessLookupError:
        return False
    return True


def _between(span: tuple[float, float], share: float) -> float:
    return span[0] + (span[1] - span[0]) * share
