"""What is wrong is refused by its name, on every path, and leaves no trace in any table."""

from uuid import UUID

import psycopg
import pytest

from paya_app.core.ids import new_id
from tests.ledger.books import Refused, books, post_many, refused


@pytest.fixture(scope="module")
def book(cluster):
    with books(cluster) as made:
        yield made


@pytest.fixture(scope="module")
def at(book):
    """The accounts by name; `open_hold` is a hold of 50 on ann's wallet, `closed_hold` one that was released."""
    ann, bob, tied, iced = book.open(500, 500, 500, 500)
    (coin,) = book.open(500, asset="BTC")
    made = {"ann": ann, "bob": bob, "tied": tied, "iced": iced, "coin": coin, "nobody": 10**9}
    made |= {name: book.system(name) for name in ("reserve", "revenue")}
    made |= {"open_hold": new_id(), "closed_hold": new_id(), "late_hold": new_id()}
    for hold in ("open_hold", "closed_hold"):
        book.value("select ledger.authorize(%s, %s, 50, 'card')", made[hold], ann)
    book.value("select ledger.release(%s)", made["closed_hold"])
    for held, name in ((new_id(), "tied"), (new_id(), "iced")):
        made[f"{name}_hold"] = held
        book.value("select ledger.authorize(%s, %s, 50, 'card')", held, made[name])
    book.value("select ledger.authorize(%s, %s, 50, 'card', private.now() + '1 hour')", made["late_hold"], ann)
    book.set_state(tied, "restricted")
    book.set_state(iced, "frozen")
    return made


@pytest.fixture
def is_untouched(book, at):
    """Fails when the test changed any row of the ledger, any event or any payment."""
    before = book.fingerprint()
    yield
    assert book.fingerprint() == before


def call(book, at, sql: str, **more) -> object:
    """The answer to a call whose `:name` are accounts and holds, and whose `:new` is a fresh id."""
    names = {**at, **more}
    params = []
    for name in sorted(names, key=len, reverse=True):
        sql = sql.replace(f":{name}", f"%({name})s")
    while ":new" in sql:
        sql = sql.replace(":new", f"%(new{len(params)})s", 1)
        params.append(new_id())
    values = names | {f"new{n}": i for n, i in enumerate(params)}
    try:
        row = book.connection.execute(f"select {sql}".encode(), values).fetchone()
    except psycopg.Error as error:
        return refused(error).code
    return row[0]


@pytest.mark.usefixtures("is_untouched")
@pytest.mark.parametrize(
    "amount", ["0", "-1", "null", "1000000000000001", "9223372036854775807", "-9223372036854775808"]
)
@pytest.mark.parametrize(
    "sql",
    [
        "ledger.post(:new, :ann, :bob, {}, 'payment')",
        "ledger.post(:new, :reserve, :bob, {}, 'load')",
        "(ledger.post_many(array[:new], array[:ann], array[:bob], array[{}]::bigint[], array['payment'])).refusal",
        "ledger.authorize(:new, :ann, {}, 'card')",
        "ledger.capture_hold(:new, :open_hold, array[:bob], array[{}]::bigint[], 'captured')",
        "ledger.capture_hold(:new, :open_hold, array[:bob, :revenue], array[1, {}]::bigint[], 'captured')",
        "ledger.distribute(:new, :revenue, array[:bob], array[{}]::bigint[], 'reward')",
        "ledger.distribute(:new, :revenue, array[:ann, :bob], array[1, {}]::bigint[], 'reward')",
        "(ledger.collect(:new, array[:ann, :bob], array[1, {}]::bigint[], :revenue, 'fee')).refusal",
    ],
)
def test_amounts_are_from_one_to_a_quadrillion(book, at, sql, amount):
    assert call(book, at, sql.format(amount)) == "amount_invalid"


