"""Whom the server runs as: PostgreSQL refuses root, so root steps down first.

A user namespace is tried first: inside it we are `nobody`, outside the files stay ours, so nothing is added
to the machine and no file changes owner. Where namespaces are forbidden (many containers), the server runs
as the account `postgres` or `nobody`, which then owns the data.
"""

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from paya_app.local.postgres.faults import PostgresFault

_NAMESPACE = ("unshare", "--user", "--map-user=65534", "--map-group=65534")
_SERVICE_ACCOUNTS = ("postgres", "nobody")
_STEP_DOWN = Path(__file__).with_name("step_down.py")


@dataclass(frozen=True, slots=True)
class Account:
    """How to start a program as the server's account.

    `prefix` goes before the program's arguments and ends in exec, so the process id stays the same.
    `owner` is the (user id, group id) whose files the program can use, or None when that is us.
    """

    prefix: tuple[str, ...] = ()
    owner: tuple[int, int] | None = None

    def own(self, path: Path) -> None:
        """Give `path`, and everything in it, to the server's account (only ever done by root)."""
        if os.name != "posix" or os.geteuid() != 0:
            return
        wanted = self.owner or (0, 0)
        found = path.stat()
        if (found.st_uid, found.st_gid) == wanted:
            return
        os.chown(path, *wanted)
        for folder, folders, files in os.walk(path):
            for name in (*folders, *files):
                os.chown(Path(folder) / name, *wanted, follow_symlinks=False)


def choose(program: str, home: Path) -> Account:
    """The account that can run `program` on the data in `home`.

    Raises:
        PostgresFault: we are root and cannot step down.
    """
    if os.name != "posix" or os.geteuid() != 0:
        return Account()
    if shutil.which(_NAMESPACE[0]) and _can_run(_NAMESPACE, program, home):
        return Account(prefix=_NAMESPACE)
    import pwd  # POSIX only

    for name in _SERVICE_ACCOUNTS:
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        prefix = (sys.executable, str(_STEP_DOWN), str(entry.pw_uid), str(entry.pw_gid))
        if _can_run(prefix, program, home):
            return Account(prefix=prefix, owner=(entry.pw_uid, entry.pw_gid))
    raise PostgresFault(
        "PostgreSQL does not run as root, and no other account here can reach "
        f"{Path(program).parent} and {home}: start PaYa as an ordinary user."
    )


def _can_run(prefix: tuple[str, ...], program: str, home: Path) -> bool:
    """Whether, behind `prefix`, the program starts and the home can be entered."""
    probe = (*prefix, "/bin/sh", "-c", 'cd "$1" && exec "$2" --version', "-", str(home), program)
    try:
        return subprocess.run(probe, capture_output=True, check=False, cwd="/", timeout=20).returncode == 0  # noqa: S603
    except (OSError, subprocess.SubprocessError):
        return False
