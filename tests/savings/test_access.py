"""Every function of savings with somebody else's ids, called in SQL as a signed-in person."""

import json
from datetime import timedelta

import psycopg
import pytest

from paya_app import savings
from paya_app.core.ids import new_id
from paya_app.savings.terms import values_of
from tests.savings.made import database_now, make, rows_of, terms


@pytest.fixture
async def as_person(database):
    """Runs a statement as a signed-in person, and gives the rows."""

    async def run(actor, statement, params=()):
        async with await database.connect("paya_app") as connection:
            await connection.execute(
                "select set_config('role', 'authenticated', false), set_config('request.jwt.claims', %s, false)",
                (actor.claims_json,),
            )
            cursor = await connection.execute(statement.encode(), params)
            return await cursor.fetchall()

    return run


async def dues(database, count=3):
    now = await database_now(database)
    return [now + timedelta(days=days) for days in range(1, count + 1)]


async def test_anothers_plan_is_not_found_by_any_function(database, people, as_person):
    ann, eve = await people.join("ann"), await people.join("eve")
    plan = await make(ann)
    before, its_rows = await savings.plan(ann, plan.id), await rows_of(database, plan)
    times = await dues(database)
    calls = [
        ("select savings.open_my_plan(%s)", ()),
        ("select savings.change_plan(%s, %s, '{}', '{\"amount_cents\": 100}', %s)", (new_id(), times)),
        ("select savings.pause_plan(%s, %s)", (new_id(),)),
        ("select savings.resume_plan(%s, %s, %s)", (new_id(), times)),
        ("select savings.skip_next(%s, %s, null, '{}')", (new_id(),)),
        ("select savings.end_plan(%s, %s)", (new_id(),)),
        ("select savings.my_plan_history(%s, null, 10)", ()),
    ]
    for statement, more in calls:
        with pytest.raises(psycopg.Error, match="not_found"):
            await as_person(eve, statement, (plan.id, *more))
    assert await as_person(eve, "select savings.my_plan(%s)", (plan.id,)) == [(None,)]
    assert await as_person(eve, "select savings.my_buys(%s, null, 10)", (plan.id,)) == []
    assert await as_person(eve, "select savings.my_plans()") == []
    create = "select savings.create_plan(%s, %s, %s)"
    with pytest.raises(psycopg.Error, match="plan_key_reused"):
        await as_person(eve, create, (plan.id, json.dumps(values_of(terms())), times))
    assert await savings.plan(ann, plan.id) == before
    assert await rows_of(database, plan) == its_rows


@pytest.mark.parametrize("table", ["plan", "buy", "plan_change"])
@pytest.mark.parametrize("verb", ["select * from", "delete from", "truncate"])
async def test_no_table_is_open(people, as_person, table, verb):
    ann = await people.join("ann")
    await make(ann)
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        await as_person(ann, f"{verb} savings.{table}")


async def test_what_the_jobs_do_is_not_for_people(people, as_person):
    ann = await people.join("ann")
    plan = await make(ann)
    for call in (
        "savings.plans_to_schedule(10)",
        "savings.schedule_buys('{}', '{}', '{}', '{}', '{}')",
        "savings.skip_missed()",
        "savings.bank_funded_due(10, null, null)",
        f"savings.pause_for('{plan.id}', 'x')",
        f"savings.end_for('{plan.id}', 'x')",
        f"savings.hold_plan('{plan.id}')",
        f"savings.take_back_buys('{plan.id}', '-infinity', 'x')",
        f"savings.spent_cents('{plan.id}')",
    ):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            await as_person(ann, f"select {call}")


async def test_nobody_is_refused_in_sql_too(database, as_person):
    from paya_app.core.actor import Actor

    nobody = Actor("authenticated", claims={"role": "authenticated"})
    with pytest.raises(psycopg.Error, match="signed_out"):
        await as_person(
            nobody,
            "select savings.create_plan(%s, %s, %s)",
            (new_id(), json.dumps(values_of(terms())), await dues(database)),
        )
    with pytest.raises(psycopg.Error, match="signed_out"):
        await as_person(nobody, "select savings.end_plan(%s, %s)", (new_id(), new_id()))
    assert await as_person(nobody, "select savings.my_plans()") == []


