"""Why the embedded Postgres cannot run, in one sentence for the person at the terminal."""


class PostgresFault(Exception):
    """The embedded server cannot be made, started or reached; the message is one sentence that says what to do."""
