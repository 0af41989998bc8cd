"""How much a client may say: a bucket of messages that refills steadily."""

import time

BURST = 60
REFILL_PER_S = 20.0


class Budget:
    """Allows a burst, and then a steady rate."""

    def __init__(self, burst: int = BURST, refill_per_s: float = REFILL_PER_S) -> None:
        self._burst = float(burst)
        self._refill_per_s = refill_per_s
        self._left = float(burst)
        self._at_s = time.monotonic()

    def spend(self) -> bool:
        """Take one message; False when none is left."""
        now_s = time.monotonic()
        self._left = min(self._burst, self._left + (now_s - self._at_s) * self._refill_per_s)
        self._at_s = now_s
        if self._left < 1:
            return False
        self._left -= 1
        return True
