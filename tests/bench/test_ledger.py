"""`paya bench ledger` runs whole, at a size whose figures mean nothing."""

import json
import subprocess
import sys

PATHS = {"post", "send", "post_many(100)", "hot merchant"}


def test_the_quick_form_measures_every_path():
    ran = subprocess.run(
        [sys.executable, "-m", "paya_app", "bench", "ledger", "--quick", "--json"],
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert ran.returncode == 0, ran.stderr[-2000:]
    figures = json.loads(ran.stdout)
    for name in PATHS:
        assert figures[name]["per_s"]["min"] > 0, name
        assert figures[name]["cpu_us"]["min"] > 0, name
        assert figures[name]["wal_bytes"]["min"] > 0, name
        assert figures[name]["ratio"]["min"] > 0, name
    assert figures["python_32_callers"]["batcher"]["per_s"]["min"] > 0
    assert figures["rewards_wallets_per_s"]["min"] > 0
    assert figures["due_plans_per_s"]["min"] > 0
    assert figures["growth"]["cpu_us_after"]["min"] > 0
