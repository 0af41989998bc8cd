"""The names of limits are a list, and the values in force cannot be thrown away."""

import psycopg
import pytest

SET = "insert into risk.limit_value (name, value_max, reason) values (%s, 5, 'a test')"


async def test_a_limit_nobody_knows_is_refused(database):
    for name in ("send_hour_counts", "SEND_HOUR_COUNT", "send_hour_count ", ""):
        with pytest.raises(psycopg.Error) as refused:
            await database.rows(SET, (name,))
        assert refused.value.diag.constraint_name == "limit_is_known"
    await database.rows(SET, ("send_hour_count",))
    assert await database.value("select risk.limit_max('send_hour_count')") == 5


async def test_every_limit_in_force_is_in_the_list_with_its_unit(database):
    assert (
        await database.rows("""
        select name from risk.limit_in_force, jsonb_object_keys(maxima) name
        where name not in (select n.name from risk.limit_name n)""")
        == []
    )
    with pytest.raises(psycopg.errors.CheckViolation, match="limit_says_its_unit"):
        await database.rows("insert into risk.limit_name values ('send_hour')")


@pytest.mark.parametrize("table", ["limit_in_force", "limit_name"])
@pytest.mark.parametrize("statement", ["delete from risk.{}", "truncate risk.{} cascade"])
async def test_limits_are_not_thrown_away(database, statement, table):
    with pytest.raises(psycopg.Error, match="append_only"):
        await database.rows(statement.format(table))
    assert await database.value("select risk.limit_max('send_hour_count')") == 10
