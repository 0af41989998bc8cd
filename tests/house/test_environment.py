"""The environment: made from its lock, remade when it is not whole, and one sentence when it cannot be."""

import errno
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from scripts.trouble import CannotContinue, DiskFull, NoNetwork, explain_installer, explain_os_error

if TYPE_CHECKING:
    from tests.house.conftest import SmallHouse


def test_it_is_made_once_and_runs_paya_from_a_path_with_spaces(house: "SmallHouse"):
    first = house.make()
    assert first.returncode == 0, first.stderr
    assert "installing 1 packages" in first.stdout
    made_at = house.stamp.stat().st_mtime_ns

    ran = house.paya("run", "an argument with spaces")
    assert (ran.returncode, ran.stdout) == (3, "brick 1.0 run an argument with spaces\n"), ran.stderr

    second = house.make()
    assert (second.returncode, second.stdout, second.stderr) == (0, "", "")
    assert house.stamp.stat().st_mtime_ns == made_at


def test_its_packages_come_compiled_so_that_no_start_has_to(house: "SmallHouse"):
    done = house.make(PYTHONDONTWRITEBYTECODE="1")
    assert done.returncode == 0, done.stderr
    assert list(house.environment.glob("lib/python3.*/site-packages/__pycache__/brick.*.pyc"))


def test_a_half_made_one_is_made_again(house: "SmallHouse"):
    assert house.make().returncode == 0
    house.stamp.unlink()
    debris = house.environment / "debris"
    debris.touch()
    (house.environment / "bin" / "python").unlink()

    again = house.make()
    assert again.returncode == 0, again.stderr
    assert "was left half made; making it again" in again.stdout
    assert not debris.exists()
    assert house.paya().stdout == "brick 1.0\n"


def test_one_whose_python_is_gone_is_made_again(house: "SmallHouse"):
    assert house.make().returncode == 0
    for name in (house.environment / "bin").glob("python*"):
        name.unlink()
    again = house.make()
    assert again.returncode == 0, again.stderr
    assert house.paya().stdout == "brick 1.0\n"


def test_one_that_was_moved_is_made_again(house: "SmallHouse"):
    assert house.make().returncode == 0
    house.root = house.root.rename(house.root.with_name("moved"))
    again = house.make()
    assert again.returncode == 0, again.stderr
    assert "another folder; making it again" in again.stdout
    assert house.paya().stdout == "brick 1.0\n"


def test_a_changed_lock_brings_it_up_to_date(house: "SmallHouse"):
    assert house.make().returncode == 0
    house.pin("2.0")
    again = house.make()
    assert again.returncode == 0, again.stderr
    assert house.paya().stdout == "brick 2.0\n"


def test_one_for_development_also_runs_paya(house: "SmallHouse"):
    assert house.make("dev").returncode == 0
    as_dev = house.stamp.read_text()
    assert house.make("run").stdout == ""
    assert house.stamp.read_text() == as_dev


def test_a_stop_while_it_is_made_leaves_no_stamp(house: "SmallHouse"):
    """A uv that never ends stands for a slow download; the script is killed outright in the middle of it."""
    house.with_uv("touch $HOME/begun; exec sleep 60")
    command = [sys.executable, "-m", "scripts.environment", "run"]
    with subprocess.Popen(command, cwd=house.root, env=house.variables, start_new_session=True) as process:
        deadline = time.monotonic() + 60
        while not (house.root.parent / "begun").exists():
            assert time.monotonic() < deadline, "the installer never began"
            assert process.poll() is None, "the script ended before the installer began"
        os.killpg(process.pid, signal.SIGKILL)
    assert house.environment.exists()
    assert not house.stamp.exists()


