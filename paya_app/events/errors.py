"""What keeps PaYa from going on."""


class RecordRestored(Exception):
    """The database was restored from a copy, and its record of events needs `paya rebase` first."""

    def __init__(self) -> None:
        super().__init__(
            "This database was restored: its record of events holds transaction ids that it has not reached. "
            "Run `paya rebase` once, while PaYa is stopped, and start again. No event is lost or repeated."
        )
