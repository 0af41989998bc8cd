"""The supervisor with blank programs: starting, starting again, ending, and what is left behind."""

import asyncio
import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from paya_app.server.heartbeat import heard_from
from paya_app.server.programs import LOG_BYTES_MAX, NotReady, Program, log_folder
from paya_app.server.supervisor import Supervisor

SLEEPER = "import time\nwhile True: time.sleep(3600)"
# A program whose child outlives it when only the parent is killed, as a web server's workers do.
PARENT = f"""
import subprocess, sys, pathlib
child = subprocess.Popen([sys.executable, "-c", {SLEEPER!r}])
pathlib.Path(sys.argv[1]).write_text(str(child.pid))
child.wait()
"""


def blank(tmp_path: Path, name: str, code: str = SLEEPER, *arguments: str, **options) -> Program:
    return Program(
        name, [sys.executable, "-c", code, *arguments], dict(os.environ), tmp_path / f"{name}.log", **options
    )


async def until(condition, what: str, timeout_s: float = 20) -> None:
    deadline = asyncio.get_running_loop().time() + timeout_s
    while not condition():
        assert asyncio.get_running_loop().time() < deadline, f"never happened: {what}"
        await asyncio.sleep(0.02)


def alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


class Running:
    """A supervisor at work in this process; leaving the block ends it."""

    def __init__(self, *programs: Program) -> None:
        self.said: list[str] = []
        self.supervisor = Supervisor(programs, self.said.append)
        self.announced = asyncio.Event()

    async def __aenter__(self) -> "Running":
        self.task = asyncio.create_task(self.supervisor.run(self.announced.set))
        await asyncio.wait_for(self.announced.wait(), 20)
        return self

    async def __aexit__(self, *_: object) -> None:
        self.supervisor.stopping.set()
        await asyncio.wait_for(self.task, 30)


async def test_what_dies_is_started_again_and_said(tmp_path):
    one, two = blank(tmp_path, "one"), blank(tmp_path, "two")
    async with Running(one, two) as running:
        for program in (one, two, one):
            pid = program.pid
            os.kill(pid, signal.SIGKILL)
            await until(lambda p=program, old=pid: p.pid != old, f"{program.name} started again")
        assert [line for line in running.said if "signal SIGKILL" in line]
    assert not alive(one.pid)
    assert not alive(two.pid)


async def test_before_a_restart_the_whole_group_of_the_dead_is_ended(tmp_path):
    note = tmp_path / "child.pid"
    parent = blank(tmp_path, "parent", PARENT, str(note))
    async with Running(parent):
        await until(lambda: note.exists() and note.read_text(), "the child wrote its id")
        orphan, pid = int(note.read_text()), parent.pid
        os.kill(pid, signal.SIGKILL)
        await until(lambda: parent.pid != pid, "the parent started again")
        await until(lambda: not alive(orphan), "the orphan ended")


async def test_one_that_hangs_is_started_again_and_said(tmp_path):
    beat = "import pathlib, sys, time\nwhile True: pathlib.Path(sys.argv[1]).touch(); time.sleep(0.05)"
    heartbeat = tmp_path / "heartbeat"
    other = blank(tmp_path, "other")
    one = blank(tmp_path, "one", beat, str(heartbeat), alive=heard_from(heartbeat), silent_s=3)
    async with Running(other, one) as running:
        await until(heartbeat.exists, "it began to beat")
        pid = one.pid
        os.kill(pid, signal.SIGSTOP)
        await until(lambda: one.pid != pid, "it was started again")
        assert [line for line in running.said if line.startswith("one gave no sign of life for ")]
        assert not alive(pid)
        assert not [line for line in running.said if line.startswith("other")]


async def test_what_is_done_before_a_start_is_done_before_each(tmp_path):
    starts = []

    async def note() -> None:
        starts.append(len(starts))

    one = blank(tmp_path, "one", before=note)
    async with Running(one):
        pid = one.pid
        os.kill(pid, signal.SIGKILL)
        await until(lambda: one.pid != pid, "it was started again")
    assert starts == [0, 1]


async def test_a_program_that_cannot_start_is_named_with_its_last_words(tmp_path):
    async def never() -> bool:
        return False

    fine = blank(tmp_path, "fine")
    broken = blank(tmp_path, "broken", "raise SystemExit('no such flag')", ready=never)
    with pytest.raises(NotReady, match=r"broken ended while starting(.|\n)*no such flag"):
        await Supervisor([fine, broken], lambda _: None).run(lambda: None)
    assert not alive(fine.pid)


async def test_one_that_ignores_the_request_to_end_is_ended_by_force(tmp_path):
    deaf_code = f"import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)\nprint('deaf')\n{SLEEPER}"
    deaf = blank(tmp_path, "deaf", deaf_code, stop_s=0.5)
    async with Running(deaf):
        await until(lambda: "deaf" in deaf.last_lines(), "it stopped listening")
    assert not alive(deaf.pid)


MAIN = """
import asyncio, os, sys, pathlib
from paya_app.server.programs import Program
from paya_app.server.supervisor import Supervisor
folder = pathlib.Path(sys.argv[1])
sleeper = Program("sleeper", [sys.executable, "-c", {sleeper!r}], dict(os.environ), folder / "log")
def announce():
    (folder / "pid").write_text(str(sleeper.pid))
    print("ready", flush=True)
asyncio.run(Supervisor([sleeper], lambda line: print(line, flush=True)).run(announce))
"""


def start_main(tmp_path: Path) -> tuple[subprocess.Popen[str], int]:
    main = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(MAIN.format(sleeper=SLEEPER)), str(tmp_path)],
        stdin=subprocess.DEVNULL,  # no terminal, as under a service manager
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
        # a background shell passes on an ignored INT
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_IGN),  # noqa: PLW1509 - no threads here yet
    )
    assert main.stdout is not None
    assert main.stdout.readline() == "ready\n"
    return main, int((tmp_path / "pid").read_text())


@pytest.mark.parametrize("sign", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
async def test_each_signal_ends_everything_without_a_terminal(tmp_path, sign):
    main, pid = start_main(tmp_path)
    main.send_signal(sign)
    said, _ = main.communicate(timeout=20)
    assert main.returncode == 0
    assert "Stopped." in said
    assert not alive(pid)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a child that its parent was killed")
async def test_a_killed_supervisor_leaves_nothing_running(tmp_path):
    main, pid = start_main(tmp_path)
    main.kill()
    main.communicate(timeout=20)
    await until(lambda: not alive(pid), "the program ended with its supervisor")


async def test_logs_are_the_owners_alone_and_a_grown_one_is_moved_aside(tmp_path):
    logs = log_folder(tmp_path)
    log, earlier = logs / "one.log", logs / "one.log.1"
    log.touch(0o644)
    os.truncate(log, LOG_BYTES_MAX + 1)
    one = Program("one", [sys.executable, "-c", "print('hello')"], dict(os.environ), log)
    await one.start()
    assert one.process is not None
    await one.process.wait()
    assert log.read_text() == "hello\n"
    assert earlier.stat().st_size == LOG_BYTES_MAX + 1
    assert [logs.stat().st_mode & 0o777, log.stat().st_mode & 0o777] == [0o700, 0o600]
    await one.start()
    await one.process.wait()
    assert log.read_text() == "hello\nhello\n"