@pytest.mark.usefixtures("is_untouched")
@pytest.mark.parametrize(
    ("sql", "code"),
    [
        # the same account twice
        ("ledger.post(:new, :ann, :ann, 5, 'payment')", "transfer_malformed"),
        ("ledger.post(:new, :reserve, :reserve, 5, 'load')", "transfer_malformed"),
        ("ledger.capture_hold(:new, :open_hold, array[:ann], array[5], 'captured')", "transfer_malformed"),
        ("ledger.distribute(:new, :revenue, array[:ann, :ann], array[5, 5], 'reward')", "account_unknown"),
        # accounts that are not there, and null
        ("ledger.post(:new, :nobody, :ann, 5, 'payment')", "account_unknown"),
        ("ledger.post(:new, :ann, :nobody, 5, 'payment')", "account_unknown"),
        ("ledger.post(:new, :reserve, :nobody, 5, 'load')", "account_unknown"),
        ("ledger.post(:new, :nobody, :revenue, 5, 'load')", "account_unknown"),
        ("ledger.post(null, :ann, :bob, 5, 'payment')", "transfer_malformed"),
        ("ledger.post(:new, null, :bob, 5, 'payment')", "transfer_malformed"),
        ("ledger.post(:new, :ann, null, 5, 'payment')", "transfer_malformed"),
        ("ledger.post(:new, :ann, :bob, 5, null)", "transfer_malformed"),
        ("ledger.authorize(:new, :nobody, 5, 'card')", "account_unknown"),
        ("ledger.authorize(:new, :reserve, 5, 'card')", "account_unknown"),
        ("ledger.authorize(null, :ann, 5, 'card')", "transfer_malformed"),
        ("ledger.authorize(:new, null, 5, 'card')", "transfer_malformed"),
        ("ledger.authorize(:new, :ann, 5, null)", "transfer_malformed"),
        ("ledger.capture_hold(:new, :open_hold, array[:nobody], array[5], 'captured')", "account_unknown"),
        ("ledger.capture_hold(:new, :open_hold, array[:bob, null], array[5, 5], 'captured')", "transfer_malformed"),
        ("ledger.capture_hold(null, :open_hold, array[:bob], array[5], 'captured')", "transfer_malformed"),
        ("ledger.capture_hold(:new, null, array[:bob], array[5], 'captured')", "transfer_malformed"),
        ("ledger.capture_hold(:new, :open_hold, null, array[5], 'captured')", "transfer_malformed"),
        ("ledger.capture_hold(:new, :open_hold, array[:bob], null, 'captured')", "transfer_malformed"),
        ("ledger.capture_hold(:new, :open_hold, array[:bob], array[5], null)", "transfer_malformed"),
        ("ledger.capture_hold(:new, :open_hold, array[:bob], array[5], 'captured', null)", "transfer_malformed"),
        ("ledger.capture_hold(:new, :new, array[:bob], array[5], 'captured')", "not_found"),
        ("ledger.release(:new)", "not_found"),
        ("ledger.release(null)", "not_found"),
        ("ledger.close_hold(:open_hold, null)", "transfer_malformed"),
        ("ledger.close_hold(:open_hold, 'captured')", "transfer_malformed"),
        ("ledger.close_hold(:open_hold, 'expired')", "hold_not_expired"),
        ("ledger.close_hold(:late_hold, 'expired')", "hold_not_expired"),
        ("ledger.distribute(null, :revenue, array[:ann], array[5], 'reward')", "batch_malformed"),
        ("ledger.distribute(:new, null, array[:ann], array[5], 'reward')", "account_unknown"),
        ("ledger.distribute(:new, :ann, array[:bob], array[5], 'reward')", "account_unknown"),
        ("ledger.distribute(:new, :revenue, array[:ann, null], array[5, 5], 'reward')", "account_unknown"),
        ("ledger.distribute(:new, :revenue, array[:ann, :nobody], array[5, 5], 'reward')", "account_unknown"),
        ("ledger.distribute(:new, :revenue, array[:ann, :reserve], array[5, 5], 'reward')", "account_unknown"),
        ("ledger.distribute(:new, :revenue, null, array[5], 'reward')", "batch_malformed"),
        ("ledger.distribute(:new, :revenue, array[:ann], null, 'reward')", "batch_malformed"),
        ("ledger.distribute(:new, :revenue, array[:ann], array[5], null)", "batch_malformed"),
        ("(ledger.collect(null, array[:ann], array[5], :revenue, 'fee')).refusal", "batch_malformed"),
        ("(ledger.collect(:new, null, array[5], :revenue, 'fee')).refusal", "batch_malformed"),
        ("(ledger.collect(:new, array[:ann], null, :revenue, 'fee')).refusal", "batch_malformed"),
        ("(ledger.collect(:new, array[:ann], array[5], :revenue, null)).refusal", "batch_malformed"),
        ("(ledger.collect(:new, array[:ann], array[5], null, 'fee')).refusal", "account_unknown"),
        ("(ledger.collect(:new, array[:ann], array[5], :bob, 'fee')).refusal", "account_unknown"),
        ("(ledger.collect(:new, array[:ann, :nobody], array[5, 5], :revenue, 'fee')).refusal", "account_unknown"),
        ("(ledger.collect(:new, array[:ann, :ann], array[5, 5], :revenue, 'fee')).refusal", "account_unknown"),
        ("(ledger.collect(:new, array[:ann, :coin], array[5, 5], :revenue, 'fee')).refusal", "account_unknown"),
        ("(ledger.collect(:new, array[:ann, :reserve], array[5, 5], :revenue, 'fee')).refusal", "account_unknown"),
        ("(ledger.collect(:new, array[:ann, null], array[5, 5], :revenue, 'fee')).refusal", "account_unknown"),
        ("(ledger.collect(:new, array[:ann], array[451], :revenue, 'fee')).refusal", "insufficient_funds"),
        ("(ledger.collect(:new, array[:tied], array[5], :revenue, 'buy')).refusal", "account_unavailable"),
        ("(ledger.collect(:new, array[:iced], array[5], :revenue, 'buy')).refusal", "account_unavailable"),
        # another asset
        ("ledger.post(:new, :ann, :coin, 5, 'payment')", "asset_mismatch"),
        ("ledger.post(:new, :coin, :ann, 5, 'payment')", "asset_mismatch"),
        ("ledger.post(:new, :coin, :reserve, 5, 'payment')", "asset_mismatch"),
        ("ledger.post(:new, :reserve, :coin, 5, 'load')", "asset_mismatch"),
        ("ledger.capture_hold(:new, :open_hold, array[:coin], array[5], 'captured')", "asset_mismatch"),
        ("ledger.capture_hold(:new, :open_hold, array[:bob, :coin], array[5, 5], 'captured')", "asset_mismatch"),
        ("ledger.distribute(:new, :revenue, array[:ann, :coin], array[5, 5], 'reward')", "account_unknown"),
        # more than there is
        ("ledger.post(:new, :ann, :bob, 501, 'payment')", "insufficient_funds"),
        ("ledger.post(:new, :ann, :bob, 401, 'payment')", "insufficient_funds"),
        ("ledger.authorize(:new, :ann, 401, 'card')", "insufficient_funds"),
        ("ledger.capture_hold(:new, :open_hold, array[:bob], array[51], 'captured')", "capture_exceeds_hold"),
        (
            "ledger.capture_hold(:new, :open_hold, array[:bob, :revenue], array[50, 1], 'captured')",
            "capture_exceeds_hold",
        ),
        ("ledger.capture_hold(:new, :closed_hold, array[:bob], array[5], 'captured')", "hold_closed"),
        ("ledger.authorize(:new, :ann, 5, 'card', private.now())", "hold_expired"),
        ("ledger.authorize(:new, :ann, 5, 'card', '-infinity')", "hold_expired"),
        # restricted: nothing new goes out; frozen: no payment comes in either
        ("ledger.post(:new, :tied, :ann, 5, 'payment')", "account_unavailable"),
        ("ledger.post(:new, :tied, :revenue, 5, 'redemption')", "account_unavailable"),
        ("ledger.post(:new, :iced, :ann, 5, 'payment')", "account_unavailable"),
        ("ledger.post(:new, :ann, :iced, 5, 'payment')", "account_unavailable"),
        ("ledger.authorize(:new, :tied, 5, 'card')", "account_unavailable"),
        ("ledger.authorize(:new, :iced, 5, 'card')", "account_unavailable"),
    ],
)
def test_each_is_refused_by_its_name(book, at, sql, code):
    assert call(book, at, sql) == code


