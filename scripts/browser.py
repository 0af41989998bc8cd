"""Find a Chromium for the browser tests, or install one."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from scripts.trouble import CannotContinue

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
MAC = Path("/Applications/Google Chrome.app/Contents/MacOS/Google Chrome")
START_S = 60


def chromium() -> Path:
    """The path of a Chromium that starts.

    PAYA_CHROMIUM when set; else one on the PATH; else one that is installed now: Debian's own
    when we are root on Debian (it brings the libraries it needs), elsewhere Playwright's.

    Raises:
        CannotContinue: there is none and none could be installed; says what to do.
    """
    named = os.environ.get("PAYA_CHROMIUM")
    if named:
        if not _starts(Path(named)):
            message = f"PAYA_CHROMIUM={named} is not a browser that starts."
            raise CannotContinue(message)
        return Path(named)
    found = _on_path() or _playwrights()
    if found is None:
        _install()
        found = _on_path() or _playwrights()
    if found is None:
        message = (
            "the browser tests need Chromium and it could not be installed here. Install it (Debian: apt install"
            " chromium) or name one: make test PAYA_CHROMIUM=/path/to/chromium"
        )
        raise CannotContinue(message)
    return found


def _on_path() -> Path | None:
    places = [Path(place) for name in NAMES if (place := shutil.which(name))]
    return next((place for place in [*places, MAC] if _starts(place)), None)


def _playwrights() -> Path | None:
    """The Chromium that Playwright has installed for itself, if it has."""
    code = "from playwright.sync_api import sync_playwright as s\nwith s() as p: print(p.chromium.executable_path)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    place = Path(done.stdout.strip() or "/nonexistent")
    return place if _starts(place) else None


def _starts(program: Path) -> bool:
    """Whether the program runs: it may lack a library, and Ubuntu's chromium-browser is a note about snap."""
    try:
        done = subprocess.run([str(program), "--version"], capture_output=True, timeout=START_S, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0


def _install() -> None:
    """Install a Chromium; whether it worked shows in whether it is found afterwards."""
    if os.geteuid() == 0 and _is_debian():
        sys.stdout.write("PaYa: installing chromium with apt-get (once)\n")
        sys.stdout.flush()
        variables = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
        for command in (["apt-get", "update", "-qq"], ["apt-get", "install", "-y", "-qq", "chromium"]):
            subprocess.run(command, env=variables, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, check=False)
        if _on_path():
            return
    sys.stdout.write("PaYa: installing Playwright's chromium (once)\n")
    sys.stdout.flush()
    command = [sys.executable, "-m", "playwright", "install", "chromium"]
    subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, check=False)


def _is_debian() -> bool:
    try:
        lines = Path("/etc/os-release").read_text(encoding="utf-8").splitlines()
    except OSError:
        return False
    return "ID=debian" in lines
