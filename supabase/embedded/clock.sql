-- Clock: an embedded server's time can be moved forward, so that a hold of days clears in seconds.
-- Why      Tests and the demo need tomorrow; hosted servers never get this file.
-- Units    "offset" is added to the real time; an interval, zero at first.
-- Callers  The launcher, as postgres, after the migrations. Functions of postgres read it; tests and the demo's
--          clock set it as service_role: update private.clock_offset set "offset" = '3 days'.
-- Undo     Running migration 20261120000100's `create function private.now()` again.
create table if not exists private.clock_offset (
  one_row boolean primary key default true,
  "offset" interval not null default '0',
  constraint there_is_one_offset check (one_row)
);
alter table private.clock_offset enable row level security;
insert into private.clock_offset (one_row) values (true) on conflict do nothing;
grant usage on schema private to service_role;
grant select, update on private.clock_offset to service_role;

create or replace function private.now() returns timestamptz
language sql volatile security definer set search_path = pg_catalog, pg_temp as $$
  select clock_timestamp() + coalesce((select o."offset" from private.clock_offset as o), '0')
$$;
