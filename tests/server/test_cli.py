"""What `paya run` says when it cannot start: one sentence each, and exit code 1."""

import os
import shutil
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from filelock import FileLock

from paya_app.server.build import ROOT


def clean_environment() -> dict[str, str]:
    outside = ("PAYA_", "DATABASE_", "SUPABASE_", "TWILIO_", "DWOLLA_", "PLAID_", "KRAKEN_")
    return {name: value for name, value in os.environ.items() if not name.startswith(outside)}


def run_paya(tmp_path: Path, command: str = "run", **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "paya_app", command],
        env={**clean_environment(), "PAYA_HOME": str(tmp_path / "home"), **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def refused(done: subprocess.CompletedProcess[str]) -> str:
    assert done.returncode == 1, done
    assert "Traceback" not in done.stderr
    assert done.stdout == ""
    return done.stderr.strip()


def test_a_taken_port(tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        said = refused(run_paya(tmp_path, PORT=str(port)))
    assert said == f"Port {port} is taken by another program. End it, or choose another port: make run PORT={port + 1}"


@pytest.mark.parametrize("port", ["0", "-1", "65536", "1e3", "eight", "٨٠٨٠", " 80"])
def test_a_port_that_is_none(tmp_path, port):
    assert refused(run_paya(tmp_path, PORT=port)).startswith(f"PORT={port} is no port.")


def test_another_paya_runs_here(tmp_path):
    home = tmp_path / "home"
    home.mkdir()
    with FileLock(home / "run.lock"):
        said = refused(run_paya(tmp_path))
    assert said == f"PaYa is already running from {home}. Stop that one first, or set PAYA_HOME."


def test_the_embedded_default_is_not_for_production(tmp_path):
    assert refused(run_paya(tmp_path, PAYA_ENV="production")).startswith("PAYA_ENV=production needs a real database")


def test_hosted_mode_names_every_missing_setting(tmp_path):
    said = refused(run_paya(tmp_path, DATABASE_URL="postgresql://nobody@127.0.0.1:1/none"))
    for name in ("PAYA_SECRET", "SUPABASE_URL", "TWILIO_AUTH_TOKEN", "DWOLLA_KEY"):
        assert name in said


@pytest.mark.parametrize("program", ["app", "worker", "scheduler"])
def test_each_program_of_hosted_mode_names_what_is_missing(tmp_path, program):
    said = refused(run_paya(tmp_path, program))
    assert "DATABASE_URL, PAYA_WORKER_DATABASE_URL" in said


def test_a_malformed_setting_is_named(tmp_path):
    said = refused(run_paya(tmp_path, DATABASE_URL="postgresql://nobody@127.0.0.1:1/none", PAYA_ENV="staging"))
    assert "PAYA_ENV" in said


@pytest.mark.parametrize("where", ["home", "home/below/it"])
@pytest.mark.parametrize("command", ["run", "rebase"])
def test_a_home_that_is_a_file(tmp_path, command, where):
    (tmp_path / "home").write_text("mine")
    said = refused(run_paya(tmp_path, command, PAYA_HOME=str(tmp_path / where)))
    assert said.startswith(f"{tmp_path / where} cannot be a folder: it, or a part of its path, is a file.")
    assert said.count("\n") == 0
    assert (tmp_path / "home").read_text() == "mine"


def test_ctrl_c_while_the_pages_are_built_says_how_to_go_on(tmp_path):
    sources = tmp_path / "clone"
    for name in ("paya_app", "assets", "reflex.lock", "supabase"):
        shutil.copytree(ROOT / name, sources / name, ignore=shutil.ignore_patterns("__pycache__", "external"))
    for name in ("rxconfig.py", "pyproject.toml", ".npmrc", "bunfig.toml"):
        shutil.copy2(ROOT / name, sources / name)
    with subprocess.Popen(
        # as a shell starts what it puts into the background: with SIGINT ignored
        ["sh", "-c", "trap '' INT; exec \"$@\"", "sh", sys.executable, "-m", "paya_app", "run"],
        cwd=sources,
        env=clean_environment() | {"PAYA_HOME": str(tmp_path / "home"), "PORT": "8799", "PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as paya:
        assert paya.stdout is not None
        assert paya.stdout.readline().startswith("Building the web pages")
        os.killpg(paya.pid, signal.SIGINT)
        try:
            _, said = paya.communicate(timeout=60)
        finally:
            if paya.poll() is None:
                os.killpg(paya.pid, signal.SIGKILL)
    assert said == "Stopped before PaYa had started. Nothing is lost: make run goes on from there.\n"
    assert paya.returncode == 130


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_home_that_cannot_be_written(tmp_path):
    (tmp_path / "home").mkdir(mode=0o500)
    assert "cannot be written" in refused(run_paya(tmp_path))