@pytest.mark.usefixtures("is_untouched")
@pytest.mark.parametrize(
    "arguments",
    [
        "null, array[:ann], array[:bob], array[5], array['payment']",
        "array[:new], null, array[:bob], array[5], array['payment']",
        "array[:new], array[:ann], null, array[5], array['payment']",
        "array[:new], array[:ann], array[:bob], null, array['payment']",
        "array[:new], array[:ann], array[:bob], array[5], null",
        "array[]::uuid[], array[]::bigint[], array[]::bigint[], array[]::bigint[], array[]::text[]",
        "array[:new, :new], array[:ann], array[:bob], array[5], array['payment']",
        "array[:new], array[:ann, :ann], array[:bob], array[5], array['payment']",
        "array[:new], array[:ann], array[:bob], array[5, 5], array['payment']",
        "array[:new], array[:ann], array[:bob], array[5], array['payment', 'payment']",
        "array[:new], array[:ann], array[:bob], array[5], array['payment'], array['a', 'b']",
        "array[:new], array[:ann], array[:bob], array[5], array['payment'], null, array[1, 2]",
        "array[:new], array[:ann], array[:bob], array[5], array['payment'], array[]::text[]",
        # of two dimensions, or not counted from one: an element would be read at one place and written from another
        "array[[:new, :new]], array[:ann, :ann], array[:bob, :bob], array[5, 5], array['payment', 'payment']",
        "array[:new, :new], array[[:ann, :ann]], array[:bob, :bob], array[5, 5], array['payment', 'payment']",
        "array[:new, :new], array[:ann, :ann], array[[:bob, :bob]], array[5, 5], array['payment', 'payment']",
        "array[:new, :new], array[:ann, :ann], array[:bob, :bob], array[[5, 5]], array['payment', 'payment']",
        "array[:new, :new], array[:ann, :ann], array[:bob, :bob], array[5, 5], array[['payment', 'payment']]",
        "array[:new, :new], array[:ann, :ann], array[:bob, :bob], array[5, 9], array['a', 'a'], null, array[[1, 1]]",
        "array[:new, :new], array[:ann, :ann], array[:bob, :bob], '[0:1]={5,6}'::bigint[], array['payment', 'payment']",
        "array[:new, :new], array[:ann, :ann], array[:bob, :bob], array[5, 9], array['a', 'a'], null, '[2:3]={1,1}'",
        (
            "array_fill(:new, array[5001]), array_fill(:ann, array[5001]), array_fill(:bob, array[5001]), "
            "array_fill(5::bigint, array[5001]), array_fill('payment'::text, array[5001])"
        ),
    ],
)
def test_a_batch_that_is_no_list_of_orders_is_refused_whole(book, at, arguments):
    assert call(book, at, f"count(*) from ledger.post_many({arguments})") == "batch_malformed"


