"""The realtime gateway by its protocol: who may join what, what is heard, and what bad clients get."""

import asyncio
import json
import time

import httpx
import jwt
import pytest
import websockets

from paya_app import wallet
from paya_app.core.ids import new_id
from paya_app.local.keys import api_key, new_jwt_key
from paya_app.local.realtime import Gateway
from tests.support.gateway import token_of
from tests.support.waiting import until
from tests.support.watcher import Watcher

FOLLOW = {"event": "INSERT", "schema": "public", "table": "payments", "filter": "is_public=eq.true"}
UNAUTHORIZED = "Unauthorized: You do not have permissions to read from this Channel topic: "


@pytest.fixture
async def two(people):
    return await people.join("ann", cents=10_000, name="Ann Lee"), await people.join("bob", cents=10_000)


async def pay(ann, audience: wallet.Audience = "public", note="tacos", to="bob"):
    return await wallet.send(ann, payment_id=new_id(), to=to, amount_cents=1234, note=note, audience=audience)


def send(database, topic, payload, event="payments"):
    statement = "select realtime.send(%s::jsonb, %s, %s, true)"
    return database.rows(statement, (json.dumps(payload), event, topic), role="postgres")


@pytest.mark.parametrize("vsn", ["1.0.0", "2.0.0"])
async def test_a_visitor_hears_the_feed(live, two, vsn):
    ann, _ = two
    async with live.socket(vsn=vsn) as socket:
        watcher = Watcher(socket, vsn=vsn)
        assert await watcher.join("feed") == {"status": "ok", "response": {"postgres_changes": []}}
        payment = await pay(ann)
        frame = await watcher.hear("broadcast")
        assert (frame["topic"], frame["ref"], frame.get("join_ref")) == ("realtime:feed", None, None)
        body = frame["payload"]
        assert (body["type"], body["event"], set(body["meta"])) == ("broadcast", "payments", {"id"})
        assert [row["id"] for row in body["payload"]["shown"]] == [str(payment.id)]
        assert "1234" not in json.dumps(body).replace(str(payment.id), "")
        await wallet.set_audience(ann, payment.id, "private")
        hidden = (await watcher.hear("broadcast"))["payload"]["payload"]
        assert (hidden["shown"], hidden["hidden"]) == ([], [{"id": str(payment.id), "version": 2}])


async def test_watchers_are_counted(live):
    assert live.gateway.watchers("feed") == 0
    async with live.socket() as one, live.socket() as other:
        first, second = Watcher(one), Watcher(other)
        await first.join("feed")
        await second.join("feed")
        await second.join("feed")
        assert live.gateway.watchers("feed") == 2
        assert (await first.ask("realtime:feed", "phx_leave"))["status"] == "ok"
        assert (await first.hear("phx_close"))["topic"] == "realtime:feed"
        assert live.gateway.watchers("feed") == 1
    await until(lambda: live.gateway.watchers("feed") == 0)


async def test_a_person_hears_their_own_hints_and_nobody_elses(live, two):
    ann, bob = two
    async with live.socket() as socket:
        watcher = Watcher(socket)
        assert (await watcher.join(f"user:{ann.user_id}", token=token_of(ann)))["status"] == "ok"
        refused = await watcher.join(f"user:{bob.user_id}", token=token_of(ann))
        assert refused == {"status": "error", "response": {"reason": f"{UNAUTHORIZED}user:{bob.user_id}"}}
        await pay(bob, audience="private", to="ann")
        frame = await watcher.hear("broadcast")
        assert frame["topic"] == f"realtime:user:{ann.user_id}"
        assert frame["payload"]["payload"]["kinds"] == ["payment.sent"]


@pytest.mark.parametrize("name", ["user:{ann}", "user:", "user:null", "feed2", "FEED", "admin", "feed:x"])
async def test_a_visitor_joins_nothing_but_the_feed(live, two, name):
    name = name.format(ann=two[0].user_id)
    async with live.socket() as socket:
        assert await Watcher(socket).join(name) == {
            "status": "error",
            "response": {"reason": f"{UNAUTHORIZED}{name}"},
        }


