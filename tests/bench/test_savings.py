"""`paya bench savings` runs whole, at a size whose figures mean nothing but for what is left over."""

import json
import subprocess
import sys


def test_the_quick_run_accounts_for_every_cent_and_satoshi():
    done = subprocess.run(
        [sys.executable, "-m", "paya_app", "bench", "savings", "--quick", "--json"],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    figures = json.loads(done.stdout)
    assert (figures["plans"], figures["orders"]) == (2000, 1)
    assert (figures["cents_unaccounted"], figures["sats_unaccounted"], figures["exact"]) == (0, 0, True)
