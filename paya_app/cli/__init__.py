"""The `paya` command: run everything, or one program of it.

Imports stay inside the commands: each program loads only what it needs.
"""

import typer

from paya_app.cli import administrators, bench, cases, checks, dead_letters, faults, programs

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, help=__doc__)
app.add_typer(programs.app)
app.add_typer(checks.app)
app.add_typer(dead_letters.app, name="jobs")
app.add_typer(cases.app, name="cases")
app.add_typer(administrators.app, name="admin")
app.add_typer(bench.app, name="bench")
app.add_typer(faults.app, name="faults")
