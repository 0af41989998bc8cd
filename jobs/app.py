"""The queue, as this process reaches it, with every task it knows."""

from procrastinate import App, PsycopgConnector

from paya_app.core.config import settings

CONNECTIONS_MAX = 4


def connector() -> PsycopgConnector:
    """A small pool to the queue's schema, as the worker's role."""
    return PsycopgConnector(
        conninfo=settings().paya_worker_database_url,
        min_size=1,
        max_size=CONNECTIONS_MAX,
        timeout=10,
        kwargs={"options": "-csearch_path=jobs", "application_name": "paya worker", "connect_timeout": 3},
    )


def queue() -> App:
    """The queue with its tasks, to be opened with `open_async`."""
    from jobs import banking, ledger, notifications, providers, risk, savings, settlement, texts, upkeep

    app = App(connector=connector())
    banking.register(app)
    ledger.register(app)
    notifications.register(app)
    providers.register(app)
    risk.register(app)
    savings.register(app)
    settlement.register(app)
    texts.register(app)
    upkeep.register(app)
    return app
