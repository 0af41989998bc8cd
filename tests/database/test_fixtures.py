"""What the other tests rely on."""

import socket

import psycopg
import pytest

from paya_app.core import db
from paya_app.core.actor import Actor
from paya_app.core.config import settings
from paya_app.local.postgres import Cluster
from tests.support.database import TEMPLATE, Database
from tests.support.loopback import LeavesTheMachine
from tests.support.people import People


async def test_a_person_joins_with_money(people: People):
    ann = await people.join("ann", cents=5000)
    assert await people.balance(ann) == 5000
    rows = await db.query(ann, "select auth.uid() as me, auth.role() as role, auth.jwt() ->> 'phone' as phone")
    assert rows[0].me == ann.user_id
    assert rows[0].role == "authenticated"
    assert rows[0].phone.startswith("1")


async def test_two_people_have_two_phones(people: People, database: Database):
    await people.join("ann")
    await people.join("bob")
    assert await database.value("select count(distinct phone) from auth.users") == 2


async def test_the_settings_point_at_the_copy(database: Database):
    assert settings().database_url == database.url("paya_app")
    assert (await db.query(Actor.visitor(), "select current_database()"))[0][0] == database.name


@pytest.mark.parametrize("turn", [1, 2])
async def test_a_copy_is_fresh(database: Database, turn: int):
    assert await database.value("select count(*) from auth.users") == 0
    await database.rows("insert into auth.users (id) values (gen_random_uuid())")


async def test_nobody_enters_the_template(cluster: Cluster):
    with pytest.raises(psycopg.OperationalError, match="not currently accepting connections"):
        await psycopg.AsyncConnection.connect(cluster.url("supabase_admin", TEMPLATE))


@pytest.mark.parametrize("address", [("203.0.113.7", 80), ("10.0.0.1", 5432)])
def test_other_machines_are_out_of_reach(address: tuple[str, int]):
    with socket.socket() as probe, pytest.raises(LeavesTheMachine):
        probe.connect(address)


def test_names_of_other_machines_are_not_looked_up():
    with pytest.raises(LeavesTheMachine):
        socket.getaddrinfo("example.com", 443)


def test_this_machine_is_in_reach():
    with socket.socket() as listener, socket.socket() as caller:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        caller.connect(listener.getsockname())
