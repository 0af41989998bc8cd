-- Feed: the payments that senders show and recipients leave shown, for everyone to read and to follow live.
-- Why      The feed is a read model over payments and profiles: nobody publishes to it, and a payment that
--          turns private leaves it by itself. It has no amounts because public.payments has none.
-- Units    at: when the payment was made; version: changes of the payment, from 1, the highest is the truth.
-- Locks    An index and a publication of public.payments (SHARE UPDATE EXCLUSIVE and SHARE, brief).
-- Callers  anon and authenticated read the view as themselves; realtime asks the policies below who may join.
-- Undo     Forward only.
set local lock_timeout = '5s';

create schema feed;
revoke all on schema feed from public;
grant usage on schema feed to anon, authenticated, service_role;

create view feed.public_payment with (security_invoker = true) as
select
  p.id,
  p.created_at as at,
  p.note,
  p.version,
  s.handle as sender_handle,
  s.name as sender_name,
  r.handle as recipient_handle,
  r.name as recipient_name,
  s.is_demo as sender_is_demo,
  r.is_demo as recipient_is_demo
from public.payments p
join public.profiles s on s.id = p.sender_id
join public.profiles r on r.id = p.recipient_id
where p.is_public;
comment on view feed.public_payment is 'The public feed, one row per payment that its sender shows and its recipient leaves shown. Never an amount.';
revoke all on feed.public_payment from anon, authenticated, service_role;
grant select on feed.public_payment to anon, authenticated, service_role;

-- History is read newest first, from a (created_at, id) onwards.
create index payments_public_newest on public.payments (created_at desc, id desc) where is_public;

-- Who may join a private topic: realtime tries to read a message of it as the joiner. There is no policy for
-- INSERT, so no client may broadcast, whatever channel it opens.
create policy topics_for_visitors on realtime.messages for select to anon
using (extension = 'broadcast' and (select realtime.topic()) = 'feed');
create policy topics_for_people on realtime.messages for select to authenticated
using (extension = 'broadcast' and (select realtime.topic()) in ('feed', 'user:' || (select auth.uid())::text));

-- For subscribers to INSERTs on public.payments; what each of them gets is decided by its policies.
do $$
begin
  if exists (select from pg_publication where pubname = 'supabase_realtime' and not puballtables)
    and not exists (
      select from pg_publication_tables
      where pubname = 'supabase_realtime' and schemaname = 'public' and tablename = 'payments'
    )
  then
    alter publication supabase_realtime add table public.payments;
  end if;
end $$;
