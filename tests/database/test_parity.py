"""What works and what fails on hosted Supabase works and fails here."""

import json
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from psycopg import sql

from paya_app.local.postgres.preparation import SUPABASE_FOLDER
from tests.support.database import Database

BOOTSTRAP = (SUPABASE_FOLDER / "embedded" / "bootstrap.sql").read_bytes()
API_ROLES = ("anon", "authenticated", "service_role")


async def attempt(database: Database, statement: str, *, login: str = "postgres", role: str | None = None) -> None:
    """Run `statement` and undo it."""
    async with await database.connect(login) as connection, connection.transaction(force_rollback=True):
        if role:
            await connection.execute(sql.SQL("set local role {}").format(sql.Identifier(role)))
        await connection.execute(statement.encode())


@pytest.mark.parametrize(
    "statement",
    [
        "create table auth.mine (id int)",
        "create function auth.mine() returns int language sql as 'select 1'",
        "create view auth.mine as select 1 as one",
        "create type auth.mine as enum ('a')",
        "create table realtime.mine (id int)",
        "create function realtime.mine() returns int language sql as 'select 1'",
        "create or replace function auth.uid() returns uuid language sql as 'select null::uuid'",
        "alter table auth.users add column mine int",
        "alter table auth.users disable row level security",
        "create policy mine on auth.users for select to authenticated using (true)",
        "drop table auth.users",
        "alter schema auth rename to mine",
        "select * from auth.paya_otp",
        "select * from pg_authid",
        "create role mine superuser",
        "alter role postgres superuser",
        "alter role supabase_admin password 'mine'",
        "set role supabase_admin",
        "set role supabase_auth_admin",
        "copy (select 1) to program 'true'",
    ],
)
async def test_postgres_may_not(database: Database, statement: str):
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        await attempt(database, statement)


@pytest.mark.parametrize(
    "statement",
    [
        "create trigger mine after insert on auth.users for each row execute function private.append_only()",
        "create policy mine on realtime.messages for select to authenticated using (topic = 'mine')",
        "create table mine (id uuid references auth.users (id))",
        "create schema mine",
        "create role mine; grant anon to mine",
        "create table mine (id int); alter publication supabase_realtime add table mine",
        "insert into auth.users (id, phone) values (gen_random_uuid(), '12025550101'); delete from auth.users",
        "set role anon",
        "set role service_role",
    ],
)
async def test_postgres_may(database: Database, statement: str):
    await attempt(database, statement)


async def test_postgres_is_what_it_is_on_hosted(database: Database):
    rows = await database.rows(
        "select rolsuper, rolcreatedb, rolcreaterole, rolreplication, rolbypassrls from pg_roles where rolname = %s",
        ("postgres",),
    )
    assert rows == [(False, True, True, True, True)]
    owner = "select pg_get_userbyid(datdba)::text from pg_database where datname = current_database()"
    assert await database.value(owner) == "postgres"
    owners = await database.rows(
        "select nspname::text, pg_get_userbyid(nspowner)::text from pg_namespace"
        " where nspname in ('auth', 'realtime', 'public') order by 1"
    )
    assert owners == [("auth", "supabase_admin"), ("public", "pg_database_owner"), ("realtime", "supabase_admin")]


@pytest.mark.parametrize("login", ["postgres", "paya_app", "supabase_auth_admin"])
async def test_bootstrap_refuses_a_server_where_it_is_not_superuser(database: Database, login: str):
    with pytest.raises(psycopg.errors.RaiseException, match=f"embedded server alone: {login} is not a superuser"):
        await attempt(database, BOOTSTRAP.decode(), login=login)


@pytest.mark.parametrize(
    "trait",
    [
        "create role supabase_storage_admin",
        "create table auth.schema_migrations (version text)",
        "comment on schema auth is null",
    ],
)
async def test_bootstrap_refuses_a_server_of_supabase(database: Database, trait: str):
    with pytest.raises(psycopg.errors.RaiseException, match="this one belongs to Supabase"):
        await attempt(database, f"{trait};\n{BOOTSTRAP.decode()}", login="supabase_admin")


async def test_bootstrap_twice_changes_nothing(database: Database):
    catalogue = """
    select 'relation', oid::regclass::text, relowner::regrole::text, relacl::text from pg_class
    where relnamespace::regnamespace::text in ('auth', 'realtime', 'public', 'extensions')
    union all
    select 'function', oid::regprocedure::text, proowner::regrole::text, proacl::text from pg_proc
    where pronamespace::regnamespace::text in ('auth', 'realtime')
    union all
    select 'schema', nspname::text, nspowner::regrole::text, nspacl::text from pg_namespace
    order by 1, 2
    """
    before = await database.rows(catalogue)
    await database.rows(BOOTSTRAP.decode())
    assert await database.rows(catalogue) == before
    assert len(before) > 30


async def who(database: Database, settings: dict[str, str]) -> tuple[Any, ...]:
    async with await database.connect("authenticator") as connection, connection.transaction():
        await connection.execute("set local role authenticated")
        for name, value in settings.items():
            await connection.execute("select set_config(%s, %s, true)", (name, value))
        cursor = await connection.execute("select auth.uid(), auth.role(), auth.email(), auth.jwt()")
        row = await cursor.fetchone()
    assert row
    return row


async def test_claims_say_who(database: Database):
    ann = uuid4()
    claims = {"sub": str(ann), "role": "authenticated", "email": "ann@example.com", "session_id": str(uuid4())}
    assert await who(database, {"request.jwt.claims": json.dumps(claims)}) == (
        ann,
        "authenticated",
        "ann@example.com",
        claims,
    )


async def test_single_claims_come_before_the_whole(database: Database):
    ann, bob = uuid4(), uuid4()
    claims = json.dumps({"sub": str(bob), "role": "anon"})
    said = await who(database, {"request.jwt.claims": claims, "request.jwt.claim.sub": str(ann)})
    assert said[:2] == (ann, "anon")


@pytest.mark.parametrize("claims", [{}, {"request.jwt.claims": ""}, {"request.jwt.claims": "{}"}])
async def test_without_claims_nobody(database: Database, claims: dict[str, str]):
    assert (await who(database, claims))[:3] == (None, None, None)


async def test_a_phone_belongs_to_one_person(database: Database):
    insert = "insert into auth.users (id, phone) values (gen_random_uuid(), '12025550101')"
    await database.rows(insert, role="supabase_auth_admin")
    with pytest.raises(psycopg.errors.UniqueViolation):
        await database.rows(insert, role="supabase_auth_admin")


async def test_the_vendors_books_are_apart(database: Database):
    await database.rows("create table vendor_dwolla.book (id int)", role="paya_vendors")
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        await database.rows("select from public.profiles", role="paya_vendors")
    for login in ("paya_app", "paya_worker", "postgres", "supabase_auth_admin"):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            await database.rows("select from vendor_dwolla.book", role=login)