async def test_a_public_channel_is_refused(live):
    async with live.socket() as socket:
        watcher = Watcher(socket)
        answer = await watcher.join("feed", private=False)
        assert answer["response"]["reason"].startswith("PrivateOnly")
        assert (await watcher.ask("phoenix", "phx_join"))["response"]["reason"].startswith("TopicNameRequired")
        assert live.gateway.watchers("feed") == 0


async def test_nobody_speaks(live, two):
    ann, _ = two
    async with live.socket() as socket, live.socket() as other:
        speaker, listener = Watcher(socket), Watcher(other)
        await listener.join("feed")
        await speaker.join("feed", token=token_of(ann), broadcast={"ack": True, "self": True})
        said = {"type": "broadcast", "event": "payments", "payload": {"shown": [{"id": "forged"}]}}
        assert (await speaker.ask("realtime:feed", "broadcast", said))["status"] == "error"
        assert (await speaker.ask("realtime:feed", "presence", {"event": "track"}))["status"] == "error"
        head = [b"1", b"77", b"realtime:feed", b"payments", b""]
        await socket.send(bytes([3, *map(len, head), 1]) + b"".join(head) + b'{"shown":[]}')
        assert (await speaker.hear("phx_reply"))["payload"]["status"] == "error"
        await send_marker(live, ann)
        shown = (await listener.hear("broadcast"))["payload"]["payload"]["shown"]
        assert [row["note"] for row in shown] == ["marker"]


async def send_marker(live, ann):
    """A real payment: whatever was forged before it would have been heard first."""
    await pay(ann, note="marker")


@pytest.mark.parametrize("path", ["/api/broadcast", "/api/broadcast/feed/events/payments", "/", "", "/websocket"])
async def test_nobody_speaks_over_http(live, path):
    async with httpx.AsyncClient() as client:
        answer = await client.post(f"{live.url}{path}", json={"messages": [{"topic": "feed", "event": "payments"}]})
    assert answer.status_code == 403
    assert "nobody may broadcast" in answer.json()["error"]


async def test_other_paths_are_the_applications(live):
    async with httpx.AsyncClient() as client:
        answer = await client.get(f"http://127.0.0.1:{live.port}/v1/feed")
    assert answer.json()["data"] == []


@pytest.mark.parametrize("fault", ["missing", "text", "other key", "expired", "role", "none", "no exp"])
async def test_a_key_is_needed(live, people, fault):
    ann = await people.join("ann")
    keys = {
        "missing": "",
        "text": "anon",
        "other key": api_key("anon", new_jwt_key()),
        "expired": token_of(ann, ttl_s=-5),
        "role": token_of(ann, role="postgres"),
        "none": jwt.encode({"role": "anon", "exp": int(time.time()) + 60}, "", algorithm="none"),
        "no exp": token_of(ann, exp=None),
    }
    with pytest.raises(websockets.InvalidStatus) as refused:
        await live.socket(apikey=keys[fault])
    assert refused.value.response.status_code == 403


async def test_a_bad_token_joins_nothing(live, people):
    ann = await people.join("ann")
    topic = f"user:{ann.user_id}"
    async with live.socket() as socket:
        watcher = Watcher(socket)
        for token, reason in [
            (token_of(ann, ttl_s=-5), "InvalidJWTToken: Token has expired"),
            ("nonsense", "MalformedJWT"),
            (api_key("authenticated", new_jwt_key()), "JwtSignatureError"),
        ]:
            assert (await watcher.join(topic, token=token))["response"]["reason"].startswith(reason)
        config = {"config": {"private": True}, "access_token": {"sub": 1}}
        assert (await watcher.ask(f"realtime:{topic}", "phx_join", config))["status"] == "error"


