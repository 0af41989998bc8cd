"""Accounts and the transfers between them.

The ledger is written in SQL (`supabase/migrations/*_ledger.sql`): `ledger.post` is the only function that
moves money, and only other definer functions in the database may call it. Python has nothing to add yet.
"""
