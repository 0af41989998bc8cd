"""A ledger under test: accounts to move money between, refusals as values, and the rules that must always hold."""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import psycopg

from paya_app.core.ids import new_id
from paya_app.local.postgres import Cluster
from tests.support import database as databases

# Each names what breaks a rule of the ledger; none may ever give a row. Entries are compared with the transfers
# that made them, accounts with their entries, holds with their captures: nothing is compared with itself.
RULES = {
    "a transfer has its two sides, of opposite amounts": """
        select t.id::text from ledger.transfer t
        join ledger.account g on g.id = t.from_account join ledger.account r on r.id = t.to_account
        where g.is_summing <> (t.from_seq is null) or r.is_summing <> (t.to_seq is null)
          or (select count(*) from ledger.entry e where e.transfer_id = t.id
              and (e.account_id, e.seq, e.amount) in (
                (t.from_account, t.from_seq, -t.amount), (t.to_account, t.to_seq, t.amount)))
             <> num_nonnulls(t.from_seq, t.to_seq)
          or (select count(*) from ledger.entry e where e.transfer_id = t.id) <> num_nonnulls(t.from_seq, t.to_seq)""",
    "a transfer has accounts, of one asset": """
        select t.id::text from ledger.transfer t left join ledger.account g on g.id = t.from_account
        left join ledger.account r on r.id = t.to_account
        where g.asset is distinct from r.asset or g.id is null or g.id = r.id or t.amount <= 0""",
    "a summing account's entries are its transfers, per transaction": """
        select x.account_id || ':' || x.xid from (
          select from_account as account_id, xid, -amount as amount, 1 as transfers
          from ledger.transfer where from_seq is null
          union all select to_account, xid, amount, 1 from ledger.transfer where to_seq is null
          union all select account_id, xid, -amount, -transfer_count from ledger.sum_entry) x
        group by x.account_id, x.xid having sum(x.amount) <> 0 or sum(x.transfers) <> 0""",
    "entries have no gaps and chain, and an account is where they end": """
        select a.id::text from ledger.account a left join (
          select account_id, count(*) as entries, min(seq) as first, max(seq) as last, sum(amount) as total,
            bool_and(balance_after = chained) as chains
          from (select *, sum(amount) over (partition by account_id order by seq) as chained from ledger.entry) c
          group by account_id
        ) e on e.account_id = a.id
        where (a.balance, a.seq) is distinct from (coalesce(e.total, 0)::bigint, coalesce(e.entries, 0))
          or e.first <> 1 or e.last <> e.entries or not e.chains""",
    "what the ledger answers for a balance is the sum of all entries": """
        select a.id::text from ledger.account a
        where ledger.balance_of(a.id)
          <> coalesce((select sum(e.amount) from ledger.entry e where e.account_id = a.id), 0)
          + coalesce((select sum(s.amount) from ledger.sum_entry s where s.account_id = a.id), 0)""",
    "balances of an asset sum to zero": """
        select a.asset from ledger.account a group by a.asset having sum(ledger.balance_of(a.id)) <> 0""",
    "nothing is spent below the floor": """
        select id::text from ledger.account where held < 0 or balance - held < min_balance""",
    "what is held is what open holds have left": """
        select a.id::text from ledger.account a left join ledger.hold h on h.account_id = a.id and h.state = 'open'
        group by a.id having a.held <> coalesce(sum(h.amount - h.captured), 0)""",
    "what was captured is what its transfers moved": """
        select h.id::text from ledger.hold h
        left join ledger.capture c on c.hold_id = h.id
        left join lateral (
          select sum(t.amount) as amount, count(*) as legs from ledger.transfer t
          where t.from_account = h.account_id
            and t.id in (select ledger.leg_id(c.id, n) from generate_series(1, c.leg_count) n)
        ) t on true
        group by h.id having h.captured <> coalesce(sum(c.amount), 0) or h.captured <> coalesce(sum(t.amount), 0)
          or coalesce(sum(c.leg_count), 0) <> coalesce(sum(t.legs), 0) or h.captured > h.amount
          or (h.state = 'captured') <> (coalesce(bool_or(c.is_final), false) or h.captured = h.amount)""",
    "one event for each change of a hold": """
        select h.id::text from ledger.hold h left join events.event e on e.subject = h.id and e.kind like 'hold.%%'
        group by h.id
        having array_agg(e.version order by e.version) <> array(select generate_series(1, h.version)::bigint)""",
}
TABLES = ("account", "transfer", "entry", "sum_entry", "hold", "capture", "checkpoint")


