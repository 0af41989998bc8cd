"""Who may do what, enumerated from the catalogue and compared with lists written by hand.

A new table, function or grant fails here until its line stands in `expected_tables.txt`,
`expected_functions.txt` or `expected_schemas.txt`: read the line, ask whether it is meant, then add it.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from paya_app.local.postgres import Cluster
from tests.support import catalogue
from tests.support.database import SUPERUSER, create_database, drop_database


@pytest.fixture(scope="module")
def connection(cluster: Cluster) -> Iterator[psycopg.Connection[Any]]:
    database = create_database(cluster)
    with psycopg.connect(database.url(SUPERUSER), autocommit=True) as opened:
        yield opened
    drop_database(database)


def expected(name: str) -> list[str]:
    """The lines of a list, without its comments."""
    lines = (Path(__file__).parent / name).read_text().splitlines()
    return [line for line in lines if line and not line.startswith("#")]


def assert_same(found: list[str], name: str) -> None:
    """Compare with the list called `name`; say which lines to question, then to add or remove."""
    wanted = expected(name)
    new = [f"+ {line}" for line in found if line not in wanted]
    gone = [f"- {line}" for line in wanted if line not in found]
    assert not new + gone, f"{name} does not say what the catalogue says:\n" + "\n".join(new + gone)
    assert len(wanted) == len(set(wanted))


def test_every_table_has_row_level_security(connection: psycopg.Connection[Any]):
    assert catalogue.tables_without_rls(connection) == []


def test_who_may_do_what_to_each_table(connection: psycopg.Connection[Any]):
    assert_same(catalogue.table_lines(connection), "expected_tables.txt")


def test_who_may_execute_each_function(connection: psycopg.Connection[Any]):
    assert_same(catalogue.function_lines(connection), "expected_functions.txt")


def test_who_may_enter_each_schema(connection: psycopg.Connection[Any]):
    assert_same(catalogue.schema_lines(connection), "expected_schemas.txt")


def test_no_api_role_writes_to_a_table_of_ours(connection: psycopg.Connection[Any]):
    writing = re.compile(r"(anon|authenticated)(?: select)? (?:insert|update|delete|truncate)")
    writable = [line for line in catalogue.table_lines(connection) if writing.search(line)]
    # Supabase's own; its policies let nobody write
    assert [line.partition(":")[0] for line in writable] == ["realtime.messages"]
    assert connection.execute(
        "select count(*) from pg_policies where schemaname = 'realtime' and cmd <> 'SELECT'"
    ).fetchone() == (0,)


def test_definer_functions_name_every_object_in_full(connection: psycopg.Connection[Any]):
    # procrastinate's own, in jobs, name objects of jobs alone
    loose = connection.execute(
        """
        select p.oid::regprocedure::text from pg_proc p
        where p.prosecdef and not coalesce(p.proconfig, '{}') && array[
          'search_path=pg_catalog, pg_temp',
          case when p.pronamespace = 'jobs'::regnamespace then 'search_path=jobs, pg_temp' end
        ]
        """
    ).fetchall()
    assert loose == []


def test_definer_functions_belong_to_no_superuser(connection: psycopg.Connection[Any]):
    strong = connection.execute(
        """
        select p.oid::regprocedure::text from pg_proc p join pg_roles r on r.oid = p.proowner
        where p.prosecdef and r.rolsuper
        """
    ).fetchall()
    assert strong == []


def test_views_show_what_their_reader_may_see(connection: psycopg.Connection[Any]):
    leaking = connection.execute(
        """
        select c.oid::regclass::text from pg_class c join pg_namespace n on n.oid = c.relnamespace
        where c.relkind = 'v' and n.nspname not like 'pg\\_%' and n.nspname <> 'information_schema'
          and not coalesce(c.reloptions, '{}') && array['security_invoker=true', 'security_invoker=on']
        """
    ).fetchall()
    assert leaking == []


def test_policies_name_their_roles_and_ask_once_who_it_is(connection: psycopg.Connection[Any]):
    policies = connection.execute(
        "select schemaname, tablename, policyname, roles, concat(qual, ' ', with_check) from pg_policies"
    ).fetchall()
    assert policies
    for schema, table, name, roles, rule in policies:
        policy = f"{name} on {schema}.{table}"
        assert roles != ["public"], f"{policy} is for everybody: name its roles"
        # `(select auth.uid())` is asked once per query, a bare auth.uid() once per row
        asked_per_row = re.sub(r"\( SELECT (auth|realtime)\.\w+\(\)", "", rule)
        assert not re.search(r"\b(auth|realtime)\.\w+\(\)", asked_per_row), f"{policy} asks again for every row"


def test_what_the_roles_are(connection: psycopg.Connection[Any]):
    rows = connection.execute(
        """
        select rolname::text, concat_ws(' ',
          case when rolcanlogin then 'login' end, case when rolinherit then 'inherit' end,
          case when rolsuper then 'superuser' end, case when rolbypassrls then 'bypassrls' end,
          case when rolcreaterole then 'createrole' end, case when rolreplication then 'replication' end)
        from pg_roles where rolname not like 'pg\\_%' order by 1
        """
    ).fetchall()
    assert dict(rows) == {
        "anon": "",
        "authenticated": "",
        "authenticator": "login",
        "paya_app": "login",
        "paya_sandbox_sweeper": "",
        "paya_vendors": "login",
        "paya_worker": "login",
        "postgres": "login inherit bypassrls createrole replication",
        "service_role": "bypassrls",
        "supabase_admin": "login inherit superuser bypassrls createrole replication",
        "supabase_auth_admin": "login",
        "supabase_realtime_admin": "login",
    }


def test_who_may_become_whom(connection: psycopg.Connection[Any]):
    rows = connection.execute(
        """
        select member::regrole::text, array_agg(distinct roleid::regrole::text order by roleid::regrole::text)
        from pg_auth_members where member::regrole::text not like 'pg\\_%' group by 1 order by 1
        """
    ).fetchall()
    api = ["anon", "authenticated", "service_role"]
    postgres = {*api, "authenticator", "supabase_realtime_admin"}
    found = {member: roles for member, roles in rows if member != "postgres"}
    assert found == {
        "authenticator": api,
        "paya_app": api,
        "paya_worker": ["service_role"],
        "supabase_realtime_admin": api,
    }
    # since 16 whoever makes a role becomes its administrator
    assert postgres <= set(dict(rows)["postgres"]) <= postgres | {"paya_app", "paya_sandbox_sweeper", "paya_worker"}


def test_a_forgotten_role_may_do_nothing(cluster: Cluster):
    database = create_database(cluster)
    try:
        for login in ("paya_app", "authenticator"):
            with psycopg.connect(database.url(login), autocommit=True) as forgetful:
                for statement in (b"select from public.profiles", b"select from public.payments", b"select auth.uid()"):
                    with pytest.raises(psycopg.errors.InsufficientPrivilege):
                        forgetful.execute(statement)
    finally:
        drop_database(database)
