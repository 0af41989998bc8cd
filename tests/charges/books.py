"""What has to be true of charges
and of the sandbox's ledger after anything: each rule one query that finds nothing."""

from tests.support.database import Database

BALANCE = "sandbox.balance_of(charges.account_of(o.account_id, '{kind}', o.asset))"
OWNERS = """(
  select distinct a.owner as account_id, a.asset::text as asset, u.code
  from sandbox.account a join charges.currency u on u.asset = a.asset where a.kind = 'fees'
) o"""

RULES = {
    "an asset's accounts sum to zero": (
        "select asset::text, sum(sandbox.balance_of(id)) from sandbox.account group by asset"
        " having sum(sandbox.balance_of(id)) <> 0"
    ),
    "a balance is the sum of its entries": """
        select a.id, a.balance from sandbox.account a
        left join sandbox.remainder r on r.account_id = a.id
        where not a.is_summing and (a.balance - coalesce(r.balance, 0), a.seq - coalesce(r.entry_count, 0)) <> (
          select coalesce(sum(e.amount), 0), count(*) from sandbox.entry e where e.account_id = a.id)""",
    "what is held is what open holds hold": """
        select a.id, a.held from sandbox.account a where a.held <> (
          select coalesce(sum(h.amount - h.captured), 0) from sandbox.hold h where h.account_id = a.id
            and h.state = 'open')""",
    "a charge's hold is open for what is open of it": """
        select c.id from charges.charge c left join sandbox.hold h on h.id = c.hold_id
        where c.authorized_minor - c.captured_minor - c.released_minor <> coalesce(
          case when h.state = 'open' then h.amount - h.captured else 0 end, 0)
          or coalesce(h.captured, 0) <> c.captured_minor
          or (c.open_until is not null) <> (c.authorized_minor > c.captured_minor + c.released_minor)""",
    "captures add up to their charge": """
        select c.id from charges.charge c
        where (c.captured_minor, c.refunded_minor, c.disputed_minor, c.settled_minor, c.capture_count) <> (
          select coalesce(sum(k.amount_minor), 0), coalesce(sum(k.refunded_minor), 0),
            coalesce(sum(k.disputed_minor), 0),
            coalesce(sum(k.amount_minor) filter (where k.settled_at is not null), 0), count(*)
          from charges.capture k where k.account_id = c.account_id and k.charge_id = c.id)""",
    "portions add up to what they are of": """
        select s.id from (
          select account_id, id, amount_minor from charges.refund union all
          select account_id, id, amount_minor from charges.dispute
        ) s where s.amount_minor <> (
          select coalesce(sum(p.amount_minor), 0) from charges.portion p where p.account_id = s.account_id
            and p.source_id = s.id)""",
    "refunds that did not fail are what was refunded": """
        select c.id from charges.charge c where c.refunded_minor <> (
          select coalesce(sum(r.amount_minor), 0) from charges.refund r
          where r.account_id = c.account_id and r.charge_id = c.id and r.failed_at is null)""",
    "disputes that were not won are what is disputed": """
        select c.id from charges.charge c where c.disputed_minor <> (
          select coalesce(sum(d.amount_minor), 0) from charges.dispute d
          where d.account_id = c.account_id and d.charge_id = c.id and d.outcome is distinct from 'won')""",
    "what is pending is what is not settled": f"""
        select o.* from {OWNERS} where {BALANCE.format(kind="merchant_pending")} <> (
          select coalesce(sum(k.amount_minor - k.fee_minor - k.pending_refunds_minor - k.pending_disputes_minor), 0)
          from charges.capture k where k.account_id = o.account_id and k.currency = o.code
            and k.settled_at is null)""",
    "what is in transit is what refunds are under way with": f"""
        select o.* from {OWNERS} where {BALANCE.format(kind="refunds_in_transit")} <> (
          select coalesce(sum(r.amount_minor), 0) from charges.refund r
          where r.account_id = o.account_id and r.currency = o.code and r.posted_at is not null
            and r.due_at is not null)""",
    "the reserve is what open disputes are about": f"""
        select o.* from {OWNERS} where {BALANCE.format(kind="dispute_reserve")} <> (
          select coalesce(sum(d.amount_minor), 0) from charges.dispute d
          where d.account_id = o.account_id and d.currency = o.code and d.outcome is null)""",
    "fees are those of captures and disputes": f"""
        select o.* from {OWNERS} where {BALANCE.format(kind="fees")} <> (
          select coalesce(sum(k.fee_minor), 0) from charges.capture k where k.account_id = o.account_id
            and k.currency = o.code
        ) + (
          select coalesce(sum(d.fee_minor), 0) from charges.dispute d where d.account_id = o.account_id
            and d.currency = o.code)""",
    "what is available is what settled, less what was given back": f"""
        select o.* from {OWNERS} where {BALANCE.format(kind="merchant_available")} <> (
          select coalesce(sum(s.net_minor), 0) from charges.settlement s where s.account_id = o.account_id
            and s.currency = o.code
        ) - (
          select coalesce(sum(p.amount_minor), 0) from charges.portion p
            join charges.capture k on k.account_id = p.account_id and k.id = p.capture_id
          where p.account_id = o.account_id and k.currency = o.code and not p.was_pending
        ) - (
          select coalesce(sum(d.fee_minor), 0) from charges.dispute d
          join charges.portion p on p.account_id = d.account_id and p.source_id = d.id and p.n = 1
            and not p.was_pending
          where d.account_id = o.account_id and d.currency = o.code
        ) + (
          select coalesce(sum(d.amount_minor), 0) from charges.dispute d
          where d.account_id = o.account_id and d.currency = o.code and d.outcome = 'won'
        ) + (
          select coalesce(sum(p.amount_minor), 0) from charges.refund r
          join charges.portion p on p.account_id = r.account_id and p.source_id = r.id
          join charges.capture k on k.account_id = p.account_id and k.id = p.capture_id
          where r.account_id = o.account_id and r.currency = o.code and r.failed_at is not null
            and (not p.was_pending or p.was_pending and k.settled_at <= r.failed_at and exists (
              select from sandbox.transfer t where t.id = sandbox.leg_id(r.id, 100 + p.n)
                and t.to_account = charges.account_of(o.account_id, 'merchant_available', o.asset))))""",
    "every transfer has two sides that sum to zero": """
        select t.id from sandbox.transfer t where (
          select coalesce(sum(e.amount), 0) from sandbox.entry e
          where (e.account_id, e.seq) in ((t.from_account, t.from_seq), (t.to_account, t.to_seq))
        ) + (
          select coalesce(sum(s.amount), 0) from sandbox.sum_entry s
          where s.account_id in (t.from_account, t.to_account) and s.xid = t.xid and s.batch = t.id
        ) <> 0""",
    "each object's events are its changes": """
        select e.object_id from charges.event e
        join charges.charge c on c.account_id = e.account_id and c.id = e.object_id and c.version < e.version""",
    "real money is not touched": "select id from ledger.transfer",
}


async def assert_books(database: Database) -> None:
    """Every rule holds."""
    async with await database.connect() as connection:
        for rule, query in RULES.items():
            found = await (await connection.execute(query.encode())).fetchall()
            assert found == [], rule


def assert_books_of(connection) -> None:
    """The same over a connection of the caller's."""
    for rule, query in RULES.items():
        assert connection.execute(query.encode()).fetchall() == [], rule
