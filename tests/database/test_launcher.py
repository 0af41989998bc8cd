"""Starting, attaching to, losing and finding again a server of one's own."""

import ctypes
import json
import os
import signal
import socket
import stat
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from paya_app.local.postgres import (
    Cluster,
    PostgresFault,
    binaries,
    create,
    ensure,
    foreground_command,
    passwords,
    wait_until_ready,
)

_ENSURE = """
import sys; from pathlib import Path; from paya_app.local.postgres import ensure
cluster = ensure(Path(sys.argv[1])); print(cluster.pid, cluster.port)
"""


def as_superuser(cluster: Cluster) -> psycopg.Connection:
    return psycopg.connect(cluster.url("supabase_admin"), autocommit=True)


def setting(cluster: Cluster, name: str) -> str:
    with as_superuser(cluster) as connection:
        row = connection.execute("select current_setting(%s)", (name,)).fetchone()
    assert row
    return row[0]


def test_made_once_then_attached_to(own_home: Path):
    first = ensure(own_home)
    second = ensure(own_home)
    assert first.pid is not None
    assert (first.pid, first.port) == (second.pid, second.port)
    assert first.is_ready()


def test_money_is_on_disk_before_it_is_acknowledged(own_home: Path):
    cluster = ensure(own_home)
    durable = ("fsync", "synchronous_commit", "full_page_writes", "data_checksums")
    assert {name: setting(cluster, name) for name in durable} == dict.fromkeys(durable, "on")
    assert setting(cluster, "wal_level") == "logical"
    assert setting(cluster, "timezone") == "UTC"


def test_the_log_tells_neither_statements_nor_values(own_home: Path):
    cluster = ensure(own_home)
    with as_superuser(cluster) as connection:
        connection.execute("create table person (phone text unique)")
        connection.execute("insert into person values ('12025550188')")
        with pytest.raises(psycopg.errors.UniqueViolation):
            connection.execute("insert into person values ('12025550188')")
        with pytest.raises(psycopg.errors.UndefinedTable):
            connection.execute("select '12025550188' from nobody")
    assert "12025550188" not in cluster.log.read_text()


def test_only_this_machine_and_only_with_a_password(own_home: Path):
    cluster = ensure(own_home)
    assert setting(cluster, "listen_addresses") == "127.0.0.1"
    with pytest.raises(psycopg.OperationalError, match="no password supplied"):
        psycopg.connect(f"postgresql://supabase_admin@127.0.0.1:{cluster.port}/postgres")
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(f"postgresql://supabase_admin:postgres@127.0.0.1:{cluster.port}/postgres")
    rules = [line for line in (cluster.data / "pg_hba.conf").read_text().splitlines() if line and line[0] != "#"]
    assert rules
    assert {rule.split()[-1] for rule in rules} == {"scram-sha-256"}


def test_passwords_are_in_one_private_file(own_home: Path):
    ensure(own_home)
    kept = own_home / passwords.FILE_NAME
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    secrets = json.loads(kept.read_text())
    assert set(secrets) == set(passwords.LOGIN_ROLES)
    assert len(set(secrets.values())) == len(secrets)
    assert stat.S_IMODE((own_home / "postgres").stat().st_mode) == 0o700
    assert not (own_home / "initdb-password").exists()


def test_four_at_once_get_one_server(own_home: Path):
    argv = [sys.executable, "-c", _ENSURE, str(own_home)]
    starters = [subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(4)]
    said = [starter.communicate(timeout=60) for starter in starters]
    assert [starter.returncode for starter in starters] == [0] * 4, said
    assert len({out for out, _ in said}) == 1
    assert said[0][0].split()[0] == str(create(own_home).pid)


def test_a_killed_server_comes_back_with_what_it_promised(own_home: Path):
    cluster = ensure(own_home)
    with as_superuser(cluster) as connection:
        connection.execute("create table promise (kept int)")
        connection.execute("insert into promise values (7)")
        # a child of the server that outlives it for a moment
        assert cluster.pid is not None
        os.kill(cluster.pid, signal.SIGKILL)
    again = ensure(own_home)
    with as_superuser(again) as connection:
        assert connection.execute("select kept from promise").fetchall() == [(7,)]


