"""Jobs of texts: each one verb."""

from procrastinate import App

from jobs.retries import TEXT
from paya_app.identity import texts


def register(app: App) -> None:
    """Make these tasks known to the queue, by the names that SQL writes."""
    app.task(name="send_queued_text", queue="texts", retry=TEXT)(send_queued_text)


async def send_queued_text(webhook_id: str) -> None:
    """Send a text that no vendor could take before."""
    await texts.send_queued_text(webhook_id)
