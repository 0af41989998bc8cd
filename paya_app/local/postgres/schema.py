"""The schema as one file to read, `supabase/schema.sql`, made from the database that the migrations make.

`python -m paya_app.local.postgres.schema` writes it anew; a test fails while it is out of date.
"""

import re
import subprocess
import tempfile
from pathlib import Path

from paya_app.local.postgres.cluster import Cluster, ensure, environment
from paya_app.local.postgres.faults import PostgresFault
from paya_app.local.postgres.passwords import SUPERUSER, password_of
from paya_app.local.postgres.preparation import SUPABASE_FOLDER, prepare

FILE = SUPABASE_FOLDER / "schema.sql"
# pg_dump spells some things differently from version to version
MAJOR = 18
_PROVIDED = {
    "auth",
    "realtime",
    "extensions",
    "supabase_migrations",
    "vendor_twilio",
    "vendor_dwolla",
    "vendor_plaid",
    "vendor_kraken",
    "vendor_chaos",
}
_OURS_ON_THEIRS = {"POLICY", "TRIGGER"}
_ENTRY = re.compile(
    r"^--\n-- Name: (?P<name>.*); Type: (?P<kind>.*); Schema: (?P<schema>.*); Owner:.*\n--\n", re.MULTILINE
)
_HEADER = """\
-- The whole schema, for reading: what the migrations add up to.
-- Made by `python -m paya_app.local.postgres.schema`; to change it, write a migration.
-- What Supabase provides (auth, realtime, extensions) is left out, except what our migrations add to it.
"""


def dump_schema(cluster: Cluster, database: str = "postgres") -> str:
    """The SQL of everything that our migrations made in `database`, in pg_dump's stable order.

    Raises:
        PostgresFault: the server is not of the version that the file is made with, or pg_dump failed.
    """
    if cluster.binaries.major != MAJOR:
        raise PostgresFault(f"The schema is dumped by PostgreSQL {MAJOR}, and this is {cluster.binaries.major}.")
    where = f"host=127.0.0.1 port={cluster.port} user={SUPERUSER} dbname={database}"
    made = subprocess.run(  # noqa: S603
        [cluster.binaries.program("pg_dump"), "--schema-only", "--no-owner", f"--dbname={where}"],
        capture_output=True,
        text=True,
        check=False,
        env=environment() | {"PGPASSWORD": password_of(cluster.home, SUPERUSER)},
    )
    if made.returncode != 0:
        raise PostgresFault(f"pg_dump failed: {made.stderr.strip()}")
    entries = list(_ENTRY.finditer(made.stdout))
    ends = [entry.start() for entry in entries[1:]] + [made.stdout.rindex("--\n-- PostgreSQL database dump complete")]
    kept = [
        f"-- {entry['kind'].lower()} {entry['name']}\n{_body(made.stdout[entry.end() : end])}\n"
        for entry, end in zip(entries, ends, strict=True)
        if _is_ours(entry)
    ]
    return "\n".join([_HEADER, *kept])


def write_schema(path: Path = FILE) -> None:
    """Make a server with nothing but bootstrap and migrations, and write its schema to `path`."""
    with tempfile.TemporaryDirectory(prefix="paya-schema-") as home:
        cluster = ensure(Path(home))
        try:
            prepare(cluster, clock=False)
            path.write_text(dump_schema(cluster))
        finally:
            cluster.stop()


def _body(text: str) -> str:
    settings = re.compile(r"^(SET default_\w+ = .*;|SELECT pg_catalog\.set_config.*)\n", re.MULTILINE)
    return settings.sub("", text).strip()


def _is_ours(entry: re.Match[str]) -> bool:
    kind, schema, name = entry["kind"], entry["schema"], entry["name"]
    if kind == "PUBLICATION":
        return False
    if schema in _PROVIDED:
        return kind in _OURS_ON_THEIRS and not name.endswith(" fill_outbox")
    if schema == "-":
        # schemas, publications and their grants, which carry no schema of their own
        return not any(re.search(rf"\b{provided}\b", name) for provided in (*_PROVIDED, "SCHEMA public"))
    return True


if __name__ == "__main__":
    write_schema()
