"""What happened stays as it was written: not even the owner of the tables can change it."""

import psycopg
import pytest

from paya_app.core.ids import new_id
from tests.ledger.books import Books, Refused

COLUMNS = {
    "ledger.transfer": "amount = amount + 1",
    "ledger.entry": "balance_after = balance_after + 1",
    "ledger.sum_entry": "amount = amount + 1",
    "ledger.capture": "amount = amount - 1",
    "ledger.checkpoint": "balance = balance + 1",
    "ledger.chunk": "moved = moved + 1",
    "events.event": "version = version + 1",
    "risk.limit_value": "value_max = value_max + 1",
}


@pytest.fixture
def history(book: Books):
    """One row at least in every table; the ids of an open hold of which 10 of 50 were captured, and of a closed one."""
    ann, bob = book.open(500, 0)
    book.value("select ledger.post(%s, %s, %s, 5, 'payment')", new_id(), ann, bob)
    open_hold, closed_hold = new_id(), new_id()
    for hold in (open_hold, closed_hold):
        book.value("select ledger.authorize(%s, %s, 50, 'card')", hold, ann)
        book.value("select ledger.capture_hold(%s, %s, %s, %s, 'captured', false)", new_id(), hold, [bob], [10])
    book.value("select ledger.release(%s)", closed_hold)
    book.value("select ledger.distribute(%s, %s, %s, '{1}', 'reward')", new_id(), book.system("rewards_pool"), [ann])
    assert book.value("select ledger.take_checkpoints(1)") > 0
    return open_hold, closed_hold


def as_owner(book: Books, statement: str, *params) -> Refused | None:
    """What a statement of the tables' owner gives: None when it passed."""
    book.rows("set role postgres")
    try:
        book.rows(statement, *params)
    except psycopg.Error as error:
        if error.diag.sqlstate not in {"PA000", "23514"}:
            raise
        return Refused(error.diag.message_primary or "")
    finally:
        book.rows("reset role")


@pytest.mark.usefixtures("history")
@pytest.mark.parametrize("table", sorted(COLUMNS))
@pytest.mark.parametrize("verb", ["update {} set {}", "delete from {}", "truncate {} cascade"])
def test_rows_of_the_record_cannot_be_touched(book, table, verb):
    assert book.value(f"select count(*) from {table}") > 0
    before = book.fingerprint()
    assert as_owner(book, verb.format(table, COLUMNS[table])) == Refused("append_only")
    assert book.fingerprint() == before


@pytest.mark.usefixtures("history")
@pytest.mark.parametrize("statement", ["delete from ledger.{}", "truncate ledger.{} cascade"])
@pytest.mark.parametrize("table", ["account", "hold"])
def test_accounts_and_holds_are_never_removed(book, table, statement):
    assert as_owner(book, statement.format(table)) == Refused("append_only")


@pytest.mark.parametrize(
    "change",
    [
        "captured = captured - 1, version = version + 1",
        "captured = captured + 1",
        "version = version + 2",
        "version = version - 1",
        "amount = amount + 1, version = version + 1",
        "account_id = 1, version = version + 1",
        "kind = 'other', version = version + 1",
        "ref = 'other', version = version + 1",
        "opened_at = now(), version = version + 1",
        "expires_at = now() + '1 day', version = version + 1",
        "id = gen_random_uuid(), version = version + 1",
    ],
)
def test_a_hold_only_moves_forward(book, history, change):
    open_hold, _ = history
    assert as_owner(book, f"update ledger.hold set {change} where id = %s", open_hold) == Refused("append_only")


@pytest.mark.parametrize(
    "change",
    [
        "state = 'open', closed_at = null, version = version + 1",
        "state = 'expired', version = version + 1",
        "captured = captured + 1, version = version + 1",
        "version = version + 1",
        "closed_at = now(), version = version + 1",
    ],
)
def test_a_closed_hold_stays_as_it_is(book, history, change):
    _, closed_hold = history
    assert as_owner(book, f"update ledger.hold set {change} where id = %s", closed_hold) == Refused("append_only")


def test_more_than_a_hold_has_cannot_be_captured_by_the_owner_either(book, history):
    open_hold, _ = history
    broken = as_owner(book, "update ledger.hold set captured = 51, version = version + 1 where id = %s", open_hold)
    assert broken is not None
    assert "captured_is_within" in broken.code


def test_every_table_of_the_ledger_is_guarded(book):
    """Those that are added later too: from delete, truncate and update, which accounts alone need for their balance."""
    guarded: dict[str, set[str]] = {row[0]: set() for row in book.rows(
        "select tablename::text from pg_tables where schemaname = 'ledger'")}  # fmt: skip
    verbs = {8: "delete", 16: "update", 32: "truncate"}
    for table, kind in book.rows(
        "select c.relname::text, t.tgtype from pg_trigger t join pg_class c on c.oid = t.tgrelid "
        "where c.relnamespace = 'ledger'::regnamespace and t.tgenabled = 'O' and t.tgfoid in "
        "('private.append_only'::regproc, 'ledger.hold_moves_forward'::regproc)"
    ):
        guarded[table] |= {verb for bit, verb in verbs.items() if kind & bit}
    everything = {"update", "delete", "truncate"}
    assert {table: everything - has for table, has in guarded.items() if has != everything} == {"account": {"update"}}
