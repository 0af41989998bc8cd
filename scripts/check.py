"""Run every check, two at a time: one line for a tool that finds nothing, its whole output for one that does.

Usage: python -m scripts.check [names of tools]
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from scripts.environment import ROOT

BIN = Path(sys.executable).parent
MIGRATIONS = sorted(str(path.relative_to(ROOT)) for path in (ROOT / "supabase" / "migrations").glob("*.sql"))


@dataclass(frozen=True)
class Finding:
    """What one tool answered."""

    name: str
    output: str
    failed: bool
    took_s: float


# The slowest first, so that the two workers end together.
TOOLS = {
    "basedpyright": ["basedpyright"],
    "advisor": ["python", "-m", "scripts.advisor"],
    "sqlfluff": ["sqlfluff", "lint", "--disable-progress-bar", "supabase"],
    "imports": ["lint-imports", "--no-cache"],
    "deptry": ["deptry", "."],
    "squawk": ["squawk", *MIGRATIONS],
    "ruff": ["ruff", "check"],
    "format": ["ruff", "format", "--check"],
    "codespell": ["codespell"],
    "spectral": ["python", "-m", "scripts.spectral"],
}


def run(name: str) -> Finding:
    """Run one tool in the root of the tree."""
    program, *arguments = TOOLS[name]
    variables = os.environ | {"PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}", "NO_COLOR": "1"}
    started = time.monotonic()
    done = subprocess.run(
        [str(BIN / program), *arguments],
        cwd=ROOT,
        env=variables,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    return Finding(name, done.stdout, done.returncode != 0, time.monotonic() - started)


def main(names: list[str]) -> int:
    """Run the named tools, or all; 0 when none finds anything."""
    unknown = [name for name in names if name not in TOOLS]
    if unknown:
        sys.stderr.write(f"no tool is called {', '.join(unknown)}; there are {', '.join(TOOLS)}\n")
        return 2
    failed: list[str] = []
    with ThreadPoolExecutor(max_workers=2) as pool:
        for finding in pool.map(run, names or TOOLS):
            mark = "FOUND" if finding.failed else "ok"
            sys.stdout.write(f"{mark:5}  {finding.name:12} {finding.took_s:5.1f} s\n")
            if finding.failed:
                failed.append(finding.name)
                sys.stdout.write(f"{finding.output.rstrip()}\n")
            sys.stdout.flush()
    if failed:
        sys.stdout.write(f"\n{len(failed)} of {len(names or TOOLS)} checks found something: {', '.join(failed)}\n")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
