"""Ask Supabase's own advisor about a fresh database: bootstrap and migrations, nothing else.

Usage: python -m scripts.advisor

The advisor is part of the Supabase CLI, an npm package of 142 MB that is installed on demand into
tools/advisor. It is asked twice: about the database as it is (which must show nothing), and again
with a table without row level security planted in it (which it must see), because an advisor that
could not look would find nothing either. Its security rules look only at the schemas that the HTTP
API exposes, which it reads from a setting that hosted projects have and a bare server has not.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

from paya_app.local.postgres import Cluster, PostgresFault, ensure, prepare
from scripts.environment import ROOT
from scripts.trouble import CannotContinue

TOOL = ROOT / "tools" / "advisor"
PLANTED = "advisor_must_see_me"
PLACE = sql.Identifier("public", PLANTED)
ANSWER_S = 120


def findings(cli: Path, url: str) -> list[dict[str, Any]]:
    """What the advisor finds at `warn` or above in the database at `url`.

    Raises:
        CannotContinue: it did not get as far as looking.
    """
    with tempfile.TemporaryDirectory(prefix="paya-advisor-home-") as home:
        done = subprocess.run(
            [str(cli), "db", "advisors", f"--remote={url}", "--level", "warn", "--output-format", "json"],
            cwd=home,
            env=_variables() | {"HOME": home, "DO_NOT_TRACK": "1", "SUPABASE_TELEMETRY_DISABLED": "1"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=ANSWER_S,
            check=False,
        )
    try:
        answer = json.loads(done.stdout)
    except ValueError:
        message = f"the advisor did not answer: {(done.stderr or done.stdout).strip()[-400:]}"
        raise CannotContinue(message) from None
    if done.returncode != 0 or not isinstance(answer.get("results"), list):
        message = f"the advisor did not look: {answer}"
        raise CannotContinue(message)
    return answer["results"]


def exposed_schemas() -> list[str]:
    """The schemas that the HTTP API of a hosted project serves."""
    settings = tomllib.loads((ROOT / "supabase" / "config.toml").read_text(encoding="utf-8"))
    return settings["api"]["schemas"]


def installed() -> Path:
    """The Supabase CLI that tools/advisor pins, installed when it is missing or another version.

    Raises:
        CannotContinue: npm could not install it.
    """
    wanted = json.loads((TOOL / "package.json").read_text(encoding="utf-8"))["dependencies"]["supabase"]
    place = TOOL / "node_modules" / ".bin" / "supabase"
    if _version(place) == wanted:
        return place
    # not `npm ci`: it refuses a lock that does not name the builds for every other kind of machine
    npm = shutil.which("npm", path=_variables()["PATH"])
    command = [npm or "npm", "install", "--no-save", "--ignore-scripts", "--no-audit", "--no-fund"]
    done = subprocess.run(
        command,
        cwd=TOOL,
        env=_variables(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if done.returncode != 0 or _version(place) != wanted:
        message = f"the advisor (npm package supabase {wanted}) could not be installed: {done.stdout.strip()[-400:]}"
        raise CannotContinue(message)
    return place


def _version(place: Path) -> str:
    if not place.exists():
        return ""
    done = subprocess.run([str(place), "--version"], env=_variables(), capture_output=True, text=True, check=False)
    return done.stdout.strip()


def _variables() -> dict[str, str]:
    """The environment's own node and npm come first."""
    return os.environ | {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}


def audit(cluster: Cluster, cli: Path) -> list[str]:
    """One line per finding of the advisor `cli` in the prepared database of `cluster`; leaves a table behind.

    Raises:
        CannotContinue: the advisor overlooked what was planted for it to find.
    """
    url = cluster.url("postgres")
    with psycopg.connect(cluster.url("supabase_admin")) as connection:
        connection.execute(
            sql.SQL("alter database postgres set pgrst.db_schemas = {}").format(
                sql.Literal(",".join(exposed_schemas()))
            )
        )
    found = [_line(finding) for finding in findings(cli, url)]
    with psycopg.connect(url) as connection:
        connection.execute(sql.SQL("create table {} (id bigint primary key)").format(PLACE))
        connection.execute(sql.SQL("grant select on {} to anon").format(PLACE))
    if not any(
        finding.get("name") == "rls_disabled_in_public" and PLANTED in str(finding.get("detail"))
        for finding in findings(cli, url)
    ):
        message = f"the advisor did not see public.{PLANTED}, a table without row level security: it audits nothing."
        raise CannotContinue(message)
    return found


def _line(finding: dict[str, Any]) -> str:
    return f"{finding.get('level')} {finding.get('name')}: {finding.get('detail')}"


def main() -> int:
    """0 when the advisor looked and found nothing."""
    with tempfile.TemporaryDirectory(prefix="paya-advisor-") as home:
        try:
            cli = installed()
            cluster = ensure(Path(home))
            try:
                prepare(cluster, clock=False)
                found = audit(cluster, cli)
            finally:
                cluster.stop()
        except (CannotContinue, PostgresFault) as trouble:
            sys.stdout.write(f"{trouble}\n")
            return 1
    for line in found:
        sys.stdout.write(f"{line}\n")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
