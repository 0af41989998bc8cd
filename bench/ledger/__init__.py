"""How fast the money core is, as ratios to what the same server does at all.

`paya bench ledger` starts a private Postgres and measures each path in rounds, between rounds of pgbench's
own tpcb-like transaction (three updates, a select and an insert, each a trip). What a path costs is said
three ways: its rate as a multiple of tpcb-like in the same round, the server's processor time and the
write-ahead log per transfer. Rates on a busy machine mean little; ratios of neighbours in time mean more, and
the spread over the rounds is shown.
"""