@pytest.mark.usefixtures("is_untouched")
@pytest.mark.parametrize(
    ("sql", "code"),
    [
        (
            "ledger.capture_hold(:new, :open_hold, array[]::bigint[], array[]::bigint[], 'captured')",
            "transfer_malformed",
        ),
        ("ledger.capture_hold(:new, :open_hold, array[:bob, :revenue], array[5], 'captured')", "transfer_malformed"),
        (
            "ledger.capture_hold(:new, :open_hold, array[[:bob, :revenue]], array[5, 5], 'captured')",
            "transfer_malformed",
        ),
        (
            "ledger.capture_hold(:new, :open_hold, array[:bob, :revenue], array[[5, 5]], 'captured')",
            "transfer_malformed",
        ),
        (
            "ledger.capture_hold(:new, :open_hold, array[:bob, :revenue], '[0:1]={5,6}'::bigint[], 'captured')",
            "transfer_malformed",
        ),
        (
            "ledger.capture_hold(:new, :late_hold, array_fill(:bob, array[256]), array_fill(1::int8, array[256]), 'c')",
            "transfer_malformed",
        ),
        ("ledger.distribute(:new, :revenue, array[]::bigint[], array[]::bigint[], 'reward')", "batch_malformed"),
        ("ledger.distribute(:new, :revenue, array[:ann, :bob], array[5], 'reward')", "batch_malformed"),
        ("ledger.distribute(:new, :revenue, array[[:ann, :bob]], array[5, 5], 'reward')", "batch_malformed"),
        ("ledger.distribute(:new, :revenue, array[:ann, :bob], array[[5, 5]], 'reward')", "batch_malformed"),
        (
            "ledger.distribute(:new, :revenue, array_fill(:ann, array[20001]), array_fill(1::int8, array[20001]), 'r')",
            "batch_malformed",
        ),
        ("(ledger.collect(:new, array[]::bigint[], array[]::bigint[], :revenue, 'fee')).refusal", "batch_malformed"),
        ("(ledger.collect(:new, array[:ann, :bob], array[5], :revenue, 'fee')).refusal", "batch_malformed"),
        ("(ledger.collect(:new, array[[:ann, :bob]], array[5, 5], :revenue, 'fee')).refusal", "batch_malformed"),
        (
            "(ledger.collect(:new, array[:ann, :bob], '[0:1]={5,5}'::bigint[], :revenue, 'fee')).refusal",
            "batch_malformed",
        ),
        # a total beyond what a balance can hold
        (
            (
                "ledger.distribute(:new, :revenue, array(select generate_series(1, 10000)), "
                "array_fill(1000000000000000::bigint, array[10000]), 'reward')"
            ),
            "amount_invalid",
        ),
    ],
)
def test_several_at_once_must_be_a_list(book, at, sql, code):
    assert call(book, at, sql) == code


