"""Nobody can put a type of their own in the place of one that our functions name.

Types are looked up in pg_temp before everything else unless the search path names pg_temp last, and a domain's
check runs as whoever casts to it: inside a definer function, as its owner.
"""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest

from paya_app.core.ids import new_id
from paya_app.local.postgres import Cluster, ensure, prepare
from tests.support.database import SUPERUSER, Database, create_database, drop_database, one_value

# Supabase's own invoker functions are written without a path there too; they do no more than their caller may,
# and our definer functions, which call some of them, hand them their own path.
_LOOSE = """
select p.oid::regprocedure::text
from pg_proc p join pg_namespace n on n.oid = p.pronamespace
where n.nspname not like 'pg\\_%' and n.nspname not in ('information_schema', 'extensions')
  and (p.prosecdef or n.nspname not in ('auth', 'realtime'))
  and not exists (
    select from unnest(coalesce(p.proconfig, '{}')) setting
    where setting ~ '^search_path=(?:.*,\\s*)?pg_temp$'
  )
order by 1
"""
_MAY_MAKE_TEMPORARY_OBJECTS = b"""
select coalesce(array_agg(r.rolname::text order by 1), '{}') from pg_roles r
where not r.rolsuper and r.rolname not like 'pg\\_%'
  and has_database_privilege(r.oid, current_database(), 'temporary')
"""
_EVIL = b"""
create function pg_temp.evil(v pg_catalog.text) returns pg_catalog.bool language plpgsql as $$
begin
  raise notice 'evil runs as %', current_user;
  return true;
end $$
"""
_SHADOWED = ("uuid", "text", "jsonb", "timestamptz", "bool", "int8")


@pytest.fixture(scope="module")
def connection(cluster: Cluster) -> Iterator[psycopg.Connection[Any]]:
    database = create_database(cluster)
    with psycopg.connect(database.url(SUPERUSER), autocommit=True) as opened:
        yield opened
    drop_database(database)


def loose(connection: psycopg.Connection[Any]) -> list[str]:
    """Functions whose search path is not pinned with pg_temp at its end."""
    return [name for (name,) in connection.execute(_LOOSE.encode()).fetchall()]


def test_every_search_path_is_pinned_and_ends_with_pg_temp(connection: psycopg.Connection[Any]):
    assert loose(connection) == []


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("", ["wallet.loose()"]),
        ("set search_path = ''", ["wallet.loose()"]),
        ("set search_path = pg_temp, pg_catalog", ["wallet.loose()"]),
        ("set search_path = pg_catalog, my_pg_temp", ["wallet.loose()"]),
        ("set work_mem = '4MB'", ["wallet.loose()"]),
        ("set search_path = pg_temp", []),
        ("set search_path = pg_catalog, pg_temp", []),
        ("set work_mem = '4MB' set search_path = jobs, pg_temp", []),
    ],
)
def test_a_function_without_it_is_found(connection: psycopg.Connection[Any], path: str, found: list[str]):
    with connection.transaction(force_rollback=True):
        connection.execute(f"create function wallet.loose() returns int language sql {path} as 'select 1'".encode())
        assert loose(connection) == found


def test_only_the_owner_may_make_temporary_objects(cluster: Cluster, own_home: Path):
    fresh = create_database(cluster)
    try:
        assert one_value(fresh.url(SUPERUSER), _MAY_MAKE_TEMPORARY_OBJECTS) == ["postgres"]
    finally:
        drop_database(fresh)
    embedded = ensure(own_home)
    prepare(embedded, clock=True)
    assert one_value(embedded.url(SUPERUSER), _MAY_MAKE_TEMPORARY_OBJECTS) == ["postgres"]


@asynccontextmanager
async def attacker(database: Database, claims_of: object) -> AsyncIterator[tuple[Any, list[str]]]:
    """A connection of the application's, as a signed-in person, and what it is told."""
    async with await database.connect("paya_app") as connection:
        heard: list[str] = []
        connection.add_notice_handler(lambda said: heard.append(said.message_primary or ""))
        await connection.execute("set role authenticated")
        await connection.execute(
            "select set_config('request.jwt.claims', jsonb_build_object('sub', %s::text)::text, false)",
            (str(claims_of),),
        )
        yield connection, heard


async def test_a_type_of_ones_own_is_refused(database: Database, people):
    ann = await people.join("ann")
    async with attacker(database, ann.user_id) as (connection, heard):
        for statement in (
            _EVIL,
            b"create domain pg_temp.uuid as pg_catalog.uuid",
            b"create temporary table mine (id pg_catalog.int4)",
            b"create temporary sequence mine",
        ):
            with pytest.raises(psycopg.errors.InsufficientPrivilege, match="permission denied"):
                await connection.execute(statement)
        assert heard == []


async def test_a_type_of_ones_own_is_never_cast_to_by_our_functions(database: Database, people):
    ann, bob = await people.join("ann", cents=5000), await people.join("bob")
    # what would fall for it, to know that the attack is one
    await database.rows(
        """
        create function wallet.gullible() returns void language plpgsql security definer set search_path = '' as $$
        declare viewer uuid := pg_catalog.gen_random_uuid(); begin end $$;
        grant execute on function wallet.gullible() to authenticated;
        alter function wallet.gullible() owner to postgres;
        """
    )
    await database.rows(f"grant temporary on database {database.name} to authenticated")
    async with attacker(database, ann.user_id) as (connection, heard):
        await connection.execute(_EVIL)
        for name in _SHADOWED:
            check = "pg_temp.evil(value::pg_catalog.text)"
            await connection.execute(f"create domain pg_temp.{name} as pg_catalog.{name} check ({check})".encode())
        await connection.execute("select wallet.gullible()")
        assert set(heard) == {"evil runs as postgres"}
        heard.clear()

        with pytest.raises(psycopg.errors.DatabaseError, match="not_found"):
            await connection.execute("select wallet.set_audience(pg_catalog.gen_random_uuid(), 'private')")
        payment = str(new_id())
        await connection.execute(f"select wallet.send('{payment}', 'bob', 700, 'lunch', 'public')".encode())
        await connection.execute(f"select wallet.set_audience('{payment}', 'private')".encode())
        for function in ("wallet.my_balance()", "banking.my_sources()", "banking.my_load_limits()"):
            await connection.execute(f"select {function}".encode())
        await connection.execute("select banking.begin_source(pg_catalog.gen_random_uuid(), 'checking', '1234')")
        assert heard == []
    assert await database.value("select balance from ledger.account where owner = %s", (bob.user_id,)) == 700
