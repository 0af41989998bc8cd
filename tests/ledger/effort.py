"""How hard the generated tests try: the same few examples each time, or many new ones on demand.

`PAYA_LEDGER_EXAMPLES=2000 make test ARGS="tests/ledger"` looks at 2000 fresh histories instead.
"""

import os

from hypothesis import HealthCheck, settings

ASKED = int(os.environ.get("PAYA_LEDGER_EXAMPLES", "0"))


def effort(examples: int, steps: int = 50) -> settings:
    """Settings for a test that tries `examples` histories of `steps` steps unless more are asked for."""
    return settings(
        max_examples=ASKED or examples,
        stateful_step_count=steps,
        derandomize=not ASKED,
        database=None,
        deadline=None,  # a machine under load is not a failure
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.function_scoped_fixture],
    )
