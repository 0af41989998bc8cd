"""The measurement of reconciliation runs, and a healthy ledger has no finding under it."""

from bench.reconcile import measure


def test_it_measures_a_full_run_and_each_incremental_one():
    figure = measure(500, rounds=1, transfers=1000)
    assert (figure["accounts"], len(figure["incremental_s"])) == (500, 1)
    assert figure["incremental_s_median"] > 0
