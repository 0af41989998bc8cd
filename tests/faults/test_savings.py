"""`paya faults savings`, shortly: three days down, two schedulers, and an order whose answer is lost."""

import json
import subprocess
import sys


def test_both_books_say_the_same_when_an_answer_is_lost_after_three_days_down():
    ran = subprocess.run(
        [sys.executable, "-m", "paya_app", "faults", "savings", "--waves", "1", "--json"],
        capture_output=True,
        text=True,
        timeout=400,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout[-3000:] + ran.stderr[-2000:]
    figures = json.loads(ran.stdout)
    assert figures["bought_after_three_days_down"] == figures["plans_that_catch_up_once"] > 0
    assert figures["bought"] == figures["plans_that_catch_up_once"] + 20
    assert figures["sats_at_the_exchange"] == figures["sats_in_our_custody"]
