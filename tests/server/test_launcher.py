"""Where Reflex finds our settings, and what happens when it does not."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from paya_app.core.config import settings
from paya_app.server import embedded, launcher
from paya_app.server.build import ROOT, STAMP

ASK = "from paya_app.server.launcher import require_configured; require_configured(); print('ours')"


def asked_from(folder: Path) -> subprocess.CompletedProcess[str]:
    clean = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    return subprocess.run(
        [sys.executable, "-P", "-c", ASK], cwd=folder, env=clean, capture_output=True, text=True, check=False
    )


@pytest.fixture
def began_with(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A bundle that a run began with, and that is not the one of the sources as they are now."""
    bundle = tmp_path / "bundle"
    bundle.mkdir()
    (bundle / STAMP).write_text("{}")
    monkeypatch.setenv("PAYA_LOCAL_BUNDLE", str(bundle))
    settings.cache_clear()
    yield bundle
    settings.cache_clear()


def test_what_is_started_again_serves_the_pages_that_the_run_began_with(began_with: Path):
    assert launcher.pages_to_serve() == began_with


def test_the_supervisor_tells_its_programs_which_pages_it_began_with(tmp_path: Path):
    supervisor = embedded.compose(tmp_path / "home", "127.0.0.1", 8700, lambda _: None, bundle=tmp_path / "bundle")
    app = next(program for program in supervisor.programs if program.name == "app")
    assert app.environment["PAYA_LOCAL_BUNDLE"] == str(tmp_path / "bundle")


def test_reflex_without_our_settings_is_not_served(tmp_path: Path):
    done = asked_from(tmp_path)
    assert done.returncode != 0
    assert "did not find PaYa's rxconfig.py" in done.stderr


def test_reflex_with_our_settings_is(tmp_path: Path):
    (tmp_path / "rxconfig.py").write_bytes((ROOT / "rxconfig.py").read_bytes())
    done = asked_from(tmp_path)
    assert done.stdout == "ours\n", done.stderr
