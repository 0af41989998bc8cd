"""The tree speaks of PaYa alone: no machine it was written on, no registry, nothing it does not need."""

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TEXT_BYTES_MAX = 2_000_000


def tracked() -> list[Path]:
    """Every file that is under version control, or would be."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    return [path for name in done.stdout.split("\0") if name and (path := ROOT / name).is_file()]


def lines_with(pattern: str) -> list[str]:
    """Every line of the tree that the pattern is found in, as "path:line: text"."""
    wanted = re.compile(pattern)
    found = []
    for path in tracked():
        content = path.read_bytes()
        if b"\0" in content or len(content) > TEXT_BYTES_MAX:
            continue
        found += [
            f"{path.relative_to(ROOT)}:{number}: {line.strip()[:120]}"
            for number, line in enumerate(content.decode(errors="replace").splitlines(), 1)
            if wanted.search(line)
        ]
    return found


def test_the_walk_sees_the_tree():
    names = {str(path.relative_to(ROOT)) for path in tracked()}
    assert {"Makefile", "pyproject.toml", "paya_app/core/db.py", "requirements/run.lock"} <= names
    assert [line.split(":")[0] for line in lines_with(r"^\.PHONY: help run test")] == ["Makefile"]


def test_no_path_of_a_machine():
    here = [str(path) for path in (ROOT.parent, Path.home()) if len(path.parts) > 1]
    assert lines_with("|".join(rf"(?<![\w.]){re.escape(path)}/" for path in here)) == []
    # Folders of people: Linux, macOS, Windows. The image has a user of its own.
    people = r"(?<![\w.])/(?:home|Users)/(?!paya\b)[\w.-]+/|[A-Z]:\\\\?Users\\|(?<![\w.])/ro[o]t/"
    assert [line for line in lines_with(people) if not line.startswith("tests/house/test_tree.py:")] == []


def test_no_package_registry():
    hosts = r"py[p]i\.org|files\.python[h]osted\.org|registry\.(?:npm[j]s|yarn[p]kg)\.|deb\.deb[i]an\.org"
    assert lines_with(hosts) == []


def test_no_secret_that_a_vendor_would_honour():
    shapes = r"\bAC[0-9a-f]{32}\b|-----BEGIN [A-Z ]*PRIVATE KEY-----|\bsbp_[0-9a-f]{40}\b|\bsb_secret_\w{20,}"
    assert [line for line in lines_with(shapes) if not line.startswith("tests/")] == []


def test_supabase_is_a_folder_of_sql_and_no_package():
    """An __init__.py there would hide the library of the same name."""
    assert list((ROOT / "supabase").rglob("*.py")) == []


@pytest.mark.parametrize("folder", ["paya_app", "jobs", "scripts"])
def test_every_folder_of_code_is_a_package(folder: str):
    """One without __init__.py is left out of the import directions."""
    modules = [path for path in tracked() if path.suffix == ".py" and (ROOT / folder) in path.parents]
    assert modules
    assert {
        str(path.parent.relative_to(ROOT)) for path in modules if not (path.parent / "__init__.py").exists()
    } == set()
