"""PaYa: a user-owned payment network."""
