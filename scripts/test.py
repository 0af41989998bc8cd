"""Run the tests: the one place that says how.

Usage: python -m scripts.test [pytest's arguments]
"""

from __future__ import annotations

import os
import sys

from scripts.browser import chromium
from scripts.environment import ROOT
from scripts.trouble import CannotContinue

# Two workers, each with its own app and port; tests of one xdist_group stay on one worker.
PYTEST = [sys.executable, "-m", "pytest", "-n", "2", "--dist", "loadgroup", "-q"]


def main(arguments: list[str]) -> None:
    """Become pytest, with a browser found beforehand."""
    try:
        browser = chromium()
    except CannotContinue as trouble:
        sys.stderr.write(f"PaYa cannot test: {trouble}\n")
        sys.exit(1)
    os.chdir(ROOT)
    os.execve(sys.executable, [*PYTEST, *arguments], os.environ | {"PAYA_CHROMIUM": str(browser)})


if __name__ == "__main__":
    main(sys.argv[1:])
