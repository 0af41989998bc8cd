-- The stand-in's own books: texts that it took, and the faults it was told to show. Times are real times.

create table if not exists vendor_twilio.message (
  sid text primary key,
  sender text not null,
  recipient text not null,
  body text not null,
  segments int not null,
  position bigint generated always as identity,
  created_at timestamptz not null default clock_timestamp()
);
create index if not exists message_by_recipient on vendor_twilio.message (recipient, position desc);
create unique index if not exists message_by_position on vendor_twilio.message (position desc);

create table if not exists vendor_twilio.fault (
  kind text primary key,
  remaining int not null check (remaining >= 0)
);
