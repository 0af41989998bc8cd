"""The import directions are enforced: each seeded mistake is found."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
LINTER = Path(sys.executable).with_name("lint-imports")


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A copy of the code, to make mistakes in."""
    for package in ("paya_app", "jobs"):
        shutil.copytree(ROOT / package, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__", "bundle"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


def lint(tree: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(LINTER), "--no-cache"],
        cwd=tree,
        env=os.environ | {"PYTHONPATH": str(tree), "NO_COLOR": "1"},
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_tree_as_it_is_keeps_them(tree: Path):
    done = lint(tree)
    assert done.returncode == 0, done.stdout
    assert "0 broken" in done.stdout


@pytest.mark.parametrize(
    ("module", "mistake", "contract"),
    [
        ("paya_app/identity/mistake.py", "from paya_app.wallet import send", "Imports go down"),
        ("paya_app/banking/mistake.py", "import paya_app.wallet", "Imports go down"),
        ("paya_app/wallet/mistake.py", "import paya_app.local.keys", "Imports go down"),
        ("paya_app/wallet/mistake.py", "import fastapi", "know nothing of the web framework"),
        ("jobs/mistake.py", "import reflex", "know nothing of the web framework"),
        ("jobs/mistake.py", "import paya_app.api", "Jobs call domains"),
        ("paya_app/wallet/mistake.py", "import jobs", "Only server and cli start jobs"),
        ("paya_app/banking/mistake.py", "import dwollav2", "Vendors' libraries"),
    ],
)
def test_a_mistake_is_found(tree: Path, module: str, mistake: str, contract: str):
    (tree / module).write_text(f"{mistake}\n")
    done = lint(tree)
    assert done.returncode == 1
    broken = [line for line in done.stdout.splitlines() if line.endswith("BROKEN")]
    assert any(contract in line for line in broken), done.stdout


def test_a_package_without_a_place_is_found(tree: Path):
    (tree / "paya_app" / "newcomer").mkdir()
    (tree / "paya_app" / "newcomer" / "__init__.py").touch()
    done = lint(tree)
    assert done.returncode == 1
    assert "paya_app.newcomer" in done.stdout
