"""The pure rules, against pages of Python that were written without them."""

from datetime import UTC, date, datetime, timedelta
from itertools import product

from paya_app.banking.bank_days import after_bank_days, is_bank_day

STATE = "select charges.state(%s, %s, %s, %s, %s, %s, %s, %s, %s)"


def state_of(requested, a, c, v, r, d, s, reason, stage):  # noqa: PLR0917 - one name for each amount
    """The state in other words: from the end of a charge to its beginning."""
    if a == 0:
        return "declined"
    if stage in ("needs_response", "under_review"):
        return "disputed"
    if c == 0:
        if a == v:
            return reason
        return "authorized" if a == requested else "partially_authorized"
    if c == r + d:
        return "charged_back" if d else "refunded"
    if a > c + v:
        return "partially_captured"
    if r:
        return "partially_refunded"
    return "captured" if s < c else "settled"


async def test_every_state_of_a_small_charge(database):
    cases = [
        (requested, a, c, v, r, d, s, reason, stage)
        for requested, a, c, v, r, d, s in product((3,), (0, 2, 3), *[range(4)] * 5)
        if c + v <= a and r + d <= c and s <= c
        for reason in ("declined", None, "voided", "expired")
        for stage in (None, "needs_response", "under_review", "won", "lost")
        if (reason == "declined") == (a == 0)
        and not (a and c == 0 and v == a and reason is None)
        and (stage is None or c > 0)
    ]
    rows = await database.rows(
        "select charges.state(q.r, q.a, q.c, q.v, q.rf, q.d, q.s, q.why, q.stage) from unnest("
        "%s::bigint[], %s::bigint[], %s::bigint[], %s::bigint[], %s::bigint[], %s::bigint[], %s::bigint[], %s::text[],"
        " %s::text[]) with ordinality q (r, a, c, v, rf, d, s, why, stage, n) order by n",
        [list(column) for column in zip(*cases, strict=True)],
    )
    assert len(cases) > 500
    assert [found for (found,) in rows] == [state_of(*case) for case in cases]
    # every state there is has been met, and has its next ones
    assert {found for (found,) in rows} == {
        "declined", "authorized", "partially_authorized", "voided", "expired", "partially_captured", "captured",
        "settled", "partially_refunded", "refunded", "disputed", "charged_back",
    }  # fmt: skip


async def test_bank_days_are_those_of_the_bank(database):
    first, last = date(2020, 1, 1), date(2045, 12, 31)
    rows = await database.rows(
        "select d::date, charges.is_bank_day(d::date) from generate_series(%s::date, %s::date, interval '1 day') d",
        [first, last],
    )
    assert len(rows) > 9000
    assert [day for day, is_open in rows if is_open != is_bank_day(day)] == []


async def test_settlement_comes_at_noon_of_the_next_bank_day(database):
    start = datetime(2027, 1, 1, 3, 30, tzinfo=UTC)
    moments = [start + timedelta(hours=17 * n) for n in range(900)]
    rows = await database.rows(
        "select charges.after_bank_days(m, n::integer)"
        " from unnest(%s::timestamptz[]) m, unnest(array[1, 3]) n order by m, n",
        [moments],
    )
    assert [found for (found,) in rows] == [after_bank_days(moment, n) for moment in moments for n in (1, 3)]


async def test_a_fee_is_never_more_than_what_it_is_of(database):
    rows = await database.rows("select n, charges.fee_minor(n, 290, 30) from generate_series(1, 5000) n")
    assert all(0 < fee <= amount for amount, fee in rows)
    assert dict(rows)[1000] == 59
    assert dict(rows)[50] == 31  # 1.45 is 1
    assert dict(rows)[500] == 44  # 14.5 is 14: halves to the even one
