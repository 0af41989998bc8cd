"""What the catalogue says about access: who may do what to which table, function and schema."""

from typing import Any

import psycopg

ROLES = ("anon", "authenticated", "service_role", "authenticator", "paya_app", "paya_worker", "paya_vendors")
_VERBS = ("select", "insert", "update", "delete", "truncate")
_OURS = "n.nspname not like 'pg\\_%%' and n.nspname <> 'information_schema'"

_WITHOUT_RLS = f"""
select format('%%I.%%I', n.nspname, c.relname)
from pg_class c join pg_namespace n on n.oid = c.relnamespace
where c.relkind in ('r', 'p', 'f') and not c.relrowsecurity and {_OURS} order by 1
"""
_TABLES = f"""
select format('%%I.%%I', n.nspname, c.relname), r.role,
  array(
    select v from unnest(%(verbs)s::text[]) with ordinality u (v, place)
    where has_table_privilege(r.role, c.oid, v)
      or (v in ('select', 'insert', 'update') and has_any_column_privilege(r.role, c.oid, v))
    order by place
  )
from pg_class c join pg_namespace n on n.oid = c.relnamespace
cross join unnest(%(roles)s::text[]) with ordinality r (role, place)
where c.relkind in ('r', 'p', 'v', 'm', 'f') and {_OURS} order by 1, r.place
"""
_FUNCTIONS = f"""
select format('%%I.%%I(%%s)', n.nspname, p.proname, pg_get_function_identity_arguments(p.oid)),
  case when p.prosecdef then 'definer' else 'invoker' end,
  array(
    select r.role from unnest(%(roles)s::text[]) with ordinality r (role, place)
    where has_function_privilege(r.role, p.oid, 'execute') order by r.place
  )
from pg_proc p join pg_namespace n on n.oid = p.pronamespace
where {_OURS} order by 1
"""
_SCHEMAS = f"""
select n.nspname::text, v.verb,
  array(
    select r.role from unnest(%(roles)s::text[]) with ordinality r (role, place)
    where has_schema_privilege(r.role, n.oid, v.verb) order by r.place
  )
from pg_namespace n cross join unnest(array['usage', 'create']) with ordinality v (verb, place)
where {_OURS} order by 1, v.place
"""


def tables_without_rls(connection: psycopg.Connection[Any]) -> list[str]:
    """Every table whose rows no policy guards."""
    return [name for (name,) in connection.execute(_WITHOUT_RLS.encode(), {}).fetchall()]


def table_lines(connection: psycopg.Connection[Any]) -> list[str]:
    """Per table or view one line: `schema.table: role verb verb; role verb`, or `-` for nobody."""
    found: dict[str, list[str]] = {}
    for table, role, verbs in connection.execute(_TABLES.encode(), {"roles": list(ROLES), "verbs": list(_VERBS)}):
        grants = found.setdefault(table, [])
        if verbs:
            grants.append(" ".join((role, *verbs)))
    return sorted(f"{table}: {'; '.join(grants) or '-'}" for table, grants in found.items())


def function_lines(connection: psycopg.Connection[Any]) -> list[str]:
    """Per function that some role may execute one line: `schema.function(arguments) definer: role role`."""
    rows = connection.execute(_FUNCTIONS.encode(), {"roles": list(ROLES)})
    return sorted(f"{name} {kind}: {' '.join(roles)}" for name, kind, roles in rows if roles)


def schema_lines(connection: psycopg.Connection[Any]) -> list[str]:
    """Per schema and verb one line: `schema usage: role role`, left out when it is nobody."""
    rows = connection.execute(_SCHEMAS.encode(), {"roles": list(ROLES)})
    return sorted(f"{name} {verb}: {' '.join(roles)}" for name, verb, roles in rows if roles)