async def test_a_membership_ends_with_its_token(live, people):
    ann = await people.join("ann")
    async with live.socket() as socket:
        watcher = Watcher(socket)
        await watcher.join(f"user:{ann.user_id}", token=token_of(ann, ttl_s=1))
        assert (await watcher.hear("system"))["payload"]["message"] == "Token has expired"
        await watcher.hear("phx_close")
        assert live.gateway.watchers(f"user:{ann.user_id}") == 0
        # the socket itself goes on
        assert (await watcher.ask("phoenix", "heartbeat"))["status"] == "ok"


async def test_a_newer_token_prolongs_or_ends_a_membership(live, two):
    ann, bob = two
    topic = f"user:{ann.user_id}"
    async with live.socket() as socket:
        watcher = Watcher(socket)
        short = token_of(ann, ttl_s=1)
        await watcher.join(topic, token=short)
        await watcher.join("feed", token=short)
        await watcher.say(f"realtime:{topic}", "access_token", {"access_token": token_of(ann)})
        assert (await watcher.hear("phx_close"))["topic"] == "realtime:feed"
        await watcher.hear("system")
        assert live.gateway.watchers(topic) == 1
        await watcher.say(f"realtime:{topic}", "access_token", {"access_token": token_of(bob)})
        assert (await watcher.hear("system"))["payload"]["status"] == "error"
        await watcher.hear("phx_close")
        assert live.gateway.watchers(topic) == 0


GARBAGE = [
    "",
    "{",
    "null",
    "[]",
    '"text"',
    "[1,2,3]",
    '["1","1","realtime:feed","phx_join",[]]',
    '[null,null,null,"phx_join",{}]',
    '["1","1","realtime:\\u0000feed","phx_join",{}]',
    '["1","1","realtime:\\ud800","phx_join",{}]',
    '["1",{"a":1},"realtime:feed","phx_join",{}]',
    '["1","1","realtime:feed","phx_join",NaN]',
    '["1",1e999,"realtime:feed","phx_join",{}]',
    '["1",' + "9" * 5000 + ',"realtime:feed","phx_join",{}]',
    "[" * 60_000,
    '["1","1","' + "x" * 300 + '","phx_join",{}]',
    '{"topic":"realtime:feed","event":"phx_join","payload":{},"ref":"1"}',
    b"",
    b"\x03",
    b"\x03\xff\xff\xff\xff\xff\x01short",
    b"\x03\x01\x01\x04\x00\x00\x01\xff\xfe\xff\xff\xff\xff",
    b"\x00" * 1000,
]


@pytest.mark.parametrize("frame", GARBAGE, ids=range(len(GARBAGE)))
async def test_garbage_ends_its_socket_and_no_other(live, frame):
    async with live.socket() as good, live.socket() as bad:
        watcher = Watcher(good)
        await watcher.join("feed")
        await bad.send(frame)
        assert await Watcher(bad).closed() == 1007
        assert (await watcher.ask("phoenix", "heartbeat"))["status"] == "ok"
        assert live.gateway.watchers("feed") == 1


@pytest.mark.parametrize(
    "config",
    [
        {"postgres_changes": "all"},
        {"postgres_changes": [{"event": "DROP"}]},
        {"postgres_changes": [{"event": ["INSERT"]}]},
        {"postgres_changes": [{"event": "INSERT", "schema": 7}]},
        {"postgres_changes": [{"event": "INSERT", "filter": {}}]},
        {"postgres_changes": [FOLLOW] * 11},
    ],
)
async def test_a_malformed_wish_is_an_error_and_the_socket_goes_on(live, config):
    async with live.socket() as socket:
        watcher = Watcher(socket)
        assert (await watcher.join("feed", **config))["status"] == "error"
        assert (await watcher.join("feed"))["status"] == "ok"


async def test_too_long_a_frame(live):
    async with live.socket() as socket:
        await socket.send(json.dumps(["1", "1", "realtime:feed", "phx_join", {"x": "y" * 70_000}]))
        assert await Watcher(socket).closed() == 1009


