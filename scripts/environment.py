"""Make .venv from a hash-pinned lock, and keep it true to that lock.

Usage: python -m scripts.environment run|dev

`run` holds what PaYa needs to run, `dev` adds what tests and checks need. Only the standard
library is used here, because nothing else is there yet. The stamp in .venv is written last:
an environment without it was left half-made, and is made again.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from scripts.installer import Installer
from scripts.trouble import CannotContinue, DiskFull, explain_os_error

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parent.parent
KINDS = ("run", "dev")
LAYOUT = 1  # raise it when what this script puts into .venv changes

# A path with a space cannot stand behind `#!`; sh can hand over to any path.
COMMAND = """#!/bin/sh
'''exec' "{python}" "$0" "$@"
' '''
import sys

from paya_app.cli import app

sys.exit(app())
"""


def say(text: str) -> None:
    """Print one line of progress at once, with or without a terminal."""
    sys.stdout.write(f"PaYa: {text}\n")
    sys.stdout.flush()


@dataclass(frozen=True)
class Environment:
    """One `.venv` for the tree at `root`."""

    root: Path

    @property
    def folder(self) -> Path:
        """The environment's folder."""
        return self.root / ".venv"

    @property
    def python(self) -> Path:
        """The environment's interpreter."""
        return self.folder / "bin" / "python"

    @property
    def stamp(self) -> Path:
        """The file whose presence says that the environment is whole."""
        return self.folder / "paya-environment.json"

    def lock(self, kind: str) -> Path:
        """The lock that an environment of this kind is made from."""
        return self.root / "requirements" / f"{kind}.lock"

    def wanted(self, kind: str) -> dict[str, str | int]:
        """What the stamp of a true environment of this kind says."""
        return {
            "kind": kind,
            "lock": hashlib.sha256(self.lock(kind).read_bytes()).hexdigest(),
            "root": str(self.root),
            "layout": LAYOUT,
        }

    def stamped(self) -> dict[str, str | int]:
        """What the stamp says, or nothing when it is missing or cut short."""
        try:
            return dict(json.loads(self.stamp.read_text(encoding="utf-8")))
        except (FileNotFoundError, NotADirectoryError, ValueError):
            return {}

    def version(self) -> str:
        """The environment's Python as "3.12", or "" when it does not run."""
        code = "import sys; print('%d.%d' % sys.version_info[:2])"
        try:
            done = subprocess.run([str(self.python), "-I", "-c", code], capture_output=True, text=True, check=False)
        except OSError:
            return ""
        return done.stdout.strip()


def ensure(environment: Environment, kind: str) -> None:
    """Leave `environment` whole and true to the lock of `kind`; do nothing when it is so already."""
    with _alone(environment):
        here = f"{sys.version_info[0]}.{sys.version_info[1]}"
        stamped, version = environment.stamped(), environment.version()
        named = bool(os.environ.get("PYTHON"))  # someone chose this Python: the environment must be of it
        keep = bool(stamped) and version != "" and (version == here or not named)
        keep = keep and stamped.get("root") == str(environment.root) and stamped.get("layout") == LAYOUT
        if keep and _serves(environment, stamped, kind):
            return
        started = time.monotonic()
        if keep:
            say("bringing the environment in .venv up to date")
            environment.stamp.unlink()
        else:
            if environment.folder.exists():
                why = "is of another Python or another folder" if stamped else "was left half made"
                say(f"the environment in .venv {why}; making it again")
            _remove(environment.folder)
            say(f"making the environment in .venv with Python {here} (once; downloads packages)")
            _create(environment)
        Installer(environment.python, say).install(environment.lock(kind))
        _compile(environment)
        _attach(environment)
        _write_stamp(environment, kind)
        say(f"the environment is ready ({time.monotonic() - started:.0f} s)")


def _serves(environment: Environment, stamped: dict[str, str | int], kind: str) -> bool:
    """Whether the stamped environment is one of `kind`; a dev environment runs PaYa too."""
    kinds = KINDS[KINDS.index(kind) :]
    return any(stamped == environment.wanted(each) for each in kinds)


@contextmanager
def _alone(environment: Environment) -> Iterator[None]:
    """Hold off a second `make` in the same tree until this one is done."""
    handle = os.open(environment.root / "requirements", os.O_RDONLY)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("waiting for another make that is working on .venv")
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _remove(folder: Path) -> None:
    if folder.is_symlink() or folder.is_file():
        folder.unlink()
    elif folder.exists():
        shutil.rmtree(folder)


def _create(environment: Environment) -> None:
    """Make the bare environment: an interpreter and no package, not even pip."""
    if find_spec("venv") is None or (find_spec("ensurepip") is None and shutil.which("uv") is None):
        package = f"python{sys.version_info[0]}.{sys.version_info[1]}-venv"
        message = (
            f"This Python ({sys.executable}) cannot make environments: its venv module is packed apart."
            f" On Debian and Ubuntu: apt install {package}. Or name another Python: make run PYTHON=/path/to/python3"
        )
        raise CannotContinue(message)
    import venv

    venv.EnvBuilder(with_pip=False, symlinks=True).create(environment.folder)


def _compile(environment: Environment) -> None:
    """Compile the packages once: uv does not, and where Python may write no byte code every start would do it.

    Measured on two cores: 16 s here, and a start of PaYa takes 6 s of processor instead of 14.
    """
    say("compiling the packages, so that PaYa starts fast")
    # -f: files of another version may have the size and the time of those that they replace
    command = [str(environment.python), "-m", "compileall", "-f", "-qq", "-j", "0", str(environment.folder / "lib")]
    # a package may hold files that are no Python of this version (templates, tests): they are never imported
    subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, check=False)


def _attach(environment: Environment) -> None:
    """Make `import paya_app` and the `paya` command work, without building a package."""
    packages = next((environment.folder / "lib").glob("python3.*/site-packages"))
    (packages / "paya.pth").write_text(f"{environment.root}\n", encoding="utf-8")
    command = environment.folder / "bin" / "paya"
    command.write_text(COMMAND.format(python=environment.python), encoding="utf-8")
    command.chmod(0o755)


def _write_stamp(environment: Environment, kind: str) -> None:
    """Say that the environment is whole: a rename, so that the stamp itself is whole or absent."""
    draft = environment.stamp.with_suffix(".draft")
    with draft.open("w", encoding="utf-8") as file:
        json.dump(environment.wanted(kind), file, indent=2)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(environment.stamp)


def _give_up(environment: Environment, trouble: CannotContinue) -> int:
    """Say why, once; a half-made environment on a full disk is in the way, so it goes."""
    sys.stderr.write(f"PaYa cannot start: {trouble}\n")
    if isinstance(trouble, DiskFull):
        shutil.rmtree(environment.folder, ignore_errors=True)
    return 1


def main(arguments: list[str]) -> int:
    """Run from the command line; 0 when the environment stands."""
    if len(arguments) != 1 or arguments[0] not in KINDS:
        sys.stderr.write("usage: python -m scripts.environment run|dev\n")
        return 2
    environment = Environment(ROOT)
    try:
        ensure(environment, arguments[0])
    except CannotContinue as trouble:
        return _give_up(environment, trouble)
    except OSError as error:
        trouble = explain_os_error(error, environment.folder)
        if trouble is None:
            raise
        return _give_up(environment, trouble)
    except KeyboardInterrupt:
        sys.stderr.write("PaYa: stopped before it had started. Nothing is lost: make run goes on from there.\n")
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
