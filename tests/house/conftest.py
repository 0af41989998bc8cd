"""A small house to try the bootstrapping scripts on: real scripts, a tiny lock, no network."""

import base64
import hashlib
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

QUICK_UV = """
version=$(sed -n 's/^brick==\\([0-9.]*\\).*/\\1/p' requirements/run.lock)
exec "{python}" -m zipfile -e "$HOME/shelf/brick-$version-py3-none-any.whl" .venv/lib/python3.*/site-packages
"""


class SmallHouse:
    """A tree with PaYa's own scripts and a lock that pins one tiny package, which lies in a folder."""

    def __init__(self, folder: Path) -> None:
        self.root = folder / "a house with spaces"
        self.shelf = folder / "shelf"
        self.shelf.mkdir()
        # Both installers are told to look on the shelf alone; uv is a quick stand-in for the program of that name.
        self.variables = {
            "PATH": os.environ["PATH"],
            "HOME": str(folder),
            "UV_NO_INDEX": "1",
            "PIP_NO_INDEX": "1",
            "PIP_FIND_LINKS": self.shelf.as_uri(),
        }
        self.with_uv(QUICK_UV.format(python=sys.executable))
        shutil.copytree(ROOT / "scripts", self.root / "scripts", ignore=shutil.ignore_patterns("__pycache__"))
        (self.root / "requirements").mkdir()
        (self.root / "paya_app").mkdir()
        (self.root / "paya_app" / "__init__.py").touch()
        (self.root / "paya_app" / "cli.py").write_text(
            "import brick, sys\ndef app():\n    print('brick', brick.VERSION, *sys.argv[1:])\n    return 3\n"
        )
        self.pin("1.0")

    def pin(self, version: str, *, wrong_hash: bool = False) -> None:
        """Lock the package to `version`."""
        digest = _wheel(self.shelf, version)
        line = f"brick=={version} --hash=sha256:{'0' * 64 if wrong_hash else digest}\n"
        for name in ("run", "dev"):
            (self.root / "requirements" / f"{name}.lock").write_text(f"# {name}\n{line}")
        (self.root / "requirements" / "installer.lock").write_text("")

    def make(self, kind: str = "run", **variables: str) -> subprocess.CompletedProcess[str]:
        """Run the environment script as make does."""
        return subprocess.run(
            [sys.executable, "-m", "scripts.environment", kind],
            cwd=self.root,
            env=self.variables | variables,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    def paya(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run the `paya` command of the environment."""
        return subprocess.run(
            [str(self.environment / "bin" / "paya"), *arguments],
            cwd="/",
            env=self.variables,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    @property
    def environment(self) -> Path:
        return self.root / ".venv"

    @property
    def stamp(self) -> Path:
        return self.environment / "paya-environment.json"

    def with_uv(self, script: str) -> None:
        """Let the uv on the PATH be `script`."""
        folder = self.root.parent / "with-uv"
        folder.mkdir(exist_ok=True)
        (folder / "uv").write_text(f"#!/bin/sh\n{script}\n")
        (folder / "uv").chmod(0o755)
        self.variables["PATH"] = f"{folder}:{os.environ['PATH']}"

    def with_pip(self) -> None:
        """Let pip be the only installer that is told where packages are."""
        del self.variables["UV_NO_INDEX"]


def _wheel(shelf: Path, version: str) -> str:
    """Build a wheel of one module and give its sha256."""
    path = shelf / f"brick-{version}-py3-none-any.whl"
    metadata = f"brick-{version}.dist-info"
    files = {
        "brick.py": f"VERSION = {version!r}\n",
        f"{metadata}/METADATA": f"Metadata-Version: 2.1\nName: brick\nVersion: {version}\n",
        f"{metadata}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = ""
    with zipfile.ZipFile(path, "w") as wheel:
        for name, text in files.items():
            wheel.writestr(zipfile.ZipInfo(name), text)
            digest = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()
            record += f"{name},sha256={digest},{len(text)}\n"
        wheel.writestr(zipfile.ZipInfo(f"{metadata}/RECORD"), f"{record}{metadata}/RECORD,,\n")
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.fixture
def house(tmp_path: Path) -> SmallHouse:
    """A small house whose environment has not been made yet."""
    return SmallHouse(tmp_path)
