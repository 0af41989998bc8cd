"""Commands of `paya` that measure a whole PaYa of their own, run as anyone would run them."""

import json
import os
import signal
import subprocess
import sys
from typing import Any

import pytest

WITHIN_S = 900  # a machine may be busy; a command that hangs is ended all the same
END_S_MAX = 90
# what the person at this machine has set must not reach them
_OUTSIDE = ("PAYA_", "DATABASE_", "SUPABASE_", "TWILIO_", "SNS_", "DWOLLA_", "PLAID_", "KRAKEN_")


def figures_of(*command: str) -> dict[str, Any]:
    """What `paya <command> --json` prints; the test fails with all it said unless it ends with zero."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith(_OUTSIDE)}
    with subprocess.Popen(
        [sys.executable, "-m", "paya_app", *command, "--json"],
        env=clean,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as running:
        try:
            output, errors = running.communicate(timeout=WITHIN_S)
        except subprocess.TimeoutExpired:
            running.terminate()  # asked to, it ends what it started
            try:
                output, errors = running.communicate(timeout=END_S_MAX)
            except subprocess.TimeoutExpired:
                os.killpg(running.pid, signal.SIGKILL)
                output, errors = running.communicate()
            pytest.fail(f"paya {' '.join(command)} did not end in {WITHIN_S} s.\n{output[-3000:]}\n{errors[-3000:]}")
    if running.returncode != 0:
        pytest.fail(f"paya {' '.join(command)} ended with {running.returncode}.\n{output[-6000:]}\n{errors[-6000:]}")
    return json.loads(output)