@pytest.mark.usefixtures("is_untouched")
@pytest.mark.parametrize("level", ["repeatable read", "serializable"])
@pytest.mark.parametrize(
    "sql",
    [
        "ledger.post(:new, :ann, :bob, 5, 'payment')",
        "ledger.post_many(array[:new], array[:ann], array[:bob], array[5], array['payment'])",
        "ledger.authorize(:new, :ann, 5, 'card')",
        "ledger.capture_hold(:new, :open_hold, array[:bob], array[5], 'captured')",
        "ledger.release(:open_hold)",
        "ledger.close_hold(:open_hold, 'released')",
        "ledger.distribute(:new, :revenue, array[:ann], array[5], 'reward')",
        "(ledger.collect(:new, array[:ann], array[5], :revenue, 'fee')).refusal",
    ],
)
def test_other_isolation_levels_are_refused(book, at, sql, level):
    book.rows(f"begin isolation level {level}")
    try:
        assert call(book, at, sql) == "isolation_unsupported"
    finally:
        book.rows("rollback")


@pytest.mark.usefixtures("is_untouched")
def test_an_amount_beyond_bigint_does_not_reach_the_ledger(book, at):
    with pytest.raises(psycopg.errors.NumericValueOutOfRange):
        book.value("select ledger.post(%s, %s, %s, %s::bigint, 'payment')", new_id(), at["ann"], at["bob"], 2**63)


def test_a_refusal_stores_nothing_and_its_id_is_free(book, at):
    once = new_id()
    assert book.ask("ledger.post(%s, %s, %s, 10000, 'payment')", once, at["ann"], at["bob"]) == Refused(
        "insufficient_funds"
    )
    assert isinstance(book.ask("ledger.post(%s, %s, %s, 1, 'payment')", once, at["ann"], at["bob"]), int)


@pytest.mark.parametrize("path", ["post", "post_many"])
@pytest.mark.parametrize("state", ["restricted", "frozen"])
def test_what_was_begun_before_passes_whatever_became_of_the_account(book, path, state):
    """Loads, returns, repayments, captures, releases and rewards; only new business stops."""
    (ann, bob), reserve, pool = book.open(500, 500), book.system("reserve"), book.system("rewards_pool")
    captured, released = new_id(), new_id()
    for hold in (captured, released):
        book.value("select ledger.authorize(%s, %s, 50, 'redemption')", hold, ann)
    book.set_state(ann, state)

    def post(giver, taker, kind):
        if path == "post_many":
            return post_many(book, [(new_id(), giver, taker, 10, kind)])[0][2]
        answer = book.ask("ledger.post(%s, %s, %s, 10, %s)", new_id(), giver, taker, kind)
        return answer.code if isinstance(answer, Refused) else None

    begun = [
        (reserve, ann, "load_cleared"),
        (ann, reserve, "load_returned_late"),
        (bob, ann, "refund"),
        (ann, bob, "repaid"),
    ]
    assert [post(*order) for order in begun] == [None] * 4
    assert (
        book.ask("ledger.capture_hold(%s, %s, %s, %s, 'captured')", new_id(), captured, [bob], [20])["captured"] == 20
    )
    assert book.ask("ledger.release(%s)", released)["state"] == "released"
    assert book.ask("ledger.distribute(%s, %s, %s, %s, 'reward')", new_id(), pool, [ann], [3]) == 3
    expected_in = None if state == "restricted" else "account_unavailable"
    assert post(bob, ann, "payment") == expected_in
    assert post(ann, bob, "payment") == "account_unavailable"
    assert post(ann, reserve, "redemption") == "account_unavailable"


