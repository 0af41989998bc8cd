"""Keys: made once, shown once, known by their hash, replaced with a day for both, ended at once."""

import asyncio
import re
from datetime import timedelta
from uuid import uuid4

import pytest

from paya_app import developers
from paya_app.core.actor import Actor
from paya_app.core.errors import NotFound, SignedOut, TooManyTries, from_code
from paya_app.developers import admit, create_key, hash_of, keys, revoke_key, rotate_key
from paya_app.developers.errors import (
    ApiKeyMalformed,
    ApiKeyMissing,
    ApiKeyNameInvalid,
    ApiKeyOver,
    ApiKeyReused,
    ApiKeysLimit,
    LiveUnavailable,
    ScopesInvalid,
)
from paya_app.developers.secrets import make_secret

BOTH = ["payments:read", "payments:write"]


async def made(actor: Actor, scopes=BOTH, **how) -> developers.NewKey:
    return await create_key(actor, **{"key_id": uuid4(), "mode": "test", "name": "Shop", "scopes": scopes} | how)


async def refused(secret: str, scope: str = "payments:read") -> str | None:
    _, refusal = await admit(hash_of(secret), scope)
    return refusal.code if refusal else None


async def events_of(database, key_id):
    return await database.rows(
        "select kind, version, actor from events.event where subject = %s order by id", (key_id,)
    )


async def tables_with(database, text: str) -> list[str]:
    """Every table in some row of which the text stands."""
    tables = await database.rows(
        "select format('%%I.%%I', schemaname, tablename), quote_literal(%s::text)"
        " from pg_tables where schemaname not in ('pg_catalog', 'information_schema')",
        (text,),
    )
    counted = [
        f"select {wanted} where exists (select from {name} t where t::text ~ {text})"
        for name, text in tables
        for wanted in (f"'{name}'",)
    ]
    return [name for (name,) in await database.rows(" union all ".join(counted))]


async def test_a_key_is_shown_once_and_kept_as_a_hash(database, people):
    ann = await people.join("ann")
    new = await made(ann)
    assert new.secret is not None
    assert re.fullmatch(r"paya_test_[0-9A-Za-z]{49}", new.secret)
    assert (new.key.last4, new.key.state, new.key.mode) == (new.secret[-4:], "active", "test")
    assert new.key.paya_version == developers.CURRENT_VERSION
    admission, refusal = await admit(hash_of(new.secret), "payments:write")
    assert refusal is None
    assert admission is not None
    assert (admission.key_id, admission.mode) == (new.key.id, "test")
    assert [key.id for key in await keys(ann)] == [new.key.id]
    assert await events_of(database, new.key.id) == [("api_key.created", 1, ann.user_id)]
    assert await database.value("select owner from developers.account where id = %s", (admission.account_id,)) == (
        ann.user_id
    )


async def test_the_secret_is_in_no_table(database, people):
    new = await made(await people.join("ann"), name="canary-5e1f")
    assert new.secret is not None
    assert await tables_with(database, "canary-5e1f") == ["developers.api_key"]
    assert await tables_with(database, new.secret[12:40]) == []


async def test_the_same_id_is_one_key(database, people):
    ann, eve, key_id = await people.join("ann"), await people.join("eve"), uuid4()
    answers = await asyncio.gather(*(made(ann, key_id=key_id) for _ in range(8)))
    assert [answer.secret is not None for answer in answers].count(True) == 1
    assert {answer.key.id for answer in answers} == {key_id}
    assert await database.value("select count(*) from developers.account") == 1
    with pytest.raises(ApiKeyReused):
        await made(ann, key_id=key_id, name="Another")
    with pytest.raises(ApiKeyReused):
        await made(eve, key_id=key_id)
    assert await keys(eve) == []


@pytest.mark.parametrize(
    "broken",
    [
        "",
        "paya_test_",
        "Bearer",
        "paya_test_" + "0" * 49,
        "paya_test_" + "é" * 49,
        "x" * 100_000,
        "paya_test_\x00",
    ],
)
def test_what_is_no_key_is_known_without_asking_anybody(broken):
    with pytest.raises((ApiKeyMalformed, ApiKeyMissing)):
        hash_of(broken)


