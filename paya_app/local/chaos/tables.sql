-- What each stand-in does wrong at the moment: all of their processes read it with every call.
create table if not exists vendor_chaos.mischief (
  vendor text primary key,
  answers text not null,
  webhooks text not null,
  since timestamptz not null default clock_timestamp()
);