CHANGES = {
    "ledger.post(%(id)s, %(giver)s, %(taker)s, %(amount)s, %(kind)s)": ("giver", "taker", "amount", "kind"),
    "ledger.authorize(%(id)s, %(giver)s, %(amount)s, %(kind)s)": ("giver", "amount", "kind"),
    "ledger.capture_hold(%(id)s, %(hold)s, array[%(taker)s::int8], array[%(amount)s::int8], %(kind)s, %(is_final)s)": (
        "taker",
        "amount",
        "kind",
        "is_final",
        "hold",
    ),
    "ledger.distribute(%(id)s, %(pool)s, array[%(taker)s::bigint], array[%(amount)s::bigint], %(kind)s)": (
        "taker",
        "amount",
        "kind",
        "pool",
    ),
}


@pytest.mark.parametrize(("sql", "name"), [(sql, name) for sql, names in CHANGES.items() for name in names])
def test_an_id_used_for_something_else_is_refused(book, sql, name):
    giver, taker, third = book.open(100, 100, 100)
    holds = [new_id(), new_id()]
    for hold in holds:
        book.value("select ledger.authorize(%s, %s, 30, 'card')", hold, giver)
    first = {"id": new_id(), "giver": giver, "taker": taker, "amount": 5, "kind": "a", "hold": holds[0]}
    first |= {"is_final": False, "pool": book.system("revenue")}
    other = {"giver": third, "taker": third, "amount": 6, "kind": "b", "hold": holds[1], "is_final": True}
    other |= {"pool": book.system("operations")}
    done = book.value(f"select {sql}", first)
    before = book.fingerprint()
    with pytest.raises(psycopg.Error, match="key_reused"):
        book.connection.execute(f"select {sql}".encode(), first | {name: other[name]})
    again = book.value(f"select {sql}", first)
    assert again == (done if isinstance(done, int) else done | {"is_replay": True})
    assert book.fingerprint() == before


def test_two_captures_whose_ids_share_their_legs_are_not_taken_for_each_other(book):
    """The legs of a capture carry its id with the leg's number in the last byte, so two such ids have the same legs."""
    (ann, bob), hold = book.open(100, 0), new_id()
    one, other = UUID(int=hold.int & ~0xFF | 1 << 80), UUID(int=hold.int & ~0xFF | 1 << 80 | 7)
    book.value("select ledger.authorize(%s, %s, 100, 'card')", hold, ann)
    book.value("select ledger.capture_hold(%s, %s, %s, %s, 'captured', false)", one, hold, [bob], [30])
    before = book.fingerprint()
    answer = book.ask("ledger.capture_hold(%s, %s, %s, %s, 'captured', false)", other, hold, [bob], [30])
    assert answer == Refused("key_reused")
    assert book.fingerprint() == before


@pytest.mark.parametrize("number", [0, 1, 9])
def test_a_chunk_of_whose_ids_one_is_taken_is_refused(book, number):
    ann, bob, chunk = *book.open(100, 100), UUID(int=new_id().int & ~0xFFFF)
    book.value("select ledger.post(%s, %s, %s, 5, 'payment')", UUID(int=chunk.int + number), ann, bob)
    before = book.fingerprint()
    pool = book.system("rewards_pool")
    shared = book.ask("ledger.distribute(%s, %s, %s, %s, 'reward')", chunk, pool, [ann, bob], [5, 5])
    assert shared == Refused("key_reused")
    taken = book.ask("(ledger.collect(%s, %s, %s, %s, 'fee')).refusal", chunk, [ann, bob], [5, 5], pool)
    assert taken == Refused("key_reused")
    assert book.fingerprint() == before


def test_after_all_of_this_every_rule_holds(book):
    assert book.broken_rules() == {}