def test_every_slip_of_a_character_is_seen():
    secret = make_secret("test")
    hash_of(secret)
    for at in range(len(secret)):
        for other in (
            secret[:at] + ("a" if secret[at] != "a" else "b") + secret[at + 1 :],
            secret[:at] + secret[at + 1 :],
        ):
            with pytest.raises(ApiKeyMalformed):
                hash_of(other)
    with pytest.raises(ApiKeyMalformed):
        hash_of(secret.replace("paya_test_", "paya_live_"))


async def test_unknown_keys_and_missing_scopes_have_codes(people):
    new = await made(await people.join("ann"), ["payments:write"])
    assert new.secret is not None
    assert await refused(make_secret("test")) == "api_key_unknown"
    assert await refused(make_secret("live")) == "api_key_unknown"
    assert await refused(new.secret, "payments:write") is None
    assert await refused(new.secret, "payments:read") is None, "to write is to read, too"
    _, refusal = await admit(hash_of(new.secret), "webhooks:read")
    assert refusal is not None
    assert (refusal.code, refusal.status) == ("scope_missing", 403)
    assert "webhooks:read" in refusal.message
    assert await refused(new.secret, "sim:write") == "scope_missing"
    reader = await made(people.actors["ann"], ["payments:read"])
    assert reader.secret is not None
    assert await refused(reader.secret, "payments:write") == "scope_missing"


async def test_a_revoked_key_opens_nothing_from_that_moment(database, people):
    ann = await people.join("ann")
    new = await made(ann)
    assert new.secret is not None
    assert await refused(new.secret) is None
    ended = await revoke_key(ann, new.key.id)
    assert ended.state == "revoked"
    assert await refused(new.secret) == "api_key_revoked"
    assert await revoke_key(ann, new.key.id) == ended
    assert [kind for kind, *_ in await events_of(database, new.key.id)] == ["api_key.created", "api_key.revoked"]
    with pytest.raises(ApiKeyOver):
        await rotate_key(ann, new.key.id, new_id=uuid4())


async def test_a_rotated_key_is_good_for_a_day_beside_the_new_one(database, people, advance_clock):
    ann = await people.join("ann")
    old = await made(ann)
    new_id = uuid4()
    new = await rotate_key(ann, old.key.id, new_id=new_id)
    assert old.secret
    assert new.secret
    assert (new.key.id, new.key.name, new.key.scopes) == (new_id, old.key.name, old.key.scopes)
    again = await rotate_key(ann, old.key.id, new_id=new_id)
    assert (again.key.id, again.secret) == (new_id, None)
    with pytest.raises(ApiKeyOver):
        await rotate_key(ann, old.key.id, new_id=uuid4())
    shown = {key.id: key for key in await keys(ann)}
    rotated = shown[old.key.id]
    assert (rotated.state, shown[new_id].state) == ("rotated", "active")
    assert rotated.expires_at
    assert rotated.expires_at - new.key.created_at == timedelta(hours=24)
    await advance_clock(hours=23, minutes=59)
    assert (await refused(old.secret), await refused(new.secret)) == (None, None)
    await advance_clock(minutes=2)
    assert (await refused(old.secret), await refused(new.secret)) == ("api_key_expired", None)
    assert [kind for kind, *_ in await events_of(database, old.key.id)] == ["api_key.created", "api_key.rotated"]
    # a key that has ended is seen for a month
    assert len(await keys(ann)) == 2
    await advance_clock(days=31)
    assert [key.id for key in await keys(ann)] == [new_id]


async def test_anothers_key_is_not_found(people):
    ann, eve = await people.join("ann"), await people.join("eve")
    new = await made(ann)
    with pytest.raises(NotFound):
        await revoke_key(eve, new.key.id)
    with pytest.raises(NotFound):
        await rotate_key(eve, new.key.id, new_id=uuid4())
    await made(eve)
    with pytest.raises(NotFound):
        await revoke_key(eve, new.key.id)
    with pytest.raises(SignedOut):
        await revoke_key(Actor.visitor(), new.key.id)
    assert [key.state for key in await keys(ann)] == ["active"]