def test_a_pid_that_has_passed_to_another_program(own_home: Path):
    cluster = ensure(own_home)
    assert cluster.pid is not None
    os.kill(cluster.pid, signal.SIGKILL)
    kept = cluster.data / "postmaster.pid"
    lines = kept.read_text().split("\n")
    kept.write_text("\n".join([str(os.getpid()), *lines[1:]]))
    assert cluster.pid is None
    assert not cluster.is_ready()
    again = ensure(own_home)
    assert again.pid not in {None, os.getpid()}
    assert again.is_ready()


def test_a_home_with_a_space_and_through_a_link(own_home: Path):
    cluster = ensure(own_home / "my home")
    (own_home / "link").symlink_to(own_home / "my home")
    assert ensure(own_home / "link").pid == cluster.pid
    cluster.stop()


def test_a_server_at_work_when_its_postmaster_is_killed(own_home: Path):
    cluster = ensure(own_home)
    busy = as_superuser(cluster)
    busy.pgconn.send_query(b"select pg_sleep(60)")
    assert cluster.pid is not None
    os.kill(cluster.pid, signal.SIGKILL)
    assert ensure(own_home).is_ready()
    busy.close()


def test_the_port_stays_while_it_is_free(own_home: Path):
    cluster = ensure(own_home)
    before = cluster.port
    cluster.stop()
    assert cluster.pid is None
    assert ensure(own_home).port == before


def test_a_taken_port_gives_way(own_home: Path):
    cluster = ensure(own_home)
    before = cluster.port
    cluster.stop()
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        other.bind(("127.0.0.1", before))
        other.listen()
        moved = ensure(own_home)
        assert moved.port != before
        assert moved.is_ready()


def test_the_address_is_known_before_the_start(own_home: Path):
    cluster = create(own_home)
    promised = cluster.url("supabase_admin")
    assert ensure(own_home).url("supabase_admin") == promised


def test_stopping_twice_is_stopping_once(own_home: Path):
    cluster = ensure(own_home)
    cluster.stop()
    cluster.stop()
    assert not cluster.is_ready()


def test_in_the_foreground_the_child_is_the_server(own_home: Path):
    cluster = create(own_home)
    server = subprocess.Popen(foreground_command(cluster), stderr=subprocess.PIPE, text=True)
    wait_until_ready(cluster, alive=lambda: server.poll() is None)
    assert cluster.pid == server.pid
    with pytest.raises(PostgresFault, match=f"Another PaYa is already running in .* {server.pid}"):
        foreground_command(cluster)
    server.send_signal(signal.SIGINT)
    said = server.communicate(timeout=30)[1]
    assert server.returncode == 0, said


def test_in_the_foreground_it_comes_back_on_its_port_after_kill_9(own_home: Path):
    cluster = create(own_home)
    ports = set()
    for _ in range(2):
        server = subprocess.Popen(foreground_command(cluster), stderr=subprocess.DEVNULL)
        wait_until_ready(cluster, alive=lambda server=server: server.poll() is None)
        ports.add(cluster.port)
        server.kill()
        server.wait(timeout=10)
    assert len(ports) == 1


@pytest.fixture
def clinging(own_home: Path) -> Iterator[tuple[Cluster, Callable[[], None]]]:
    """A killed server whose memory a process (we) still holds, and what lets go of it."""
    cluster = create(own_home)
    server = subprocess.Popen(foreground_command(cluster), stderr=subprocess.DEVNULL)
    wait_until_ready(cluster, alive=lambda: server.poll() is None)
    memory = int((cluster.data / "postmaster.pid").read_text().splitlines()[6].split()[1])
    libc = ctypes.CDLL(None, use_errno=True)
    libc.shmat.restype, libc.shmdt.argtypes = ctypes.c_void_p, [ctypes.c_void_p]
    held = libc.shmat(memory, None, 0)
    assert held not in (None, ctypes.c_void_p(-1).value), os.strerror(ctypes.get_errno())
    server.kill()
    server.wait(timeout=10)
    yield cluster, lambda: libc.shmdt(held)
    libc.shmdt(held)


