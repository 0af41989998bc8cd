"""The append-only record of what happened, and its readers.

Events are written by the database, in the transaction of the change (`events.record`). The relay gives new
ones their position and hands them on.
"""
