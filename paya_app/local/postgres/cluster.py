"""One embedded cluster: made once, then attached to, started, or run in the foreground.

Any number of processes may call `ensure` on the same home at once: a file lock lets one of them make and
start the server, and the others find it running. A cluster is made beside its place and renamed into it, so
that a half-made one is never seen.
"""

import errno
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import psycopg
from filelock import FileLock

from paya_app.local.postgres import account, binaries, passwords, postmaster, server_settings
from paya_app.local.postgres.faults import PostgresFault

DATA_FOLDER = "postgres"
LOG_FILE = "server.log"
LOG_BYTES_MAX = 10_000_000
START_TRIES_S = 15
RELEASE_S_MAX = 10
RECOVERY_S_MAX = 300
_HOST = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class Cluster:
    """A cluster that has been made, running or not."""

    home: Path
    binaries: binaries.Binaries

    @property
    def data(self) -> Path:
        """The cluster's files."""
        return self.home / DATA_FOLDER

    @property
    def log(self) -> Path:
        """What the server says when it was started by `ensure`."""
        return self.data / LOG_FILE

    @property
    def pid(self) -> int | None:
        """The process id of the running server, or None."""
        found = postmaster.find(self.data)
        return found.pid if found else None

    @property
    def port(self) -> int:
        """The TCP port on 127.0.0.1 that the server listens on, or will."""
        found = postmaster.find(self.data)
        return found.port if found else server_settings.kept_port(self.data) or 0

    def url(self, role: str, database: str = "postgres") -> str:
        """The address of `database` for the login role `role`, with its password."""
        secret = passwords.password_of(self.home, role)
        return f"postgresql://{role}:{quote(secret, safe='')}@{_HOST}:{self.port}/{quote(database, safe='')}"

    def is_ready(self) -> bool:
        """Whether the server of this very folder takes connections (a pid may have passed to somebody else).

        Raises:
            PostgresFault: it runs, and the kept passwords are not its.
        """
        found = postmaster.find(self.data)
        if not (found and found.ready):
            return False
        try:
            with psycopg.connect(self.url(passwords.SUPERUSER), connect_timeout=3) as connection:
                row = connection.execute("show data_directory").fetchone()
        except psycopg.OperationalError as error:
            if "password authentication failed" not in str(error):
                return False
            raise PostgresFault(
                f"The passwords in {self.home / passwords.FILE_NAME} are not those of the database in {self.data}."
            ) from None
        return bool(row) and self.data.samefile(row[0])

    def stop(self) -> None:
        """End the server: open transactions are rolled back, committed ones are safe on disk.

        Raises:
            PostgresFault: it did not end within a minute.
        """
        with locked(self.home):
            if self.pid is None:
                return  # it does not run
            ended = _run(self, "pg_ctl", "-D", str(self.data), "-m", "fast", "-w", "-t", "60", "stop")
            if ended.returncode != 0 and self.pid is not None:
                raise PostgresFault(f"The database in {self.data} does not stop: {_last_line(ended.stdout)}.")


def create(home: Path) -> Cluster:
    """The cluster of `home`, made when there is none. It may be running or not; its port is chosen.

    Raises:
        PostgresFault: no programs, another major version, a full disk, or files that are not ours.
    """
    home = home.resolve()
    found = binaries.find()
    cluster = Cluster(home, found)
    with _disk_faults(home):
        home.mkdir(parents=True, exist_ok=True, mode=0o700)
        if not (cluster.data / "PG_VERSION").exists():
            with locked(home):
                if not (cluster.data / "PG_VERSION").exists():
                    _initialise(cluster)
    made_by = (cluster.data / "PG_VERSION").read_text().strip()
    if made_by != str(found.major):
        raise PostgresFault(
            f"The database in {cluster.data} was made by PostgreSQL {made_by}, and the programs in {found.folder} "
            f"are PostgreSQL {found.major}: set PAYA_PG_BIN to PostgreSQL {made_by}, or move that folder away to "
            "begin with an empty one."
        )
    if cluster.pid is None:
        _settle_port(cluster)
    return cluster


