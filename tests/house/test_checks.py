"""What `make check` stands on: its tools, the advisor that must have looked, the browser that must start."""

import subprocess
import sys
from pathlib import Path

import psycopg
import pytest

from paya_app.local.postgres import ensure, prepare
from scripts import advisor, browser, check
from scripts.trouble import CannotContinue

ROOT = Path(__file__).resolve().parents[2]


def a_program(place: Path, script: str) -> Path:
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(f"#!/bin/sh\n{script}\n")
    place.chmod(0o755)
    return place


def test_every_tool_is_installed():
    for command in check.TOOLS.values():
        assert (check.BIN / command[0]).exists(), command[0]


def test_squawk_is_given_every_migration():
    assert check.MIGRATIONS
    assert set(check.MIGRATIONS) <= set(check.TOOLS["squawk"])


def test_a_tool_that_finds_something_fails(capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch):
    finds = ["python", "-c", "print('a fault on line 3'); raise SystemExit(1)"]
    monkeypatch.setattr(check, "TOOLS", {"clean": ["python", "-c", "print('chatter')"], "finds": finds})
    assert check.main([]) == 1
    said = capfd.readouterr().out
    assert "a fault on line 3" in said
    assert "chatter" not in said
    assert "1 of 2 checks found something: finds" in said
    assert check.main(["clean"]) == 0


def test_a_tool_that_nobody_has_heard_of_is_refused(capfd: pytest.CaptureFixture[str]):
    assert check.main(["ruf"]) == 2
    assert "no tool is called ruf" in capfd.readouterr().err


def test_an_advisor_that_sees_nothing_is_a_failure(tmp_path: Path):
    """It is asked about a database with a planted fault; `{"results": []}` is then a lie."""
    cluster = ensure(tmp_path / "home")
    try:
        prepare(cluster, clock=False)
        blind = a_program(tmp_path / "blind", """echo '{"results": [], "message": "db advisors"}'""")
        with pytest.raises(CannotContinue, match="it audits nothing"):
            advisor.audit(cluster, blind)
        with psycopg.connect(cluster.url("postgres")) as connection:
            row = connection.execute("select current_setting('pgrst.db_schemas', true)").fetchone()
        assert row == ("public",), "its rules look at exposed schemas only"
    finally:
        cluster.stop()


@pytest.mark.parametrize(
    ("script", "said"),
    [
        ("echo 'failed to connect' >&2; exit 1", "did not answer: failed to connect"),
        ("""echo '{"_tag": "Error", "error": {"code": "DbConnectError"}}'; exit 1""", "DbConnectError"),
        ("""echo '{"message": "db advisors"}'""", "did not look"),
    ],
)
def test_an_advisor_that_cannot_look_is_a_failure(tmp_path: Path, script: str, said: str):
    with pytest.raises(CannotContinue, match=said):
        advisor.findings(a_program(tmp_path / "cli", script), "postgresql://nobody@127.0.0.1:9/none")


def test_the_browser_that_is_named_must_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("PAYA_CHROMIUM", str(tmp_path / "absent"))
    with pytest.raises(CannotContinue, match="is not a browser that starts"):
        browser.chromium()
    starts = a_program(tmp_path / "starts", "echo Chromium 1")
    monkeypatch.setenv("PAYA_CHROMIUM", str(starts))
    assert browser.chromium() == starts


def test_a_browser_on_the_path_that_does_not_start_is_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    a_program(tmp_path / "chromium", "echo 'install the snap' >&2; exit 1")
    starts = a_program(tmp_path / "google-chrome", "echo Chrome 1")
    monkeypatch.delenv("PAYA_CHROMIUM", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert browser.chromium() == starts


def test_make_without_a_target_lists_every_target():
    done = subprocess.run(["make", "--no-print-directory"], cwd=ROOT, capture_output=True, text=True, check=True)
    phony = next(line for line in (ROOT / "Makefile").read_text().splitlines() if line.startswith(".PHONY:"))
    for target in phony.removeprefix(".PHONY:").split():
        assert f"make {target} " in done.stdout


def test_bootstrapping_needs_the_standard_library_alone():
    """What runs before anything is installed must import on a bare interpreter."""
    modules = ("environment", "installer", "trouble", "browser", "test", "check")
    code = "import sys; sys.path.insert(0, '.')\n" + "\n".join(f"import scripts.{module}" for module in modules)
    done = subprocess.run([sys.executable, "-I", "-S", "-c", code], cwd=ROOT, check=False)
    assert done.returncode == 0
