"""`paya run`: starts everything, starts again what dies, and ends everything."""

import asyncio
import signal
from collections.abc import Awaitable, Callable, Sequence

from paya_app.server.programs import NotReady, Program

RESTART_WAIT_S = (0, 0, 0.5, 1, 2, 5, 10)
STEADY_S = 30
LOOK_EVERY_S = 1.0
LOOK_S_MAX = 5.0  # so much silence one look counts for: the whole machine may have slept

Say = Callable[[str], None]


class Supervisor:
    """Owns programs: the first (the database) is started alone, the rest together; all are ended in reverse."""

    def __init__(self, programs: Sequence[Program], say: Say) -> None:
        self.programs = list(programs)
        self.say = say
        self.stopping = asyncio.Event()
        self.after_ready: dict[str, Callable[[], Awaitable[None]]] = {}

    async def run(self, announce: Callable[[], None]) -> None:
        """Start all, announce it, and watch until a signal asks to end.

        Raises:
            NotReady: a program did not start the first time; everything was ended again.
        """
        loop = asyncio.get_running_loop()
        # Set each explicitly: a background shell starts us with INT ignored.
        for sign in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            loop.add_signal_handler(sign, self.stopping.set)
        try:
            first, *others = self.programs
            for together in ([first], others):
                await self._start_together(together)
                if self.stopping.is_set():
                    return
            announce()
            watching = [asyncio.create_task(self._watch(program)) for program in self.programs]
            await self.stopping.wait()
            self.say("Stopping …")
            for task in watching:
                task.cancel()
            await asyncio.gather(*watching, return_exceptions=True)
        finally:
            for program in reversed(self.programs):
                await program.stop()
        self.say("Stopped. Your data is kept; the next start goes on from here.")

    async def _start_together(self, programs: Sequence[Program]) -> None:
        """Start these side by side; returns when all are ready, or at once when asked to end."""
        asked = asyncio.create_task(self.stopping.wait())
        starting = {asyncio.create_task(self._start(program)) for program in programs}
        pending = {asked, *starting}
        while starting & pending and not asked.done():
            done, pending = await asyncio.wait(pending, return_when=asyncio.FIRST_COMPLETED)
            if any(task.exception() for task in done):
                break
        for task in pending:
            task.cancel()
        await asyncio.gather(*pending, return_exceptions=True)
        for task in starting:
            if task.done() and not task.cancelled():
                task.result()

    async def _start(self, program: Program) -> None:
        await program.start()
        if then := self.after_ready.get(program.name):
            await then()

    async def _watch(self, program: Program) -> None:
        """Start `program` again whenever it ends; more slowly the more often it ended soon after starting."""
        loop = asyncio.get_running_loop()
        soon_ended = 0
        while True:
            started = loop.time()
            if program.process is not None:
                self.say(f"{program.name} {await self._until_over(program)}; starting it again.")
            soon_ended = 0 if loop.time() - started > STEADY_S else soon_ended + 1
            if soon_ended > 1:
                self.say(f"{program.name} keeps ending. Its last words:\n{program.last_lines(3)}")
            await asyncio.sleep(RESTART_WAIT_S[min(soon_ended, len(RESTART_WAIT_S) - 1)])
            ended = loop.time()
            try:
                await self._start(program)
            except NotReady as error:
                self.say(str(error))
            else:
                self.say(f"{program.name} is back after {loop.time() - ended:.1f} s.")

    async def _until_over(self, program: Program) -> str:
        """Return when the program has ended, or was ended because it hung: what happened, in words."""
        assert program.process is not None  # noqa: S101 - asked of programs that were started
        loop = asyncio.get_running_loop()
        ended = asyncio.create_task(program.process.wait())
        # until its first sign of life it may take as long as a start may
        patience_s, silent_s, looked = max(program.ready_s, program.silent_s), 0.0, loop.time()
        try:
            while True:
                await asyncio.wait({ended}, timeout=LOOK_EVERY_S)
                if ended.done():
                    return f"ended ({_reason(ended.result())})"
                if program.alive is None:
                    continue
                if await program.alive():
                    patience_s, silent_s = program.silent_s, 0.0
                else:
                    silent_s += min(loop.time() - looked, LOOK_S_MAX)
                looked = loop.time()
                if silent_s > patience_s:
                    program.end_group(signal.SIGKILL)
                    await ended
                    return f"gave no sign of life for {silent_s:.0f} s"
        finally:
            ended.cancel()


def _reason(code: int) -> str:
    return f"signal {signal.Signals(-code).name}" if code < 0 else f"exit {code}"