def ensure(home: Path, *, settings: Mapping[str, str] | None = None) -> Cluster:
    """The running server of `home`: made, started or just found, whatever is needed.

    It stays up after this process ends, until `Cluster.stop()`. `settings` (server settings by name) are
    used when this call starts it.

    Raises:
        PostgresFault: it cannot run; the message says why and what to do.
    """
    cluster = create(home)
    with locked(cluster.home):
        if not cluster.is_ready():
            with _disk_faults(cluster.home):
                _start(cluster, settings)
    return cluster


def foreground_command(
    cluster: Cluster, *, settings: Mapping[str, str] | None = None, release_s_max: float = RELEASE_S_MAX
) -> list[str]:
    """The command that runs the server as the caller's own child: the child's pid is the server's.

    The kept port stays, unless something else has taken it. SIGINT ends the server in its fast way; what
    it says goes to stderr. Returns when the server can start: `wait_for_release` is done here.

    Raises:
        PostgresFault: a server already runs here, its processes do not end, or nobody may run it.
    """
    with locked(cluster.home), _disk_faults(cluster.home):
        running = cluster.pid
        if running is not None:
            raise PostgresFault(f"Another PaYa is already running in {cluster.home} (database process {running}).")
        wait_for_release(cluster, timeout_s=release_s_max)
        server = cluster.binaries.program("postgres")
        runner = _ready_to_start(cluster, settings)
        return [*runner.prefix, server, "-D", str(cluster.data)]


def wait_for_release(cluster: Cluster, *, timeout_s: float = RELEASE_S_MAX) -> None:
    """Return when no process of a killed server holds its memory any more: a new one would end at once.

    Where the system does not tell who holds it (only Linux does), this returns at once; whoever starts the
    server then has to try again.

    Raises:
        PostgresFault: one still did after `timeout_s`.
    """
    deadline = time.monotonic() + timeout_s
    while left := postmaster.processes_left(cluster.data):
        if time.monotonic() > deadline:
            raise PostgresFault(
                f"The database in {cluster.data} was killed, but not all of its processes have ended ({left} of them "
                "still in its memory). Your data is safe. End every program called postgres that works in that "
                "folder, and start PaYa again."
            )
        time.sleep(0.02)


def environment() -> dict[str, str]:
    """The environment for the server's programs: ours without the variables that PostgreSQL reads."""
    return {k: v for k, v in os.environ.items() if not k.startswith("PG")} | {"LC_ALL": "C"}


def wait_until_ready(cluster: Cluster, *, timeout_s: float = 60, alive: Callable[[], bool] = lambda: True) -> None:
    """Return when the server takes connections; recovery after a crash may take a while.

    Raises:
        PostgresFault: it did not within `timeout_s`, or `alive()` (is its process still there?) said no.
    """
    deadline = time.monotonic() + timeout_s
    while not cluster.is_ready():
        if not alive():
            raise PostgresFault(f"The database in {cluster.data} ended while it was starting.")
        if time.monotonic() > deadline:
            raise PostgresFault(f"The database in {cluster.data} did not start within {timeout_s:.0f} s.")
        time.sleep(0.02)


def locked(home: Path) -> FileLock:
    """The lock that one process holds while it makes, starts, stops or prepares the server of `home`."""
    return FileLock(home / "postgres.lock", mode=0o600)


def _initialise(cluster: Cluster) -> None:
    if cluster.data.exists():
        raise PostgresFault(f"{cluster.data} exists and holds no PostgreSQL database: move it away, or set PAYA_HOME.")
    secrets = passwords.complete(cluster.home)
    draft, password_file = cluster.home / f"{DATA_FOLDER}.new", cluster.home / "initdb-password"
    runner = account.choose(cluster.binaries.program("initdb"), cluster.home)
    shutil.rmtree(draft, ignore_errors=True)
    try:
        draft.mkdir(mode=0o700)
        password_file.touch(mode=0o600)
        password_file.write_text(secrets[passwords.SUPERUSER])
        runner.own(draft)
        runner.own(password_file)
        made = _run(
            cluster,
            "initdb",
            *("-D", str(draft), "-U", passwords.SUPERUSER, "-A", "scram-sha-256"),
            *("--pwfile", str(password_file), "-E", "UTF8", "--data-checksums", *_locale(cluster.binaries.major)),
        )
        if made.returncode != 0:
            raise PostgresFault(_sentence(cluster, made.stdout, f"The database in {cluster.data} could not be made"))
        with (draft / "postgresql.conf").open("a") as file:
            file.write(f"\ninclude_if_exists '{server_settings.FILE_NAME}'\n")
        draft.rename(cluster.data)
    finally:
        password_file.unlink(missing_ok=True)
        shutil.rmtree(draft, ignore_errors=True)