@dataclass(frozen=True)
class Refused:
    """What the ledger said instead of doing it."""

    code: str


@dataclass(frozen=True)
class Books:
    """The ledger of one database, over one connection in autocommit, as the superuser."""

    connection: psycopg.Connection[Any]

    def ask(self, call: str, *params: Any) -> Any:
        """The one value of a call, or Refused. Anything that is no refusal of ours is raised."""
        try:
            row = self.connection.execute(f"select {call}".encode(), params).fetchone()
        except psycopg.Error as error:
            return refused(error)
        return row[0] if row else None

    def rows(self, statement: str, *params: Any) -> list[tuple[Any, ...]]:
        """The rows of a statement; its parameters one by one, or named in one mapping."""
        named = params[0] if len(params) == 1 and isinstance(params[0], dict) else params
        cursor = self.connection.execute(statement.encode(), named or None)
        return cursor.fetchall() if cursor.description else []

    def value(self, statement: str, *params: Any) -> Any:
        """The first column of the first row."""
        return self.rows(statement, *params)[0][0]

    def open(self, *cents: int, asset: str = "USD") -> list[int]:
        """New wallets of people nobody knows, each with so many cents."""
        opened = [
            row[0]
            for row in self.rows(
                "insert into ledger.account (asset, kind, owner, min_balance) "
                "select %s, 'wallet', gen_random_uuid(), 0 from generate_series(1, %s) returning id",
                asset,
                len(cents),
            )
        ]
        source = self.system("reserve") if asset == "USD" else self.system("btc_custody", asset)
        paid_in = [
            (new_id(), source, a, amount, "test_mint") for a, amount in zip(opened, cents, strict=True) if amount
        ]
        if paid_in:
            post_many(self, paid_in)
        return opened

    def system(self, kind: str, asset: str = "USD") -> int:
        """The id of a system account."""
        return self.value("select ledger.system_account(%s, %s)", kind, asset)

    def set_state(self, account: int, state: str) -> None:
        """Restrict, freeze or free an account."""
        self.rows("update ledger.account set state = %s where id = %s", state, account)

    def balance(self, account: int) -> int:
        """What an account has, held included."""
        return self.value("select ledger.balance_of(%s)", account)

    def broken_rules(self) -> dict[str, list[str]]:
        """Which rules do not hold, and for what."""
        found = {rule: [row[0] for row in self.rows(sql.replace("%%", "%"))] for rule, sql in RULES.items()}
        return {rule: rows for rule, rows in found.items() if rows}

    def fingerprint(self) -> str:
        """A checksum over every row that says where money is, and over the events.

        Not over ledger.chunk, which notes what was answered: also when nobody could pay.
        """
        parts = [
            f"(select md5(coalesce(string_agg(t::text, '|' order by t::text), '')) from ledger.{t} t)" for t in TABLES
        ]
        parts += ["(select md5(coalesce(string_agg(e::text, '|' order by e.id), '')) from events.event e)"]
        parts += ["(select md5(coalesce(string_agg(p::text, '|' order by p.id), '')) from public.payments p)"]
        return self.value(f"select md5({' || '.join(parts)})")


def refused(error: psycopg.Error) -> Refused:
    """The refusal in a driver's exception; what is none is raised again."""
    if error.diag.sqlstate != "PA000":
        raise error
    json.loads(error.diag.message_detail or "{}")
    return Refused(error.diag.message_primary or "")


@contextmanager
def books(cluster: Cluster) -> Iterator[Books]:
    """The ledger of a fresh database."""
    database = databases.create_database(cluster)
    try:
        with psycopg.connect(database.url(databases.SUPERUSER), autocommit=True) as connection:
            yield Books(connection)
    finally:
        databases.drop_database(database)


def post_many(
    book: Books, orders: Sequence[tuple[UUID, int, int, int, str]], groups: Sequence[int | None] | None = None
) -> list[tuple[int | None, bool, str | None]]:
    """Orders (id, from, to, amount, kind) through post_many: (balance after, whether a replay, refusal) of each."""
    ids, givers, takers, amounts, kinds = (list(column) for column in zip(*orders, strict=True))
    return book.rows(  # type: ignore[return-value]
        "select balance_after, is_replay, refusal from ledger.post_many("
        "%s::uuid[], %s::bigint[], %s::bigint[], %s::bigint[], %s::text[], null, %s::integer[]) order by n",
        ids,
        givers,
        takers,
        amounts,
        kinds,
        None if groups is None else list(groups),
    )
