import os
from collections.abc import AsyncIterator

import pytest

from paya_app.core.config import settings
from paya_app.local.vendors.smtp import Mails, serve_smtp
from tests.support.database import Database


@pytest.fixture
async def mails(database: Database, monkeypatch) -> AsyncIterator[Mails]:
    """The stand-in mail server is served, and the settings point at it; what it took."""
    url = database.url("paya_vendors")
    async with serve_smtp(url, "127.0.0.1", 0) as port:
        monkeypatch.setitem(os.environ, "SMTP_URL", f"smtp://127.0.0.1:{port}")
        monkeypatch.setitem(os.environ, "MAIL_FROM", "PaYa <notices@localhost>")
        settings.cache_clear()
        store = Mails(url)
        yield store
        await store.close()
    settings.cache_clear()
