"""Lint the API's description, as `/v1/openapi.json` serves it, by the rules of `.spectral.yaml`.

Usage: python -m scripts.spectral

Spectral is the npm package that tools/spectral pins, installed when it is missing. That it looks at all is seen with a
description that lacks what an operation must have.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from paya_app.api.app import create_api
from paya_app.api.v1.description import described
from scripts.environment import ROOT
from scripts.trouble import CannotContinue

TOOL = ROOT / "tools" / "spectral"
RULES = ROOT / ".spectral.yaml"
PLANTED = "operation-operationId-unique"


def main() -> int:
    """0 when nothing is found."""
    try:
        program = installed()
        description = described(create_api())
        found = findings(program, description)
        _see_that_it_looks(program, description)
    except CannotContinue as trouble:
        sys.stderr.write(f"{trouble}\n")
        return 1
    for finding in found:
        place = ".".join(finding["path"])
        sys.stdout.write(f"{finding['code']}: {finding['message']} {place}\n")
    return 1 if found else 0


def findings(program: Path, description: dict[str, Any]) -> list[dict[str, Any]]:
    """What Spectral has against a description, hints too.

    Raises:
        CannotContinue: it did not look.
    """
    with tempfile.TemporaryDirectory() as folder:
        file, answer = Path(folder) / "openapi.json", Path(folder) / "found.json"
        file.write_text(json.dumps(description), encoding="utf-8")
        command = [program, "lint", "--ruleset", RULES, "--format", "json", "--output", answer, "--quiet", file]
        done = subprocess.run(
            [str(part) for part in command], env=_variables(), capture_output=True, text=True, check=False
        )
        if not answer.exists():
            message = f"spectral did not look: {(done.stdout + done.stderr).strip()[-400:]}"
            raise CannotContinue(message)
        return json.loads(answer.read_text(encoding="utf-8"))


def installed() -> Path:
    """The program that tools/spectral pins, installed when it is missing or another version.

    Raises:
        CannotContinue: npm could not install it.
    """
    package = TOOL / "node_modules" / "@stoplight" / "spectral-cli" / "package.json"
    wanted = json.loads((TOOL / "package.json").read_text(encoding="utf-8"))["dependencies"]["@stoplight/spectral-cli"]
    if not package.exists() or json.loads(package.read_text(encoding="utf-8"))["version"] != wanted:
        npm = shutil.which("npm", path=_variables()["PATH"])
        command = [npm or "npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
        done = subprocess.run(command, cwd=TOOL, env=_variables(), capture_output=True, text=True, check=False)
        if done.returncode != 0:
            message = f"spectral {wanted} could not be installed: {(done.stdout + done.stderr).strip()[-400:]}"
            raise CannotContinue(message)
    return TOOL / "node_modules" / ".bin" / "spectral"


def _see_that_it_looks(program: Path, description: dict[str, Any]) -> None:
    first, second = list(description["paths"])[:2]
    description["paths"][second] = description["paths"][first]
    if PLANTED not in [finding["code"] for finding in findings(program, description)]:
        message = "spectral overlooked two operations of one id"
        raise CannotContinue(message)


def _variables() -> dict[str, str]:
    """The environment's own node and npm come first."""
    return os.environ | {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}


if __name__ == "__main__":
    sys.exit(main())
