"""What stands in, on a machine without accounts, for hosted Supabase and the vendors.

Imported by the server, the command line and tests only; no product module knows that it exists.
"""
