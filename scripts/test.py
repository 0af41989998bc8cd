"""Run the tests: the one place that says how.

Usage: python -m scripts.test [pytest's arguments]
"""

from __future__ import annotations

import json
import os
import subprocess
import sys

from scripts.browser import chromium
from scripts.environment import ROOT
from scripts.trouble import CannotContinue

PYTEST = [sys.executable, "-m", "pytest", "-q"]
# Two workers, each with its own app and port; tests of one xdist_group stay on one worker.
SIDE_BY_SIDE = ["-n", "2", "--dist", "loadgroup"]
# What failed beside others is asked once more, alone: a few only, more than that is no matter of a busy machine.
ASKED_AGAIN_MAX = 12
FAILED = 1  # pytest's exit code for "ran, and some failed"
LAST_FAILED = ROOT / ".pytest_cache" / "v" / "cache" / "lastfailed"


def failures() -> list[str]:
    """The names of the tests that the last run saw fail."""
    try:
        return sorted(json.loads(LAST_FAILED.read_text()))
    except FileNotFoundError:
        return []


def main(arguments: list[str]) -> int:
    """Run pytest with a browser found beforehand; its exit code."""
    try:
        browser = chromium()
    except CannotContinue as trouble:
        sys.stderr.write(f"PaYa cannot test: {trouble}\n")
        return 1
    environment = os.environ | {"PAYA_CHROMIUM": str(browser)}
    LAST_FAILED.unlink(missing_ok=True)
    code = subprocess.run([*PYTEST, *SIDE_BY_SIDE, *arguments], cwd=ROOT, env=environment, check=False).returncode
    failed = failures()
    if code != FAILED or not 0 < len(failed) <= ASKED_AGAIN_MAX:
        return code
    print(f"\n{len(failed)} did not pass beside others. Once more, alone:", *failed, sep="\n  ", flush=True)
    code = subprocess.run([*PYTEST, *failed], cwd=ROOT, env=environment, check=False).returncode
    if code == 0:
        print(f"{len(failed)} passed alone that did not beside others. Each is a test to look at:", *failed, sep="\n  ")
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
