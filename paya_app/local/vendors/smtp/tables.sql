-- The stand-in's own books: mails that it took. Times are real times.

create table if not exists vendor_smtp.mail (
  position bigint generated always as identity primary key,
  sender text not null,
  recipient text not null,
  content bytea not null,
  created_at timestamptz not null default clock_timestamp()
);
create index if not exists mail_by_recipient on vendor_smtp.mail (recipient, position desc);