on_linux = pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells who holds a piece of shared memory")


@on_linux
def test_the_next_server_waits_until_the_killed_ones_children_are_gone(clinging: tuple[Cluster, Callable[[], None]]):
    cluster, let_go = clinging
    threading.Timer(0.5, let_go).start()
    server = subprocess.Popen(foreground_command(cluster), stderr=subprocess.PIPE, text=True)
    wait_until_ready(cluster, alive=lambda: server.poll() is None)
    server.send_signal(signal.SIGINT)
    server.communicate(timeout=30)


@on_linux
def test_children_that_never_end_are_said(clinging: tuple[Cluster, Callable[[], None]]):
    cluster, let_go = clinging
    with pytest.raises(PostgresFault, match="not all of its processes have ended"):
        foreground_command(cluster, release_s_max=0.1)
    let_go()
    assert foreground_command(cluster, release_s_max=0.1)


def test_a_server_that_dies_while_starting_is_said(own_home: Path):
    cluster = create(own_home)
    with pytest.raises(PostgresFault, match="ended while it was starting"):
        wait_until_ready(cluster, alive=lambda: False)


def test_data_of_another_major_version(own_home: Path):
    cluster = create(own_home)
    (cluster.data / "PG_VERSION").write_text("13\n")
    with pytest.raises(PostgresFault) as refused:
        ensure(own_home)
    assert f"made by PostgreSQL 13, and the programs in {cluster.binaries.folder} are PostgreSQL" in str(refused.value)
    assert "PAYA_PG_BIN" in str(refused.value)


def test_passwords_of_another_server(own_home: Path):
    cluster = ensure(own_home)
    kept = own_home / passwords.FILE_NAME
    right = kept.read_text()
    kept.write_text(json.dumps(dict.fromkeys(passwords.LOGIN_ROLES, "wrong")))
    with pytest.raises(PostgresFault, match="are not those of the database"):
        ensure(own_home)
    kept.unlink()
    with pytest.raises(PostgresFault, match="holds no password for the database role supabase_admin"):
        ensure(own_home)
    kept.write_text(right)
    assert cluster.is_ready()


def test_a_folder_that_is_no_database(own_home: Path):
    (own_home / "postgres").mkdir()
    (own_home / "postgres" / "letter.txt").write_text("mine")
    with pytest.raises(PostgresFault, match="holds no PostgreSQL database: move it away"):
        create(own_home)
    assert (own_home / "postgres" / "letter.txt").read_text() == "mine"


def test_a_half_made_database_is_made_again(own_home: Path):
    (own_home / "postgres.new" / "base").mkdir(parents=True)
    assert ensure(own_home).is_ready()
    assert not (own_home / "postgres.new").exists()


def test_a_pg_bin_with_nothing_in_it(own_home: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("PAYA_PG_BIN", "/nowhere/bin")
    with pytest.raises(PostgresFault, match="PAYA_PG_BIN is /nowhere/bin, which holds no PostgreSQL"):
        ensure(own_home)


def test_a_pg_bin_that_is_too_old(own_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    for name in ("initdb", "postgres", "pg_ctl"):
        (tmp_path / name).write_text("#!/bin/sh\necho 'postgres (PostgreSQL) 14.9'\n")
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PAYA_PG_BIN", str(tmp_path))
    with pytest.raises(PostgresFault, match="PAYA_PG_BIN is PostgreSQL 14; PaYa needs 15 or newer"):
        ensure(own_home)


def test_no_postgres_anywhere(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("PAYA_PG_BIN", raising=False)
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.setattr(binaries, "_WHEEL", "no_such_wheel")
    monkeypatch.setattr(binaries, "_SYSTEM_FOLDERS", ())
    with pytest.raises(PostgresFault, match="There is no PostgreSQL here: install PostgreSQL 15 or newer"):
        binaries.find()


def test_the_wheel_comes_before_the_system(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("PAYA_PG_BIN", raising=False)
    assert binaries.find().folder == binaries.wheel_folders()[18]
