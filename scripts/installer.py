"""Install a lock into an environment: with uv when it can be had, else with pip.

Measured on two cores: uv 2 to 5 s, pip 57 s. uv does not read pip's settings, so a machine
whose pip is told of an index or a proxy, and whose uv is told of neither, is served by pip.
"""

from __future__ import annotations

import configparser
import os
import re
import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

from scripts.trouble import CannotContinue, DiskFull, NoNetwork, explain_installer

if TYPE_CHECKING:
    from collections.abc import Callable

PROGRESS_EVERY_S = 10
# Wheels only, but for two that have none: their source, pinned by hash like the rest, is built here.
WHEELS_ONLY = ("--only-binary", ":all:", "--no-binary", "plaid-python", "--no-binary", "http-ece")
PIN = re.compile(r"^[A-Za-z0-9][\w.\-\[\]]*==", re.MULTILINE)
STEP = re.compile(r"^\s*Collecting\s", re.MULTILINE)  # pip says so of each package, uv of none
LEADS_ELSEWHERE = {"index_url", "proxy", "no_index", "client_cert"}
UV_SETTINGS = ("UV_DEFAULT_INDEX", "UV_INDEX", "UV_INDEX_URL", "UV_FIND_LINKS", "UV_NO_INDEX", "UV_CONFIG_FILE")
# Each of these would put packages elsewhere, or read modules from outside the environment.
DROPPED = ("PYTHONHOME", "PYTHONPATH", "PIP_TARGET", "PIP_PREFIX", "PIP_REQUIRE_VIRTUALENV", "UV_SYSTEM_PYTHON")


class Installer:
    """Installs locks into the environment whose interpreter is `python`."""

    def __init__(self, python: Path, say: Callable[[str], None]) -> None:
        self._python = python
        self._folder = python.parent.parent
        self._say = say
        self._variables = {key: value for key, value in os.environ.items() if key not in DROPPED}
        self._variables |= {"VIRTUAL_ENV": str(self._folder), "PIP_USER": "0", "PIP_DISABLE_PIP_VERSION_CHECK": "1"}

    def install(self, lock: Path) -> None:
        """Install what `lock` pins, hashes checked, wheels only where there are any.

        Raises:
            CannotContinue: one sentence that says why not.
        """
        count = len(PIN.findall(lock.read_text(encoding="utf-8")))
        self._say(f"installing {count} packages")
        uv = None if _only_pip_knows_the_way(self._variables) else self._uv(lock.with_name("installer.lock"))
        if uv is not None:
            command = [uv, "pip", "sync", "--python", str(self._python), "--require-hashes"]
            command += [*WHEELS_ONLY, "--allow-empty-requirements", "--no-progress", str(lock)]
            failure = self._run(command, count)
            if failure is None:
                return
            trouble = explain_installer(failure, self._folder)
            if isinstance(trouble, DiskFull):
                raise trouble
            self._say("uv could not install them; trying pip")
        failure = self._pip(lock, [], count)
        if failure is not None:
            raise explain_installer(failure, self._folder)

    def _uv(self, lock: Path) -> str | None:
        """A uv to run: the machine's, the one installed here before, or one installed now; else None."""
        at_hand = shutil.which("uv")
        if at_hand is not None:
            return at_hand
        own = self._folder / "installer"
        program = own / "bin" / "uv"
        if not program.exists():
            failure = self._pip(lock, ["--target", str(own)], 1)
            trouble = None if failure is None else explain_installer(failure, self._folder)
            if isinstance(trouble, DiskFull | NoNetwork):
                raise trouble
        return str(program) if program.exists() else None

    def _pip(self, lock: Path, options: list[str], count: int) -> str | None:
        """Run pip on `lock`; what it printed when it failed, else None."""
        python = [str(self._python), "-m"]
        probe = subprocess.run([*python, "pip", "--version"], capture_output=True, env=self._variables, check=False)
        if probe.returncode != 0:
            failure = self._run([*python, "ensurepip"], 0)
            if failure is not None:
                message = f"this Python ({sys.executable}) cannot install pip (Debian: its venv package is missing)."
                raise CannotContinue(message)
        command = [*python, "pip", "install", "--require-hashes", *WHEELS_ONLY, "--no-input"]
        command += ["--progress-bar", "off", *options, "-r", str(lock)]
        return self._run(command, count)

    def _run(self, command: list[str], count: int) -> str | None:
        """Run `command`, saying every few seconds how far it is; its output when it failed, else None."""
        seen: list[str] = []
        with subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            env=self._variables,
        ) as process:
            stream = process.stdout
            reader = threading.Thread(target=lambda: seen.extend(stream or ()), daemon=True)
            reader.start()
            started = time.monotonic()
            while True:
                try:
                    process.wait(PROGRESS_EVERY_S)
                    break
                except subprocess.TimeoutExpired:
                    done = len(STEP.findall("".join(list(seen))))
                    far = f"{min(done, count)} of {count}, " if done else ""
                    self._say(f"  still installing ({far}{time.monotonic() - started:.0f} s)")
            reader.join()
            return "".join(seen) if process.returncode != 0 else None


def _only_pip_knows_the_way(variables: dict[str, str]) -> bool:
    """Whether this machine tells pip, and not uv, of an index or a proxy of its own."""
    if any(variables.get(name) for name in UV_SETTINGS):
        return False
    home = Path(variables.get("HOME", "/"))
    uv_home = Path(variables.get("XDG_CONFIG_HOME", home / ".config"))
    if (uv_home / "uv" / "uv.toml").exists() or Path("/etc/uv/uv.toml").exists():
        return False
    if any(variables.get(f"PIP_{name.upper()}") for name in LEADS_ELSEWHERE):
        return True
    places = [
        Path("/etc/xdg/pip/pip.conf"),
        Path("/etc/pip.conf"),
        Path("/Library/Application Support/pip/pip.conf"),
        home / ".pip" / "pip.conf",
        home / "Library" / "Application Support" / "pip" / "pip.conf",
        uv_home / "pip" / "pip.conf",
        Path(sys.base_prefix) / "pip.conf",
    ]
    if variables.get("PIP_CONFIG_FILE"):
        places.append(Path(variables["PIP_CONFIG_FILE"]))
    return any(_leads_elsewhere(place) for place in places)


def _leads_elsewhere(settings: Path) -> bool:
    """Whether a pip settings file names an index or a proxy."""
    parser = configparser.RawConfigParser(strict=False)
    try:
        parser.read(settings, encoding="utf-8")
    except (configparser.Error, UnicodeDecodeError):
        return True  # pip will say what is wrong with it
    sections = (section for section in ("global", "install") if parser.has_section(section))
    return any(key.replace("-", "_") in LEADS_ELSEWHERE for section in sections for key in parser.options(section))
