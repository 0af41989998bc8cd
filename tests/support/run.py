"""One run of the tests: the folder that its processes share, and what is cleared away after it."""

import os
import shutil
import tempfile
from pathlib import Path

from paya_app.local.postgres import PostgresFault, create

_PREFIX = "paya-test-"
_ROOM_BYTES = 2 * 1024**3
_VARIABLE = "PAYA_TEST_RUN"


def begin() -> None:
    """Name the run's folder; xdist's workers inherit it from the process that started them."""
    if _VARIABLE not in os.environ:
        made = Path(tempfile.mkdtemp(prefix=f"{_PREFIX}{os.getpid()}-", dir=_places()[0]))
        made.chmod(0o755)  # servers that run as another account must reach their homes in it
        os.environ[_VARIABLE] = str(made)


def folder() -> Path:
    """The folder that all processes of this run share."""
    return Path(os.environ[_VARIABLE])


def home() -> Path:
    """The PAYA_HOME of the run's shared database server."""
    return folder() / "home"


def own_home() -> Path:
    """An empty PAYA_HOME of a test's own, for servers that it stops, kills or breaks."""
    return Path(tempfile.mkdtemp(prefix="own-", dir=folder()))


def remove_home(left: Path) -> None:
    """Stop the server that runs in a home, if one does, and remove the home."""
    if (left / "postgres" / "PG_VERSION").exists():
        try:
            cluster = create(left)
            # only a server that proves to be this folder's is stopped: its pid may be somebody else's by now
            if cluster.is_ready():
                cluster.stop()
        except PostgresFault:
            pass  # a test left a home that no server can run in
    shutil.rmtree(left, ignore_errors=True)


def end() -> None:
    """Stop the run's servers and remove its files."""
    _clear(folder())


def clear_abandoned() -> None:
    """Remove what killed runs left behind: folders whose first process is gone."""
    for left in (found for place in _places() for found in place.glob(f"{_PREFIX}*-*")):
        pid = left.name.removeprefix(_PREFIX).partition("-")[0]
        if pid.isdigit() and left.stat().st_uid == os.getuid() and not _is_alive(int(pid)):
            _clear(left)


def _places() -> list[Path]:
    """Where runs keep their folders: in memory when there is room (a copy takes 10 ms, not 300), else on disk."""
    memory, disk = Path("/dev/shm"), Path(tempfile.gettempdir())  # noqa: S108 - its files are made privately
    roomy = memory.is_dir() and os.access(memory, os.W_OK) and shutil.disk_usage(memory).free >= _ROOM_BYTES
    return [memory, disk] if roomy else [disk]


def _clear(left: Path) -> None:
    for home in left.iterdir():
        remove_home(home)
    shutil.rmtree(left, ignore_errors=True)


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
