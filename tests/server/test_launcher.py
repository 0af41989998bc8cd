"""Where Reflex finds our settings, and what happens when it does not."""

import os
import subprocess
import sys
from pathlib import Path

from paya_app.server.build import ROOT

ASK = "from paya_app.server.launcher import require_configured; require_configured(); print('ours')"


def asked_from(folder: Path) -> subprocess.CompletedProcess[str]:
    clean = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    return subprocess.run(
        [sys.executable, "-P", "-c", ASK], cwd=folder, env=clean, capture_output=True, text=True, check=False
    )


def test_reflex_without_our_settings_is_not_served(tmp_path: Path):
    done = asked_from(tmp_path)
    assert done.returncode != 0
    assert "did not find PaYa's rxconfig.py" in done.stderr


def test_reflex_with_our_settings_is(tmp_path: Path):
    (tmp_path / "rxconfig.py").write_bytes((ROOT / "rxconfig.py").read_bytes())
    done = asked_from(tmp_path)
    assert done.stdout == "ours\n", done.stderr