def _locale(major: int) -> list[str]:
    builtin_since = 17
    if major >= builtin_since:
        return ["--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
    return ["--locale=C.UTF-8" if sys.platform == "linux" else "--locale=C"]


def _settle_port(cluster: Cluster) -> None:
    """Keep the port when it is free, else choose another, so that addresses are known before the start."""
    with locked(cluster.home), _disk_faults(cluster.home):
        kept = server_settings.kept_port(cluster.data)
        chosen = server_settings.choose_port(kept)
        if chosen != kept and cluster.pid is None:
            server_settings.write(cluster.data, major=cluster.binaries.major, port=chosen)


def _ready_to_start(cluster: Cluster, settings: Mapping[str, str] | None) -> account.Account:
    runner = account.choose(cluster.binaries.program("postgres"), cluster.home)
    postmaster.forget_stranger(cluster.data)
    port = server_settings.choose_port(server_settings.kept_port(cluster.data))
    server_settings.write(cluster.data, major=cluster.binaries.major, port=port, changes=settings)
    if cluster.log.exists() and cluster.log.stat().st_size > LOG_BYTES_MAX:
        cluster.log.unlink()
    runner.own(cluster.data)
    return runner


def _start(cluster: Cluster, settings: Mapping[str, str] | None) -> None:
    """Start the server, or wait for one that is just being started elsewhere."""
    deadline = time.monotonic() + START_TRIES_S
    while True:
        if cluster.pid is not None:
            wait_until_ready(cluster, timeout_s=RECOVERY_S_MAX, alive=lambda: cluster.pid is not None)
            return
        wait_for_release(cluster)
        _ready_to_start(cluster, settings)
        said_before = cluster.log.stat().st_size if cluster.log.exists() else 0
        arguments = ("-D", str(cluster.data), "-w", "-t", str(RECOVERY_S_MAX), "-l", str(cluster.log), "start")
        if _run(cluster, "pg_ctl", *arguments).returncode == 0 and cluster.is_ready():
            return
        said = _said_since(cluster.log, said_before)
        # After a kill -9 the old children take a moment to end, and a port may be taken between choosing it
        # and binding it: both pass when tried again.
        if "No space left on device" in said or time.monotonic() > deadline:
            raise PostgresFault(_sentence(cluster, said, f"The database in {cluster.data} does not start"))
        time.sleep(0.1)


def _run(cluster: Cluster, program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    path = cluster.binaries.program(program)
    runner = account.choose(path, cluster.home)
    return subprocess.run(  # noqa: S603
        [*runner.prefix, path, *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        cwd="/" if os.name == "posix" else None,
        env=environment(),
        start_new_session=True,
    )


def _said_since(log: Path, position: int) -> str:
    try:
        with log.open("rb") as file:
            file.seek(position)
            return file.read().decode(errors="replace")
    except OSError:
        return ""


def _last_line(said: str) -> str:
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    telling = [line for line in lines if "FATAL" in line or "PANIC" in line or "error:" in line]
    return (telling or lines or ["it said nothing"])[-1].rstrip(".")


def _sentence(cluster: Cluster, said: str, what: str) -> str:
    if "No space left on device" in said:
        return _full(cluster.home)
    return f"{what}: {_last_line(said)}."


def _full(home: Path) -> str:
    return f"The disk that holds {home} is full: free some space, or set PAYA_HOME to a folder on another disk."


@contextmanager
def _disk_faults(home: Path) -> Iterator[None]:
    """Say what is wrong with the disk in one sentence."""
    try:
        yield
    except OSError as error:
        if error.errno == errno.ENOSPC:
            raise PostgresFault(_full(home)) from None
        if isinstance(error, PermissionError) or error.errno == errno.EROFS:
            raise PostgresFault(f"PaYa may not write to {home}: set PAYA_HOME to a folder of yours.") from None
        raise
