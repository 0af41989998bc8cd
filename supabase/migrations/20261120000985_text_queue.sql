-- Texts that wait: codes that no vendor could take yet, until they are sent or too old to be of use.
-- Why      Whoever asked for a code waits at the page; minutes later the text is worth nothing, and must not come.
-- Units    good_s: seconds from now.
-- Locks    None beyond the row.
-- Callers  service_role: the Send-SMS hook and its job.
-- Undo     Forward only.
set local lock_timeout = '5s';

create table identity.queued_text (
  webhook_id text primary key references identity.text_delivery (webhook_id) on delete cascade,
  sealed bytea not null,
  expires_at timestamptz not null
);
comment on table identity.queued_text is
'Number and words of a text that waits, sealed: who reads the database learns neither. Gone when it was sent or is too old.';
alter table identity.queued_text enable row level security;

create function identity.queue_text(webhook_id text, sealed bytea, good_s double precision) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_variable
begin
  insert into identity.queued_text (webhook_id, sealed, expires_at)
  values (webhook_id, sealed, private.now() + make_interval(secs => good_s)) on conflict do nothing;
  perform identity.settle_text(webhook_id, 'sent', 'queued');
  perform jobs.enqueue('texts', 'send_queued_text', jsonb_build_object('webhook_id', webhook_id), 'text:' || webhook_id);
end $$;
comment on function identity.queue_text(text, bytea, double precision) is
'Keeps a text that no vendor could take, with the job that sends it; the hook''s call is done with that.';
grant execute on function identity.queue_text(text, bytea, double precision) to service_role;

create function identity.queued_text(webhook_id text) returns bytea
language sql volatile security definer set search_path = pg_catalog, pg_temp as $$
  delete from identity.queued_text q where q.expires_at <= private.now();
  select q.sealed from identity.queued_text q where q.webhook_id = queued_text.webhook_id
$$;
comment on function identity.queued_text(text) is 'A text that still waits, or null. What is too old goes, whosever it is.';
grant execute on function identity.queued_text(text) to service_role;

create function identity.drop_queued_text(webhook_id text, provider_ref text) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_variable
begin
  delete from identity.queued_text q where q.webhook_id = webhook_id;
  perform identity.settle_text(webhook_id, 'sent', provider_ref);
end $$;
comment on function identity.drop_queued_text(text, text) is 'The text was sent (or never will be), and is kept no longer.';
grant execute on function identity.drop_queued_text(text, text) to service_role;
