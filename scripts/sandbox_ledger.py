"""Make the sandbox's ledger from the ledger: the same tables, functions and rules, for money that is none.

`python -m scripts.sandbox_ledger` rewrites the migration; a test fails while it is not what this makes. What the
sandbox has not is left out by name, what it has otherwise is replaced, and a text to replace that is not in the ledger
exactly once stops the script: a change of the ledger is looked at here, and never passed over.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

from paya_app.core.sql_statements import split
from scripts.environment import ROOT

MIGRATIONS = ROOT / "supabase" / "migrations"
SOURCES = ("20261120000300_ledger.sql", "20261120000310_ledger_post.sql", "20261120000320_ledger_holds.sql")
FILE = MIGRATIONS / "20261120001222_sandbox_ledger.sql"

_HEADER = """\
-- Sandbox: a ledger for test money, of the same shape and by the same rules as the ledger of real money.
-- Why      What developers try must touch neither revenue nor proof, and go again. Made by `python -m
--          scripts.sandbox_ledger` from the ledger's own migrations, so that test money moves as real money does. Left
--          out: seals and points in time, events (those of charges tell what happened), people's wallets, expiry by
--          the real clock (charges expire by their account's).
-- Units    amount, balance, held: smallest unit of the account's asset (USD_TEST: cents of no dollar), never null.
-- Locks    Accounts in id order, then the hold; a summing account is never locked. READ COMMITTED only.
-- Callers  Definer functions of charges. No login or API role may execute or read anything here.
-- Undo     Forward only.
set local lock_timeout = '5s';

"""
_FOOTER = """
-- Its look at ids is planned while the tables are small, as a scan of all transfers, and the plan lives as long as its
-- connection, or until the tables are analysed: each capture would read every transfer there is. It goes by the index.
alter function sandbox.post_many(
  uuid[], bigint[], bigint[], bigint[], text[], text[], integer[], boolean
) set enable_seqscan = off;
"""
# Statements that begin so (comments before them aside) are not the sandbox's.
_LEFT_OUT = (
    "set local lock_timeout",
    "create unique index account_one_of_each_system_kind",
    "create index transfer_by_transaction",
    "create index entry_at",
    "insert into ledger.account",
    "create function ledger.system_account",
    "comment on function ledger.system_account",
    "create function ledger.wallet_of",
    "comment on function ledger.wallet_of",
    "create function ledger.open_account",
    "comment on function ledger.open_account",
    "create function ledger.open_wallet",
    "comment on function ledger.open_wallet",
    "create function ledger.balance_at",
    "comment on function ledger.balance_at",
    "create view ledger.account_balance",
    "comment on view ledger.account_balance",
    "grant usage on schema ledger",
    "grant execute on function ledger.take_checkpoints",
    "create index hold_open_by_account",
    "create index hold_open_by_expiry",
    "create function ledger.expire_holds",
    "comment on function ledger.expire_holds",
    "grant execute on function ledger.expire_holds",
)
_REPLACED = {
    "'USD', 'BTC'": "'USD_TEST', 'EUR_TEST', 'GBP_TEST', 'CAD_TEST'",
    """
  'wallet', 'receivable', 'reserve', 'loads_uncleared', 'payouts_in_transit', 'revenue', 'rewards_pool', 'operations',
  'capital', 'exchange_cash', 'exchange_in_transit', 'btc_custody', 'btc_in_transit', 'rounding', 'suspense'
""": """
  'cardholder', 'test_issuer', 'merchant_pending', 'merchant_available', 'fees', 'refunds_in_transit', 'dispute_reserve'
""",
    "(new.kind in ('wallet', 'receivable')) <> (new.owner is not null)": "new.owner is null",
    "(new.kind = 'wallet' and new.min_balance is null)": "(new.kind = 'cardholder') <> (new.min_balance is not null)",
    "Wallets have an owner and a floor": "Every account has an owner, cardholders a floor",
    "(reserve, revenue, pools)": "(merchant_pending, fees)",
    "positive is owed to its owner, negative is held elsewhere (a bank, an exchange).": "all of an asset sum to zero.",
    # the row was just locked and updated, and a key would lock it a second time for each charge
    "account_id bigint not null references ledger.account (id),\n  amount": "account_id bigint not null,\n  amount",
    # a state alone decides, so a domain does, which a statement does not read anew
    "state text not null default 'open'": "state sandbox.hold_state not null default 'open'",
    "  constraint state_is_known check (state in ('open', 'captured', 'released', 'expired')),\n": "",
    # a function in SQL is prepared anew by each call: these are asked for each charge
    "returns jsonb\nlanguage sql stable security definer set search_path = pg_catalog, pg_temp as $$\n  select jsonb": (
        "returns jsonb\nlanguage plpgsql stable security definer set search_path = pg_catalog, pg_temp as $$\n"
        "begin\n  return (select jsonb"
    ),
    "where h.id = hold_json.hold_id\n$$": "where h.id = hold_json.hold_id);\nend $$",
    "language sql immutable strict set search_path = pg_catalog, pg_temp as $$\n  select (left(group_id": (
        "language plpgsql immutable strict set search_path = pg_catalog, pg_temp as $$\nbegin\n  return (left(group_id"
    ),
    "lpad(to_hex(leg), 2, '0'))::uuid\n$$": "lpad(to_hex(leg), 2, '0'))::uuid;\nend $$",
    "create table ledger.hold (": (
        "create domain sandbox.hold_state as text check (value in ('open', 'captured', 'released', 'expired'));\n\n"
        "create table ledger.hold ("
    ),
}
_EVENT = re.compile(r"^ *perform events\.record\((?:.|\n)*?\);\n", re.MULTILINE)
_LEADING_COMMENTS = re.compile(r"\A(?:\s*--[^\n]*\n|\s+)*")


def _kept(source: str, used: set[str]) -> list[str]:
    kept = []
    for statement in split(source):
        code = _LEADING_COMMENTS.sub("", statement.text)
        found = [begin for begin in _LEFT_OUT if code.startswith(begin)]
        used.update(found)
        if not found:
            kept.append(statement.text)
    return kept


def made() -> str:
    """The whole migration.

    Raises:
        ValueError: the ledger's migrations no longer hold what is left out or replaced here.
    """
    used: set[str] = set()
    texts = [text for name in SOURCES for text in _kept((MIGRATIONS / name).read_text(), used)]
    if unknown := [begin for begin in _LEFT_OUT if begin not in used]:
        message = f"not in the ledger any more: {unknown}"
        raise ValueError(message)
    body = ";\n\n".join(texts) + ";\n"
    for old, new in _REPLACED.items():
        if body.count(old) != 1:
            message = f"{body.count(old)} times in the ledger: {old}"
            raise ValueError(message)
        body = body.replace(old, new)
    body = _EVENT.sub("", body)
    body = body.replace("private.append_only()", "charges.append_only()")
    body = body.replace("private.now()", "clock_timestamp()")
    body = re.sub(r"\bledger(?=\.)|(?<=schema )ledger\b", "sandbox", body)
    joined = re.sub(r";\n\n(?=comment on|alter table \S+ enable|create trigger)", ";\n", body)
    return _HEADER + joined + _FOOTER


def main() -> None:
    """Write the migration anew."""
    FILE.write_text(made())
    sys.stdout.write(f"{Path(FILE).relative_to(ROOT)}\n")


if __name__ == "__main__":
    main()