BAD_TERMS = [
    ("request_invalid", "[]"),
    ("request_invalid", '"x"'),
    ("request_invalid", '{"amount_cents": "ten"}'),
    ("request_invalid", '{"amount_cents": 1e400}'),
    ("request_invalid", '{"starts_on": "soon"}'),
    ("request_invalid", '{"starts_on": "2026-02-30"}'),
    ("request_invalid", '{"weekdays": {"a": 1}}'),
    ("request_invalid", '{"source_id": "mine"}'),
    ("request_invalid", '{"person": "00000000-0000-4000-8000-000000000001"}'),
    ("request_invalid", '{"state": "ended"}'),
    ("request_invalid", '{"version": 7}'),
    ("request_invalid", '{"schedule_at": null}'),
    ("plan_name_invalid", '{"name": null}'),
    ("plan_name_invalid", '{"name": " "}'),
    ("buy_amount_invalid", '{"amount_cents": null}'),
    ("buy_amount_invalid", '{"amount_cents": -5}'),
    ("schedule_invalid", '{"frequency": "yearly"}'),
    ("schedule_invalid", '{"frequency": null}'),
    ("schedule_invalid", '{"zone": "a; b"}'),
    ("schedule_invalid", '{"zone": null}'),
    ("schedule_invalid", '{"minute_of_day": 1440}'),
    ("schedule_invalid", '{"weekdays": [1]}'),
    ("schedule_invalid", '{"weekdays": null}'),
    ("schedule_invalid", '{"frequency": "weekly", "weekdays": [9]}'),
    ("schedule_invalid", '{"frequency": "weekly", "weekdays": [[1], [2]]}'),
    ("schedule_invalid", '{"frequency": "weekly", "weekdays": [null]}'),
    ("schedule_invalid", '{"month_day": 5}'),
    ("schedule_invalid", '{"frequency": "monthly", "month_day": 32}'),
    ("schedule_invalid", '{"starts_on": null}'),
    ("schedule_invalid", '{"starts_on": "infinity"}'),
    ("schedule_invalid", '{"ends_on": "infinity"}'),
    ("plan_condition_invalid", '{"buy_below_cents": 0}'),
    ("plan_condition_invalid", '{"dip_bps": 100}'),
    ("plan_condition_invalid", '{"cap_cents": 1}'),
    ("plan_funding_invalid", '{"funding": "card"}'),
    ("plan_funding_invalid", '{"funding": "bank"}'),
    ("plan_funding_invalid", '{"lead_bank_days": null}'),
    ("plan_funding_invalid", '{"on_shortfall": null}'),
    ("plan_funding_invalid", '{"catch_up": "never"}'),
]


@pytest.mark.parametrize(("code", "changes"), BAD_TERMS)
async def test_terms_are_checked_in_the_database_too(database, people, as_person, code, changes):
    ann = await people.join("ann")
    plan = await make(ann)
    times = await dues(database)
    with pytest.raises(psycopg.Error, match=code) as refused:
        await as_person(ann, "select savings.change_plan(%s, %s, '{}', %s, %s)", (plan.id, new_id(), changes, times))
    assert refused.value.sqlstate == "PA000"
    whole = changes if changes[0] != "{" else json.dumps(values_of(terms()) | json.loads(changes, parse_float=str))
    if "1e400" not in changes:
        with pytest.raises(psycopg.Error, match=code) as refused:
            await as_person(ann, "select savings.create_plan(%s, %s, %s)", (new_id(), whole, times))
        assert refused.value.sqlstate == "PA000"
    assert await savings.plan(ann, plan.id) == plan


async def test_due_times_are_ahead_ascending_and_distinct(database, people, as_person):
    ann = await people.join("ann")
    one, two, three = await dues(database)
    whole = json.dumps(values_of(terms()))
    past = one - timedelta(days=2)
    for code, times in (
        ("schedule_never", []),
        ("schedule_never", None),
        ("due_times_stale", [past, one]),
        ("due_times_stale", [two, one]),
        ("due_times_stale", [one, one, two]),
        ("due_times_stale", [one, None]),
        ("request_invalid", await dues(database, 101)),
    ):
        with pytest.raises(psycopg.Error, match=code):
            await as_person(
                ann, "select savings.create_plan(%s, %s, cast(%s as timestamptz[]))", (new_id(), whole, times)
            )
    with pytest.raises(psycopg.Error, match="due_times_stale"):
        await as_person(ann, "select savings.create_plan(%s, %s, '{infinity}')", (new_id(), whole))
    assert await database.value("select count(*) from savings.plan") == 0
    await as_person(ann, "select savings.create_plan(%s, %s, %s)", (new_id(), whole, [one, two, three]))


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("scheduled", "bought"),
        ("collected", "scheduled"),
        ("collected", "canceled"),
        ("collected", "skipped"),
        ("bought", "collected"),
        ("failed", "bought"),
    ],
)
async def test_a_buy_only_goes_forward(database, people, before, after):
    ann = await people.join("ann")
    plan = await make(ann)
    buy = plan.next_buys[0].id
    steps = {"scheduled": [], "collected": ["collected"]}.get(before, ["collected", before])
    move = (
        "update savings.buy set state = %(state)s, version = version + 1, collected_at = coalesce(collected_at, now()),"
        " ended_at = case when %(state)s = any('{skipped,canceled,bought,failed}') then now() end where id = %(id)s"
    )
    for step in steps:
        await database.rows(move, {"state": step, "id": buy})
    with pytest.raises(psycopg.Error, match="append_only"):
        await database.rows(move, {"state": after, "id": buy})


async def test_what_a_buy_is_about_never_changes(database, people):
    ann = await people.join("ann")
    plan = await make(ann)
    for change in (
        "due_at = due_at + interval '1 day', version = version + 1",
        "person = gen_random_uuid(), version = version + 1",
        "plan_id = gen_random_uuid(), version = version + 1",
        "reason = 'x'",
        "version = version - 1",
    ):
        with pytest.raises(psycopg.Error, match="append_only"):
            await database.rows(f"update savings.buy set {change}")
    assert len(await rows_of(database, plan)) == 4
