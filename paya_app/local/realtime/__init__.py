"""Stands in for Supabase Realtime: the Phoenix channel protocol over one websocket path, for stock clients.

Watchers join private topics, which row level security on `realtime.messages` allows or refuses as on
Supabase, and get what `realtime.send` said, and INSERTs on `public.payments` for `postgres_changes`. They can
say nothing themselves.
"""

from paya_app.local.realtime.gateway import Gateway

__all__ = ["Gateway"]
