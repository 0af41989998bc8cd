"""The versions of the API that a key can be pinned to."""

from datetime import date

CURRENT_VERSION = date(2026, 11, 20)
# every one that is still answered, the oldest first; a program names another than its key's with `PaYa-Version`
VERSIONS = (CURRENT_VERSION,)
