-- Changes: tells followers of public.payments about new rows, where no Supabase reads the publication.
-- Why      It hangs on the relay's placing of events, so that nothing is added to the transaction of a payment.
-- Callers  The launcher, as postgres, after the migrations at every start. Never on hosted.
-- Undo     Dropping the trigger.
create or replace function private.tell_inserted_payments() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
  insert into realtime._outbox (body)
  select jsonb_build_object(
    'extension', 'postgres_changes', 'rows', jsonb_agg(jsonb_build_object('id', e.subject, 'at', e.at) order by p.position)
  )
  from placed p join events.event e on e.id = p.event_id
  where e.kind = 'payment.sent' having count(*) > 0;
  return null;
end $$;
create or replace trigger tell_inserted_payments after insert on events.event_position
referencing new table as placed for each statement execute function private.tell_inserted_payments();
