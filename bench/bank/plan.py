"""What is decided before a run, all of it by the seed: what each worker asks for, and what goes wrong when."""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from uuid import UUID

from bench.bank.history import REVENUE, Operation

FAULTS = (
    "kill_backend",
    "terminate_backend",
    "kill_postmaster",
    "stop_immediately",
    "drop_connections",
    "swallow_acks",
    "pause_backend",
    "delay_bytes",
    "stall_network",
)
SEND_CENTS_MAX = 3000
HOLD_CENTS_MAX = 1200
TWIN_SHARE = 0.05
REPEAT_SHARE = 0.04
REUSE_SHARE = 0.02
BATCH_MAX = 8
SAME_SENDER_SHARE = 0.1


def chance_of(seed: int, name: str) -> random.Random:
    """The dice of one part of a run; text seeds give the same numbers on every machine."""
    return random.Random(f"{seed}/{name}")  # noqa: S311 - it has to repeat, not to be secret


class Ids:
    """Ids in the form of UUIDv7 whose time is a count, so that a seed makes the same ones again."""

    def __init__(self, chance: random.Random) -> None:
        self.chance, self.made = chance, 0

    def next(self) -> UUID:
        """One more."""
        self.made += 1
        low = self.chance.getrandbits(80)
        bits = (self.made << 80) | low
        bits = bits & ~(0xF << 76) | (0x7 << 76)
        return UUID(int=bits & ~(0x3 << 62) | (0x2 << 62))


@dataclass(frozen=True, slots=True)
class PaymentPlan:
    """A payment, and what else is asked under its id.

    `twin`: the same, asked at the same moment by the other path (a second click). `again`: asked once the payment is
    acknowledged; the same, or another amount, which has to be refused.
    """

    payment: Operation
    twin: Operation | None = None
    again: Operation | None = None


def payments(seed: int, name: str, handles: Sequence[str]) -> Iterator[PaymentPlan]:
    """One payer's payments for ever."""
    chance = chance_of(seed, name)
    ids = Ids(chance)
    while True:
        payment = _payment(chance, ids, chance.sample(handles, 2))
        dice = chance.random()
        if dice < TWIN_SHARE:
            payment.is_raced = True
            yield PaymentPlan(payment, twin=_same(payment))
        elif dice < TWIN_SHARE + REPEAT_SHARE:
            yield PaymentPlan(payment, again=_same(payment))
        elif dice < TWIN_SHARE + REPEAT_SHARE + REUSE_SHARE:
            cents = payment.cents + 1
            legs = ((payment.legs[0][0], cents),)
            other = Operation("send", payment.key, payment.giver, cents, legs, expects="key_reused")
            yield PaymentPlan(payment, again=other)
        else:
            yield PaymentPlan(payment)


def _same(o: Operation) -> Operation:
    return Operation(o.verb, o.key, o.giver, o.cents, o.legs, is_raced=o.is_raced)


def batches(seed: int, name: str, handles: Sequence[str]) -> Iterator[list[Operation]]:
    """One batcher's batches for ever: 2 to 8 payments, mostly of different people."""
    chance = chance_of(seed, name)
    ids = Ids(chance)
    while True:
        size = chance.randint(2, BATCH_MAX)
        givers = chance.sample(handles, min(size, len(handles)))
        if chance.random() < SAME_SENDER_SHARE:
            givers.append(givers[0])
        pairs = [(giver, chance.choice([h for h in handles if h != giver])) for giver in givers]
        yield [_payment(chance, ids, pair) for pair in pairs]


def _payment(chance: random.Random, ids: Ids, pair: Sequence[str]) -> Operation:
    cents = chance.randint(1, SEND_CENTS_MAX)
    return Operation("send", ids.next(), pair[0], cents, ((pair[1], cents),))


@dataclass(frozen=True, slots=True)
class HoldPlan:
    """A hold, what is then asked of it at the same time, and what closes it if that did not."""

    hold: Operation
    race: tuple[Operation, Operation]
    sweep: Operation


def holds(seed: int, name: str, handles: Sequence[str]) -> Iterator[HoldPlan]:
    """One holder's holds for ever; each is raced for by two captures, two releases, or one of each."""
    chance = chance_of(seed, name)
    ids = Ids(chance)
    while True:
        giver, cents = chance.choice(handles), chance.randint(4, HOLD_CENTS_MAX)
        hold = Operation("authorize", ids.next(), giver, cents)
        release = [Operation("release", hold.key, giver, hold=hold.key) for _ in range(3)]

        def capture(share: float, *, is_final: bool, hold: Operation = hold) -> Operation:
            part = max(2, int(hold.cents * share))
            taker = chance.choice([h for h in handles if h != hold.giver])
            legs = ((taker, part - 1), (REVENUE, 1))
            return Operation("capture", ids.next(), hold.giver, part, legs, hold=hold.key, is_final=is_final)

        race = chance.choice(
            (
                (capture(1, is_final=True), capture(1, is_final=True)),
                (capture(0.6, is_final=True), capture(0.3, is_final=True)),
                (capture(0.6, is_final=True), release[0]),
                (capture(0.5, is_final=False), capture(0.4, is_final=False)),
                (capture(0.5, is_final=False), release[0]),
                (release[0], release[1]),
            )
        )
        yield HoldPlan(hold, race, release[2])


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that goes wrong.

    `at_s`: seconds from the start, or later when the one before took long. `pick` in [0, 1) chooses among what is
    there at that moment; `size` in [0, 1) says how much or how long.
    """

    at_s: float
    kind: str
    pick: float
    size: float


def faults(seed: int, kinds: Sequence[str], *, gap_s: float) -> Iterator[Fault]:
    """Faults for ever: every kind once in each round, in the seed's order, `gap_s` seconds apart on average."""
    chance = chance_of(seed, "nemesis")
    at_s = 0.0
    while kinds:
        for kind in chance.sample(kinds, len(kinds)):
            at_s += gap_s * (0.5 + chance.random())
            yield Fault(at_s, kind, chance.random(), chance.random())
