"""`python -m paya_app` is the `paya` command."""

from paya_app.cli import app

app()
