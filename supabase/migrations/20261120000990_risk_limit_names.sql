-- Risk, limit names: which limits there are.
-- Why      A value under a misspelt name would be stored, and limit nothing.
-- Units    A name says its unit (_cents, _count, _days, _hours, _bps, _sats); whom it is for instead may follow (.identity).
-- Locks    None beyond the new row.
-- Callers  Migrations: one that brings a limit adds its name here, and then its first value.
-- Undo     Forward only.
set local lock_timeout = '5s';

create table risk.limit_name (
  name text primary key,
  constraint limit_says_its_unit check (name ~ '^[a-z_]+_(cents|count|days|hours|bps|sats)([._][a-z]+)?$')
);
comment on table risk.limit_name is 'The names that a limit may have.';
alter table risk.limit_name enable row level security;
create trigger limit_name_is_append_only before update or delete on risk.limit_name
for each row execute function private.append_only();
create trigger limit_name_is_never_truncated before truncate on risk.limit_name
for each statement execute function private.append_only();

-- every value until here was given by a migration
insert into risk.limit_name (name)
select distinct l.name from risk.limit_value l;

-- a handful of rows: looked through at once
-- squawk-ignore adding-foreign-key-constraint, constraint-missing-not-valid
alter table risk.limit_value add constraint limit_is_known foreign key (name) references risk.limit_name (name);
