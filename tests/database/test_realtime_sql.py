"""realtime.send and who may write or read realtime.messages."""

import json
from uuid import UUID

import psycopg
import pytest
from psycopg import sql

from tests.support.database import Database

_SEND = "select realtime.send(%s, 'payments', 'feed', %s)"


async def outbox(database: Database) -> list[dict]:
    return [body for (body,) in await database.rows("select body from realtime._outbox order by seq")]


async def test_what_is_sent_stands_in_the_outbox(database: Database):
    for private in (True, False):
        await database.rows(_SEND, (json.dumps({"shown": [1]}), private), role="postgres")
    first, second = await outbox(database)
    assert (first["topic"], first["event"], first["private"], first["extension"]) == (
        "feed",
        "payments",
        True,
        "broadcast",
    )
    assert first["payload"]["shown"] == [1]
    assert UUID(first["payload"]["id"]) == UUID(first["id"])
    assert second["private"] is False


async def test_private_is_the_default_and_a_given_id_is_kept(database: Database):
    await database.rows("""select realtime.send('{"id": "mine"}', 'changed', 'user:1')""", role="postgres")
    (message,) = await outbox(database)
    assert (message["private"], message["payload"]) == (True, {"id": "mine"})


async def test_sending_is_undone_with_its_transaction(database: Database):
    async with await database.connect("postgres") as connection, connection.transaction(force_rollback=True):
        await connection.execute(_SEND, ("{}", True))
    assert await outbox(database) == []


async def test_a_message_that_cannot_be_sent_undoes_nothing(database: Database):
    async with await database.connect("postgres") as connection, connection.transaction():
        await connection.execute("create table private.mark (id int)")
        # a list has no place for an id
        await connection.execute(_SEND, ("[]", True))
    assert await outbox(database) == []
    assert await database.value("select to_regclass('private.mark') is not null")


@pytest.mark.parametrize("role", ["anon", "authenticated"])
async def test_api_roles_cannot_broadcast(database: Database, role: str):
    async with await database.connect("authenticator") as connection:
        await connection.execute(sql.SQL("set role {}").format(sql.Identifier(role)))
        with pytest.raises(psycopg.errors.InsufficientPrivilege, match="row-level security"):
            await connection.execute("insert into realtime.messages (topic, extension) values ('feed', 'broadcast')")
        await connection.execute(_SEND, ("{}", True))
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            await connection.execute("select from realtime._outbox")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            await connection.execute("insert into realtime._outbox (body) values ('{}')")
    assert await outbox(database) == []
    assert await database.value("select count(*) from realtime.messages") == 0


async def test_presence_and_other_extensions_are_not_handed_out(database: Database):
    await database.rows("insert into realtime.messages (topic, extension) values ('feed', 'presence')")
    assert await outbox(database) == []


async def test_the_topic_is_what_was_set(database: Database):
    async with await database.connect("authenticator") as connection, connection.transaction():
        await connection.execute("set local role anon")
        assert await (await connection.execute("select realtime.topic()")).fetchone() == (None,)
        await connection.execute("select set_config('realtime.topic', 'feed', true)")
        assert await (await connection.execute("select realtime.topic()")).fetchone() == ("feed",)


async def test_changes_of_a_table_are_broadcast_by_its_trigger(database: Database):
    await database.rows(
        """
        create table private.thing (id int, name text);
        create function private.tell() returns trigger language plpgsql as $$ begin
          perform realtime.broadcast_changes(
            'things', tg_op, tg_op, tg_table_name, tg_table_schema, new, old, tg_level
          );
          return null;
        end $$;
        create trigger tell after insert or update or delete on private.thing
        for each row execute function private.tell();
        insert into private.thing values (1, 'one');
        update private.thing set name = 'uno';
        delete from private.thing
        """,
        role="postgres",
    )
    payloads = [message["payload"] for message in await outbox(database)]
    assert [payload["operation"] for payload in payloads] == ["INSERT", "UPDATE", "DELETE"]
    assert payloads[1]["record"] == {"id": 1, "name": "uno"}
    assert payloads[1]["old_record"] == {"id": 1, "name": "one"}
    assert (payloads[1]["schema"], payloads[1]["table"]) == ("private", "thing")
    with pytest.raises(psycopg.errors.RaiseException, match="for each row, not for each statement"):
        await database.rows(
            "select realtime.broadcast_changes('t', 'INSERT', 'INSERT', 't', 's', null, null, 'STATEMENT')"
        )


async def test_the_gateway_reads_the_outbox_and_probes_as_a_watcher(database: Database):
    await database.rows(_SEND, ("{}", True), role="postgres")
    taken = """
    delete from realtime._outbox where seq in (select seq from realtime._outbox for update skip locked) returning seq
    """
    assert len(await database.rows(taken, role="supabase_realtime_admin")) == 1
    async with await database.connect("supabase_realtime_admin") as connection, connection.transaction():
        for role in ("anon", "authenticated"):
            await connection.execute(sql.SQL("set local role {}").format(sql.Identifier(role)))
            assert await (await connection.execute("select current_user::text")).fetchone() == (role,)
            await connection.execute("reset role")
