"""Which process serves a cluster, as its `postmaster.pid` says, and whether that is still true."""

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

_FILE_NAME = "postmaster.pid"
_MEMORY_LINE = 6
_STATUS_LINE = 7
_MEMORIES = Path("/proc/sysvipc/shm")  # Linux: one line for each piece of System V shared memory


@dataclass(frozen=True, slots=True)
class Postmaster:
    """A running server: its process id, its TCP port, and whether it says that it takes connections."""

    pid: int
    port: int
    ready: bool


def find(data: Path) -> Postmaster | None:
    """The server that runs on `data`, or None. A pid that has passed to another program does not count."""
    try:
        lines = (data / _FILE_NAME).read_text().splitlines()
        pid, port = int(lines[0]), int(lines[3])
    except (OSError, ValueError, IndexError):
        return None
    if not _serves(pid):
        return None
    status = lines[_STATUS_LINE].strip() if len(lines) > _STATUS_LINE else ""
    return Postmaster(pid, port, status == "ready")


def forget_stranger(data: Path) -> None:
    """Let the server start although its last pid is now somebody else's (after a reboot, in a new container).

    The server believes a living pid. The rest of the file stays: by it the server finds children of its
    killed predecessor that are still at work on the data.
    """
    try:
        text = (data / _FILE_NAME).read_text()
        pid = int(text.split("\n", 1)[0])
    except (OSError, ValueError):
        return
    if _is_alive(pid) and not _serves(pid):
        ended = subprocess.Popen([sys.executable, "-S", "-c", ""])  # its pid is nobody's
        ended.wait()
        (data / _FILE_NAME).write_text("\n".join([str(ended.pid), *text.split("\n")[1:]]))


def processes_left(data: Path) -> int:
    """How many processes of the last server on `data` still hold its shared memory; 0 where it cannot be told.

    After a kill -9 its children take a moment to notice, and until then no other server may start here.
    """
    try:
        key, memory = (data / _FILE_NAME).read_text().splitlines()[_MEMORY_LINE].split()
        names, *rows = [line.split() for line in _MEMORIES.read_text().splitlines()]
        found = [dict(zip(names, row, strict=True)) for row in rows]
        return sum(int(row["nattch"]) for row in found if (row["key"], row["shmid"]) == (key, memory))
    except (OSError, ValueError, IndexError, KeyError):
        return 0


def _serves(pid: int) -> bool:
    """Whether the process `pid` is a database server (or cannot be asked)."""
    if not _is_alive(pid):
        return False
    arguments = _arguments_of(pid)
    return arguments is None or ("-D" in arguments and "postgres" in {Path(argument).name for argument in arguments})


def _arguments_of(pid: int) -> list[str] | None:
    """The command line of a process, or None where it cannot be told."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace").split("\0")
    except OSError:
        pass
    try:
        asked = subprocess.run(  # noqa: S603
            ["/bin/ps", "-ww", "-o", "command=", "-p", str(pid)], capture_output=True, text=True, check=False, timeout=5
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return asked.stdout.split() if asked.returncode == 0 else None


def _is_alive(pid: int) -> bool:
    if os.name != "posix":
        return True
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return not _is_zombie(pid)


def _is_zombie(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return False