async def test_too_many_frames(live):
    async with live.socket() as socket:
        for n in range(200):
            await socket.send(json.dumps([None, str(n), "phoenix", "heartbeat", {}]))
        assert await Watcher(socket).closed() == 1008


async def test_too_many_channels(live, people):
    ann = await people.join("ann")
    async with live.socket() as socket:
        watcher = Watcher(socket)
        answers = [
            await watcher.join(f"room{n}", private=False, postgres_changes=[FOLLOW], token=token_of(ann))
            for n in range(21)
        ]
        assert [a["status"] for a in answers] == ["ok"] * 20 + ["error"]
        assert answers[-1]["response"]["reason"].startswith("ChannelRateLimitReached")


async def test_a_slow_reader_is_dropped_and_the_others_hear_on(live, database):
    async with live.socket(max_queue=1) as slow, live.socket() as quick:
        sleeper, watcher = Watcher(slow), Watcher(quick)
        await sleeper.join("feed")
        await watcher.join("feed")
        slow.transport.pause_reading()
        heard = 0
        for _ in range(40):
            if live.gateway.watchers("feed") == 1:
                break
            await database.rows(
                "select realtime.send(jsonb_build_object('pad', repeat('x', 100000)), 'payments', 'feed', true)"
                " from generate_series(1, 20)",
                role="postgres",
            )
            for _ in range(20):
                await watcher.hear("broadcast")
                heard += 1
        assert live.gateway.watchers("feed") == 1, f"still joined after {heard} unread messages"
        await send(database, "feed", {"last": True})
        assert (await watcher.hear("broadcast"))["payload"]["payload"]["last"] is True
        slow.transport.abort()


async def test_a_follower_gets_the_inserted_row_in_supabases_shape(live, two):
    ann, bob = two
    async with live.socket() as socket:
        watcher = Watcher(socket)
        # the first subscription ever written for PaYa: a public channel that only follows the table
        answer = await watcher.join("public-payments", private=False, postgres_changes=[FOLLOW])
        (binding,) = answer["response"]["postgres_changes"]
        assert binding == {**FOLLOW, "id": binding["id"]}
        assert binding["id"] > 0
        assert (await watcher.hear("system"))["payload"] == {
            "channel": "public-payments",
            "extension": "postgres_changes",
            "status": "ok",
            "message": "Subscribed to PostgreSQL",
        }
        await pay(ann, audience="private", note="hidden")
        payment = await pay(ann)
        frame = await watcher.hear("postgres_changes")
        data = frame["payload"]["data"]
        assert (frame["ref"], frame["payload"]["ids"]) == (None, [binding["id"]])
        assert {k: data[k] for k in ("schema", "table", "type", "errors")} == {
            "schema": "public",
            "table": "payments",
            "type": "INSERT",
            "errors": None,
        }
        assert data["commit_timestamp"]
        record = data["record"]
        assert record == {
            "id": str(payment.id),
            "sender_id": str(ann.user_id),
            "recipient_id": str(bob.user_id),
            "note": "tacos",
            "sender_audience": "public",
            "recipient_audience": "public",
            "is_public": True,
            "version": 1,
            "created_at": record["created_at"],
        }
        assert {c["name"] for c in data["columns"]} == set(record)
        assert {"name": "is_public", "type": "bool"} in data["columns"]


async def test_followers_get_what_they_may_read(live, two, people):
    ann, bob = two
    cal = await people.join("cal")
    everything = [{"event": "*", "schema": "public", "table": "payments"}]
    async with live.socket() as one, live.socket() as two_, live.socket() as three:
        recipient, stranger, visitor = Watcher(one), Watcher(two_), Watcher(three)
        await recipient.join("feed", token=token_of(bob), postgres_changes=everything)
        await stranger.join("feed", token=token_of(cal), postgres_changes=everything)
        await visitor.join("feed", postgres_changes=everything)
        await pay(ann, audience="private", note="for bob")
        await pay(ann, note="for all")

        async def notes(watcher, count):
            frames = [await watcher.hear("postgres_changes") for _ in range(count)]
            return [f["payload"]["data"]["record"]["note"] for f in frames]

        assert await notes(recipient, 2) == ["for bob", "for all"]
        assert await notes(stranger, 1) == ["for all"]
        assert await notes(visitor, 1) == ["for all"]