async def test_what_cannot_be_made_is_refused_with_a_sentence(people):
    ann = await people.join("ann")
    with pytest.raises(LiveUnavailable, match="no card provider is connected"):
        await made(ann, mode="live")
    for name in ("", " ", "x" * 41, "a\x00b", "\u202e"):
        with pytest.raises(ApiKeyNameInvalid):
            await made(ann, name=name)
    for scopes in ([], ["payments"], ["payments:read", "admin"], ["*"]):
        with pytest.raises(ScopesInvalid):
            await made(ann, scopes)
    assert await keys(ann) == []


async def test_the_number_of_keys_is_exact_under_races(database, people):
    ann = await people.join("ann")
    await made(ann)
    answers = await asyncio.gather(*(made(ann) for _ in range(24)), return_exceptions=True)
    assert sum(isinstance(answer, developers.NewKey) for answer in answers) == 19
    assert {type(answer) for answer in answers} == {developers.NewKey, ApiKeysLimit}
    # another takes a place that is there
    first = (await keys(ann))[0]
    await rotate_key(ann, first.id, new_id=uuid4())
    for number in range(29):
        if number % 2:
            await revoke_key(ann, (await keys(ann))[0].id)
            await made(ann)
        else:
            await rotate_key(ann, next(k.id for k in await keys(ann) if k.state == "active"), new_id=uuid4())
    with pytest.raises(TooManyTries):
        await rotate_key(ann, next(k.id for k in await keys(ann) if k.state == "active"), new_id=uuid4())
    assert await database.value("select count(*) from developers.api_key") == 50


async def test_the_last_use_is_written_once_a_minute(database, people, advance_clock):
    ann = await people.join("ann")
    new = await made(ann)
    assert new.secret
    writes = "select xmin::text from developers.api_key"
    before = await database.value(writes)
    await admit(hash_of(new.secret), "payments:read")
    first = await database.value(writes)
    await admit(hash_of(new.secret), "payments:read")
    assert before != first == await database.value(writes)
    used = (await keys(ann))[0].last_used_at
    await advance_clock(seconds=61)
    await admit(hash_of(new.secret), "payments:read")
    later = (await keys(ann))[0].last_used_at
    assert used
    assert later
    assert later - used >= timedelta(seconds=60)


async def test_the_rate_is_exact_for_sixteen_callers(database, people, advance_clock):
    new = await made(await people.join("ann"))
    assert new.secret
    secret_hash = hash_of(new.secret)

    async def caller() -> list[str]:
        said = []
        for _ in range(10):
            _, refusal = await admit(secret_hash, "payments:read")
            said.append(refusal.code if refusal else "")
        return said

    answers = [code for answers in await asyncio.gather(*(caller() for _ in range(16))) for code in answers]
    assert (answers.count(""), answers.count("rate_limited")) == (100, 60)
    admission, refusal = await admit(secret_hash, "payments:read")
    assert admission
    assert admission.rate
    assert (admission.rate.quota, admission.rate.left) == (100, 0)
    assert refusal
    assert 1 <= refusal.facts["retry_after_s"] == admission.rate.resets_s <= 60
    await advance_clock(seconds=60)
    admission, refusal = await admit(secret_hash, "payments:read")
    assert refusal is None
    assert admission
    assert admission.rate
    assert (admission.rate.left, admission.rate.resets_s) == (99, 60)


async def test_the_rate_of_a_key_is_data(database, people):
    new = await made(await people.join("ann"))
    assert new.secret
    await database.rows("update developers.api_key set rate_per_minute = 2")
    assert [await refused(new.secret) for _ in range(3)] == [None, None, "rate_limited"]
    await database.rows("update developers.api_key set rate_per_minute = null")
    admission, refusal = await admit(hash_of(new.secret), "payments:read")
    assert refusal is None
    assert admission
    assert admission.rate is None


def test_every_code_has_a_sentence():
    for code in ("api_key_unknown", "rate_limited", "scope_missing", "live_unavailable", "idempotency_in_flight"):
        assert from_code(code).code == code
        assert from_code(code).message.endswith(".")
