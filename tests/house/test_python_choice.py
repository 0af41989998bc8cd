"""Which Python makes the environment: fakes stand for other versions, the real one for a fit one."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def shelf(tmp_path: Path) -> Path:
    """A folder that is the whole PATH."""
    return tmp_path


def an_old_python(place: Path) -> None:
    place.write_text('#!/bin/sh\ncase "$2" in *print*) echo 3.9.18 ;; *) exit 1 ;; esac\n')
    place.chmod(0o755)


def a_fit_python(place: Path) -> None:
    place.symlink_to(sys.executable)


def a_fit_python_without_venv(place: Path) -> None:
    place.write_text(f'#!/bin/sh\ncase "$2" in *ensurepip*) exit 1 ;; esac\nexec "{sys.executable}" "$@"\n')
    place.chmod(0o755)


def choose(shelf: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["/bin/sh", str(ROOT / "scripts" / "python.sh")],
        env={"PATH": str(shelf), **variables},
        capture_output=True,
        text=True,
        check=False,
    )


def test_python3_when_it_is_fit(shelf: Path):
    a_fit_python(shelf / "python3")
    assert choose(shelf).stdout.strip() == str(shelf / "python3")


def test_another_name_when_python3_is_too_old(shelf: Path):
    an_old_python(shelf / "python3")
    a_fit_python(shelf / "python3.12")
    assert choose(shelf).stdout.strip() == str(shelf / "python3.12")


def test_one_that_makes_environments_before_one_that_cannot(shelf: Path):
    a_fit_python_without_venv(shelf / "python3")
    a_fit_python(shelf / "python3.11")
    assert choose(shelf).stdout.strip() == str(shelf / "python3.11")


def test_one_that_cannot_when_there_is_no_other(shelf: Path):
    a_fit_python_without_venv(shelf / "python3")
    assert choose(shelf).stdout.strip() == str(shelf / "python3")


def test_the_one_that_is_named(shelf: Path):
    a_fit_python(shelf / "python3")
    a_fit_python(shelf / "mine")
    assert choose(shelf, PYTHON=str(shelf / "mine")).stdout.strip() == str(shelf / "mine")


@pytest.mark.parametrize(("name", "told"), [("old", "is 3.9.18"), ("absent", "is not a Python that runs")])
def test_a_named_one_that_is_unfit_is_one_sentence(shelf: Path, name: str, told: str):
    an_old_python(shelf / "old")
    done = choose(shelf, PYTHON=str(shelf / name))
    assert done.returncode == 1
    assert "PaYa needs Python 3.11, 3.12 or 3.13" in done.stderr
    assert told in done.stderr
    assert done.stderr.count("\n") == 1


def test_only_an_old_one_is_one_sentence(shelf: Path):
    an_old_python(shelf / "python3")
    done = choose(shelf)
    assert (done.returncode, done.stdout) == (1, "")
    assert "python3 here is 3.9.18" in done.stderr
    assert done.stderr.count("\n") == 1


def test_none_at_all_is_one_sentence(shelf: Path):
    done = choose(shelf)
    assert done.returncode == 1
    assert "none was found on the PATH" in done.stderr
    assert done.stderr.count("\n") == 1


def test_the_versions_are_those_of_the_package():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert project["requires-python"] == ">=3.11,<3.14"
    script = (ROOT / "scripts" / "python.sh").read_text()
    assert re.search(r"\(3, 11\) <= sys.version_info\[:2\] < \(3, 14\)", script)
