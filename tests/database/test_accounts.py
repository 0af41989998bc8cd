"""Whom the server runs as when we are root, and when we are not."""

import os
import pwd
import subprocess
import sys
from pathlib import Path

import pytest

from paya_app.local.postgres import Cluster, PostgresFault, account, create, ensure

_ROOT = os.name == "posix" and os.geteuid() == 0
only_root = pytest.mark.skipif(not _ROOT, reason="only root can step down to another account")
_FULL = """
import sys; from pathlib import Path; from paya_app.local.postgres import PostgresFault, create
try: create(Path(sys.argv[1]))
except PostgresFault as fault: print(fault)
"""
_ORDINARY = """
import sys; from pathlib import Path; from paya_app.local.postgres import ensure
cluster = ensure(Path(sys.argv[1])); print(cluster.is_ready()); cluster.stop()
"""


def run(argv: list[str], env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(argv, capture_output=True, text=True, check=False, timeout=60, env=env)


def owner_of(cluster: Cluster) -> int:
    return int(Path(f"/proc/{cluster.pid}/status").read_text().split("Uid:")[1].split()[0])


@only_root
def test_root_steps_down_to_a_service_account_where_namespaces_are_forbidden(
    own_home: Path, monkeypatch: pytest.MonkeyPatch
):
    own_home.chmod(0o755)
    monkeypatch.setattr(account, "_NAMESPACE", ("false",))
    cluster = ensure(own_home)
    assert cluster.is_ready()
    assert owner_of(cluster) in {pwd.getpwnam(name).pw_uid for name in ("postgres", "nobody")}
    cluster.stop()
    # and the files come back to us where namespaces are allowed again
    monkeypatch.undo()
    if account.choose(cluster.binaries.program("postgres"), own_home).owner is None:
        assert ensure(own_home).is_ready()
        assert cluster.data.stat().st_uid == 0


@only_root
def test_root_that_cannot_step_down_is_one_sentence(own_home: Path, monkeypatch: pytest.MonkeyPatch):
    own_home.chmod(0o700)
    monkeypatch.setattr(account, "_NAMESPACE", ("false",))
    with pytest.raises(PostgresFault, match="PostgreSQL does not run as root, and no other account here can reach"):
        create(own_home)


@only_root
def test_an_ordinary_user_needs_nothing_special(own_home: Path):
    nobody = pwd.getpwnam("nobody")
    os.chown(own_home, nobody.pw_uid, nobody.pw_gid)
    step_down = Path(account.__file__).with_name("step_down.py")
    as_nobody = [sys.executable, str(step_down), str(nobody.pw_uid), str(nobody.pw_gid)]
    packages = {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path), "PATH": os.environ["PATH"]}
    # this very Python may stand in a folder of root's
    for python in (sys.executable, f"/usr/bin/python3.{sys.version_info.minor}"):
        if run([*as_nobody, python, "-B", "-c", "import psycopg"], env=packages).returncode == 0:
            break
    else:
        pytest.skip("no Python here can be run by another account")
    ran = run([*as_nobody, python, "-B", "-c", _ORDINARY, str(own_home)], env=packages)
    assert (ran.stdout.strip(), ran.returncode) == ("True", 0), ran.stderr


@only_root
def test_a_full_disk_is_one_sentence(own_home: Path):
    mounted = ["unshare", "--mount", "sh", "-c", 'mount -t tmpfs -o size=8m paya "$1" && shift && exec "$@"', "-"]
    if run([*mounted, str(own_home), "true"]).returncode:
        pytest.skip("this container may not mount a small disk")
    home = own_home / "home"
    ran = run([*mounted, str(own_home), sys.executable, "-c", _FULL, str(home)])
    advice = "free some space, or set PAYA_HOME to a folder on another disk."
    assert ran.stdout.strip() == f"The disk that holds {home} is full: {advice}", ran.stderr