async def test_filters_and_selected_columns(live, two):
    ann, bob = two
    async with live.socket() as socket:
        watcher = Watcher(socket)
        await watcher.join("feed", postgres_changes=[{**FOLLOW, "filter": f"sender_id=eq.{bob.user_id}"}])
        await watcher.join("other", private=False, postgres_changes=[{**FOLLOW, "select": ["id", "note"]}])
        await watcher.join("third", private=False, postgres_changes=[{**FOLLOW, "filter": "note=in.(a,b)"}])
        await watcher.join("fourth", private=False, postgres_changes=[{**FOLLOW, "filter": "note=neq.a"}])
        await pay(ann, note="a")
        await pay(bob, note="c", to="ann")
        heard = [await watcher.hear("postgres_changes") for _ in range(5)]
        seen = {(f["topic"].removeprefix("realtime:"), f["payload"]["data"]["record"]["note"]) for f in heard}
        assert seen == {("feed", "c"), ("other", "a"), ("other", "c"), ("third", "a"), ("fourth", "c")}
        narrow = next(f for f in heard if f["topic"] == "realtime:other")["payload"]["data"]
        assert set(narrow["record"]) == {"id", "note"}
        assert [c["name"] for c in narrow["columns"]] == ["id", "note"]


@pytest.mark.parametrize(
    "wish",
    [
        {"event": "INSERT", "schema": "ledger", "table": "entry"},
        {"event": "INSERT", "schema": "public", "table": "profiles"},
        {"event": "DELETE", "schema": "public", "table": "payments"},
        {**FOLLOW, "filter": "note=like.%x%"},
    ],
)
async def test_what_cannot_be_followed_says_so(live, two, wish):
    async with live.socket() as socket:
        watcher = Watcher(socket)
        await watcher.join("feed", postgres_changes=[wish])
        told = (await watcher.hear("system"))["payload"]
        assert (told["status"], told["extension"]) == ("error", "postgres_changes")
        await pay(two[0])
        await watcher.hear("broadcast")
        assert [m for m in watcher.inbox if m["event"] == "postgres_changes"] == []


async def test_of_two_gateways_one_drains(live, database):
    held = (
        "select count(*) from pg_locks l join pg_database d on d.oid = l.database"
        " where l.locktype = 'advisory' and l.granted and d.datname = current_database()"
    )
    await until(lambda: database.value(held))
    other, stop = Gateway(), asyncio.Event()
    running = asyncio.create_task(other.run(stop))
    try:
        async with live.socket() as socket:
            watcher = Watcher(socket)
            await watcher.join("feed")
            for n in range(50):
                await send(database, "feed", {"n": n})
            heard = [(await watcher.hear("broadcast"))["payload"]["payload"]["n"] for _ in range(50)]
            assert heard == list(range(50))
            assert await database.value(held) == 1
    finally:
        stop.set()
        await running


async def test_after_a_gap_everyone_comes_back(live, database):
    """Messages may be lost while the database is away, so watchers are sent away to refetch."""
    async with live.socket() as socket:
        watcher = Watcher(socket)
        await watcher.join("feed")
        await database.rows(
            "select pg_terminate_backend(pid) from pg_stat_activity"
            " where usename = 'supabase_realtime_admin' and datname = current_database()"
        )
        assert await watcher.closed() == 1012
    async with live.socket() as socket:
        watcher = Watcher(socket)
        assert (await watcher.join("feed"))["status"] == "ok"
        await send(database, "feed", {"again": True})
        assert (await watcher.hear("broadcast"))["payload"]["payload"]["again"] is True