def test_two_makes_at_once_make_it_once(house: "SmallHouse"):
    command = [sys.executable, "-m", "scripts.environment", "run"]
    both = [
        subprocess.Popen(command, cwd=house.root, env=house.variables, stdout=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    said = [process.communicate(timeout=120)[0] for process in both]
    assert [process.returncode for process in both] == [0, 0]
    assert sum("making the environment" in text for text in said) == 1, said
    assert house.paya().stdout == "brick 1.0\n"


def test_pip_checks_the_hash_of_a_package(house: "SmallHouse"):
    house.with_pip()
    house.pin("1.0", wrong_hash=True)
    done = house.make()
    assert done.returncode == 1
    assert "is not the one that the lock names" in done.stderr
    assert done.stderr.count("\n") == 1
    assert not house.stamp.exists()


def test_pip_takes_over_when_uv_fails(house: "SmallHouse"):
    house.with_uv("echo 'error: invalid settings'; exit 2")
    done = house.make()
    assert done.returncode == 0, done.stderr
    assert "trying pip" in done.stdout
    assert house.paya().stdout == "brick 1.0\n"


def test_pip_is_used_where_only_pip_is_told_of_an_index(house: "SmallHouse"):
    house.with_uv("touch $HOME/uv-was-asked; exit 2")
    settings = house.root.parent / ".config" / "pip" / "pip.conf"
    settings.parent.mkdir(parents=True)
    settings.write_text(f"[global]\nno-index = true\nfind-links = {house.shelf.as_uri()}\n")
    for name in ("UV_NO_INDEX", "PIP_NO_INDEX", "PIP_FIND_LINKS"):
        del house.variables[name]
    done = house.make()
    assert done.returncode == 0, done.stderr
    assert not (house.root.parent / "uv-was-asked").exists()


def test_a_full_disk_is_one_sentence_and_leaves_room(house: "SmallHouse"):
    house.with_uv("echo 'error: Failed to install: No space left on device (os error 28)'; exit 2")
    done = house.make()
    assert done.returncode == 1
    assert done.stderr.startswith("PaYa cannot start: no space is left on the disk of ")
    assert done.stderr.count("\n") == 1
    assert not house.environment.exists()


def test_no_network_is_one_sentence(house: "SmallHouse"):
    """Nothing listens on port 9: this machine stands for one that reaches nothing."""
    house.with_uv("echo 'error: Failed to fetch: dns error'; exit 2")
    (house.shelf / "brick-1.0-py3-none-any.whl").unlink()
    done = house.make(PIP_NO_INDEX="0", PIP_INDEX_URL="http://127.0.0.1:9/simple", PIP_RETRIES="1")
    assert done.returncode == 1
    assert "the first start needs the internet" in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_python_without_venv_is_one_sentence(house: "SmallHouse", tmp_path: Path):
    (tmp_path / "without").mkdir()
    (tmp_path / "without" / "sitecustomize.py").write_text("import sys\nsys.modules['ensurepip'] = None\n")
    without_uv = "/usr/bin:/bin"
    done = house.make(PYTHONPATH=str(tmp_path / "without"), PATH=without_uv)
    assert done.returncode == 1
    package = f"python{sys.version_info[0]}.{sys.version_info[1]}-venv"
    assert f"apt install {package}" in done.stderr
    assert done.stderr.count("\n") == 1
    assert not house.environment.exists()


@pytest.mark.parametrize(
    ("said", "kind", "sentence"),
    [
        ("OSError: [Errno 28] No space left on device", DiskFull, "no space is left"),
        ("OSError: [Errno 122] Disk quota exceeded", DiskFull, "no space is left"),
        ("failed to fetch\n  Caused by: dns error: failed to lookup address information", NoNetwork, "internet"),
        ("NewConnectionError: [Errno 111] Connection refused\nERROR: No matching distribution", NoNetwork, "internet"),
        ("error: Hash mismatch for `brick==1.0`", CannotContinue, "its hash differs"),
        ("ERROR: No matching distribution found for brick==9", CannotContinue, "no ready-made build"),
        ("PermissionError: [Errno 13] Permission denied: '/x'", CannotContinue, "cannot be written"),
        ("something unheard of", CannotContinue, "something unheard of"),
        ("", CannotContinue, "it said nothing"),
    ],
)
def test_what_the_installer_says_becomes_a_sentence(said: str, kind: type[CannotContinue], sentence: str):
    trouble = explain_installer(said, Path("/place"))
    assert type(trouble) is kind
    assert sentence in str(trouble)
    assert "\n" not in str(trouble)


@pytest.mark.parametrize(
    ("number", "sentence"),
    [
        (errno.ENOSPC, "no space is left on the disk of /place"),
        (errno.EDQUOT, "no space is left on the disk of /place"),
        (errno.EACCES, "/place cannot be written"),
        (errno.EROFS, "/place cannot be written"),
    ],
)
def test_a_failed_write_becomes_a_sentence(number: int, sentence: str):
    assert sentence in str(explain_os_error(OSError(number, "what the system says"), Path("/place")))


def test_a_failure_that_nobody_can_mend_is_not_dressed_up():
    assert explain_os_error(OSError(errno.EIO, "input/output error"), Path("/place")) is None
