"""The whole of PaYa under kill -9: what `paya faults kill` measures, once through."""

import json
import os
import subprocess
import sys

import pytest

# One worker runs all crash tests, one after the other: each has a whole PaYa of its own.
pytestmark = pytest.mark.xdist_group("crash")


def test_every_program_comes_back_and_no_payment_is_lost_or_doubled():
    outside = ("PAYA_", "DATABASE_", "SUPABASE_", "TWILIO_", "DWOLLA_", "PLAID_", "KRAKEN_")
    clean = {k: v for k, v in os.environ.items() if not k.startswith(outside)}
    done = subprocess.run(
        [sys.executable, "-m", "paya_app", "faults", "kill", "--json", "--seed", "1"],
        env=clean,
        capture_output=True,
        text=True,
        timeout=400,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    figures = json.loads(done.stdout)
    assert {kill["killed"] for kill in figures["kills"]} == {"postgres", "vendors", "app", "worker", "scheduler"}
    assert figures["acknowledged"] > 100
    assert figures["lost"] == figures["doubled"] == 0
