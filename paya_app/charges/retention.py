"""How long the sandbox keeps what nobody touches."""

from paya_app.core.as_service import as_service

CHARGES_AT_ONCE = 200


async def sweep() -> int:
    """Remove charges that nobody touched for as long as they are kept, whole; how many."""
    removed = 0
    while True:
        part = await as_service("select charges.sweep(:maximum)", maximum=CHARGES_AT_ONCE)
        removed += part
        if part < CHARGES_AT_ONCE:
            return removed
