"""Signing in and staying signed in, through the verbs, against real ports."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from uuid import UUID, uuid4

import jwt
import pytest
from sqlalchemy.exc import ProgrammingError

from paya_app import identity
from paya_app.core import db
from paya_app.core.actor import Actor
from paya_app.core.clock import now
from paya_app.core.config import settings
from paya_app.core.crypto import Unsealable, seal, unseal
from paya_app.core.errors import (
    CodeInvalid,
    CodeUsedUp,
    NotFound,
    PhoneInvalid,
    ServiceUnavailable,
    SignedOut,
    TooManyTries,
)
from paya_app.identity.devices import device_name
from paya_app.identity.sessions import realtime_token, sign_out_secret
from paya_app.identity.texts import announced
from paya_app.providers import supabase_auth
from tests.support.database import Database
from tests.support.signing_in import ADDRESS, BROWSER, OTHER_PHONE, PHONE, SigningIn, served

STRANGER = "198.51.100.7"


@pytest.fixture
async def parts(database: Database) -> AsyncIterator[SigningIn]:
    async with served(database) as running:
        yield running


async def let_access_expire(parts: SigningIn, session_id: UUID, *, left: timedelta = timedelta(seconds=-1)) -> None:
    statement = "update identity.web_session set access_expires_at = %s where id = %s"
    await parts.database.rows(statement, (now() + left, session_id))


async def why_ended(parts: SigningIn, session_id: UUID) -> str | None:
    return await parts.database.value("select ended_why from identity.web_session where id = %s", (session_id,))


def wrong(code: str, by: int = 1) -> str:
    return f"{(int(code) + by) % 10**6:06d}"


# ---------------------------------------------------------------- signing in


async def test_somebody_new_signs_in_and_is_known_by_the_secret(parts):
    signed_in = await parts.sign_in()
    assert signed_in.is_new
    actor = await identity.actor_for_secret(signed_in.secret)
    assert actor is not None
    assert (actor.role, actor.user_id, actor.session_id) == (
        "authenticated",
        signed_in.user_id,
        signed_in.session_id,
    )
    same = await identity.actor_for_session(signed_in.session_id)
    assert same is not None
    assert same.user_id == signed_in.user_id


async def test_after_the_handle_nobody_is_new(parts):
    first = await parts.sign_in()
    actor = await identity.actor_for_secret(first.secret)
    assert actor is not None
    await identity.claim_handle(actor, handle="ann", name="Ann")
    second = await parts.sign_in()
    assert not second.is_new
    assert second.user_id == first.user_id
    assert second.session_id != first.session_id


async def test_the_text_says_the_code_and_that_we_never_ask(parts):
    await identity.start_sign_in(PHONE, address=ADDRESS)
    answer = await parts.browser.get("/local/phone/messages", params={"to": PHONE})
    (message,) = answer.json()["messages"]
    assert message["body"] == f"PaYa code: {message['code']}. We never call or write to ask for it."


async def test_a_code_may_be_written_with_a_space(parts):
    await identity.start_sign_in("(212) 555-0123", address=ADDRESS)
    code = await parts.code_for()
    written = f" {code[:3]} {code[3:]}"
    assert await identity.finish_sign_in(PHONE, written, user_agent=BROWSER, address=ADDRESS)


async def test_the_secret_is_kept_as_a_hash_and_the_tokens_sealed(parts):
    signed_in = await parts.sign_in()
    ((row,),) = await parts.database.rows("select row_to_json(s)::text from identity.web_session s")
    assert signed_in.secret not in row
    assert "eyJ" not in row
    (access, refresh) = (await parts.database.rows("select access_token, refresh_token from identity.web_session"))[0]
    assert b"eyJ" not in access + refresh


async def test_asking_twice_at_once_leads_to_one_text_and_no_error(parts):
    await identity.start_sign_in(PHONE, address=ADDRESS)
    await identity.start_sign_in(PHONE, address=ADDRESS)
    assert await parts.texts_to(PHONE) == 1
    assert await identity.finish_sign_in(PHONE, await parts.code_for(), user_agent=BROWSER, address=ADDRESS)


@pytest.mark.parametrize("phone", ["", "0", "٢١٢٥٥٥٠١٢٣", "+442079460018", "x" * 10_000_000, "\x00"])
async def test_no_text_for_what_is_no_phone(database, phone):
    with pytest.raises(PhoneInvalid):
        await identity.start_sign_in(phone, address=ADDRESS)
    assert await database.value("select count(*) from identity.attempt") == 0


async def test_what_is_no_code_counts_nothing(parts):
    await identity.start_sign_in(PHONE, address=ADDRESS)
    for code in ("", "0", "-1", "1.001", "12345", "1234567", "١٢٣٤٥٦", "12345\x00", "1e5000", "x" * 10_000_000, None):
        with pytest.raises(CodeInvalid):
            await identity.finish_sign_in(PHONE, code, user_agent=BROWSER, address=ADDRESS)  # pyright: ignore[reportArgumentType]
    counted = await parts.database.rows("select kind from identity.attempt where kind like 'verify%%'")
    assert counted == []


async def test_a_code_is_good_once(parts):
    await identity.start_sign_in(PHONE, address=ADDRESS)
    code = await parts.code_for()
    await identity.finish_sign_in(PHONE, code, user_agent=BROWSER, address=ADDRESS)
    with pytest.raises(CodeInvalid):
        await identity.finish_sign_in(PHONE, code, user_agent=BROWSER, address=ADDRESS)


async def test_a_users_odd_browser_name_is_harmless(parts):
    agent = "<script>alert(1)</script>\u202e\x1b[31m" + "x" * 5000
    await parts.sign_in(user_agent=agent)
    kept = await parts.database.value("select user_agent from identity.web_session")
    assert len(kept) == 300
    assert kept.isprintable()


# ---------------------------------------------------------------- counted attempts


async def test_sixty_parallel_guesses_are_five_tries(parts):
    await identity.start_sign_in(PHONE, address=ADDRESS)
    code = await parts.code_for()

    async def guess(number: int) -> type[Exception] | None:
        try:
            await identity.finish_sign_in(PHONE, wrong(code, number), user_agent=BROWSER, address=f"10.0.0.{number}")
        except (CodeInvalid, CodeUsedUp, TooManyTries) as error:
            return type(error)
        return None

    outcomes = await asyncio.gather(*(guess(number) for number in range(1, 61)))
    assert outcomes.count(CodeInvalid) == 5
    assert (outcomes.count(CodeUsedUp), outcomes.count(TooManyTries)) == (25, 30)  # 30 an hour for one phone
    assert await parts.database.value("select tries from auth.paya_otp") == 5


async def test_after_five_wrong_codes_a_new_one_works(parts):
    await identity.start_sign_in(PHONE, address=ADDRESS)
    code = await parts.code_for()
    for number in range(1, 6):
        with pytest.raises(CodeInvalid):
            await identity.finish_sign_in(PHONE, wrong(code, number), user_agent=BROWSER, address=ADDRESS)
    with pytest.raises(CodeUsedUp, match="Ask for a new one"):
        await identity.finish_sign_in(PHONE, code, user_agent=BROWSER, address=ADDRESS)
    assert await parts.sign_in()


async def test_fifteen_tries_from_one_place_wait_whatever_codes_they_were_for(parts):
    for _ in range(3):
        await parts.may_ask_again(PHONE)
        await identity.start_sign_in(PHONE, address=ADDRESS)
        code = await parts.code_for()
        for number in range(1, 6):
            with pytest.raises(CodeInvalid):
                await identity.finish_sign_in(PHONE, wrong(code, number), user_agent=BROWSER, address=ADDRESS)
    await parts.may_ask_again(PHONE)
    await identity.start_sign_in(PHONE, address=ADDRESS)
    with pytest.raises(TooManyTries, match="Try again in 10 minutes") as refused:
        await identity.finish_sign_in(PHONE, await parts.code_for(), user_agent=BROWSER, address=ADDRESS)
    assert 0 < refused.value.facts["retry_after_s"] <= 600


async def test_five_codes_in_ten_minutes_from_one_place(parts):
    for _ in range(5):
        await parts.may_ask_again(PHONE)
        await identity.start_sign_in(PHONE, address=ADDRESS)
    await parts.may_ask_again(PHONE)
    with pytest.raises(TooManyTries, match="min"):
        await identity.start_sign_in(PHONE, address=ADDRESS)
    assert await parts.texts_to(PHONE) == 5
    await identity.start_sign_in(OTHER_PHONE, address=ADDRESS)


async def test_strangers_use_up_a_phone_and_its_owner_still_enters(parts):
    home = "203.0.113.5"
    await parts.sign_in(address=home)
    for number in range(9):
        await parts.may_ask_again(PHONE)
        await identity.start_sign_in(PHONE, address=f"198.51.100.{number}")
    with pytest.raises(TooManyTries):
        await identity.start_sign_in(PHONE, address="198.51.100.99")
    assert await parts.sign_in(address=home)


async def test_an_address_has_its_own_limit(parts):
    await parts.database.rows("update identity.attempt_limit set attempts_max = 3 where kind = 'start_address'")
    for number in range(3):
        await identity.start_sign_in(f"+1212555010{number}", address=STRANGER)
    with pytest.raises(TooManyTries):
        await identity.start_sign_in("+12125550104", address=STRANGER)
    counted = await parts.database.value("select count(*) from identity.attempt where kind = 'start_phone'")
    assert counted == 3  # whoever is stopped by address uses up nobody's phone
    await identity.start_sign_in("+12125550104", address=ADDRESS)


async def test_a_limits_window_ends(parts):
    await parts.database.rows("update identity.attempt_limit set attempts_max = 1 where kind = 'start_pair'")
    await identity.start_sign_in(PHONE, address=ADDRESS)
    with pytest.raises(TooManyTries):
        await identity.start_sign_in(PHONE, address=ADDRESS)
    await parts.database.rows("update identity.attempt set until = until - interval '1 day'")
    await parts.may_ask_again(PHONE)
    await identity.start_sign_in(PHONE, address=ADDRESS)
    assert await parts.texts_to(PHONE) == 2


async def test_what_is_over_is_swept_away(parts):
    await parts.sign_in(OTHER_PHONE)
    for table, column in (("attempt", "until"), ("known_address", "used_at"), ("text_delivery", "claimed_at")):
        await parts.database.rows(f"update identity.{table} set {column} = {column} - interval '31 days'")
    await parts.sign_in(PHONE)
    for table, column in (("attempt", "until"), ("known_address", "used_at"), ("text_delivery", "claimed_at")):
        old = f"select count(*) from identity.{table} where {column} < now() - interval '1 day'"
        assert await parts.database.value(old) == 0, table


async def test_many_at_once_after_a_quiet_day(parts):
    for _ in range(3):
        phones = [f"+1202555{n:04d}" for n in range(100, 120)]
        start = [identity.start_sign_in(phone, address=f"10.0.1.{n}") for n, phone in enumerate(phones)]
        await asyncio.gather(*start)
        await parts.database.rows("update identity.attempt set until = until - interval '1 day'")
        await parts.database.rows("update auth.paya_otp set sent_at = sent_at - interval '1 minute'")


async def test_counters_hold_neither_phones_nor_addresses(parts):
    await parts.sign_in(address=STRANGER)
    await identity.start_sign_in(OTHER_PHONE, address=STRANGER)
    for table in ("attempt", "known_address", "text_delivery"):
        dump = str(await parts.database.rows(f"select row_to_json(t)::text, t::text from identity.{table} t"))
        assert dump != "[]"
        for secret in (PHONE, PHONE[2:], OTHER_PHONE[2:], STRANGER):
            assert secret not in dump
            assert secret.encode().hex() not in dump


async def test_an_announcement_holds_no_phone_and_ends_with_the_answer(parts, database):
    async with announced(PHONE):
        ((row,),) = await database.rows("select row_to_json(a)::text from identity.text_announcement a")
        assert PHONE[2:] not in row
        assert PHONE[2:].encode().hex() not in row
    await identity.start_sign_in(PHONE, address=ADDRESS)
    await identity.start_sign_in(PHONE, address=ADDRESS)
    assert await database.value("select count(*) from identity.text_announcement") == 0


async def test_without_a_count_there_is_no_attempt(parts):
    await parts.database.rows("alter table identity.attempt rename to gone")
    with pytest.raises(Exception, match="attempt"):
        await identity.start_sign_in(PHONE, address=ADDRESS)
    assert await parts.texts_to(PHONE) == 0


# ---------------------------------------------------------------- staying signed in


async def test_an_expiring_token_is_refreshed_unseen(parts):
    signed_in = await parts.sign_in()
    await let_access_expire(parts, signed_in.session_id, left=timedelta(seconds=59))
    actor = await identity.actor_for_secret(signed_in.secret)
    assert actor is not None
    row = "select token_version, access_expires_at > now() + interval '14 minutes' from identity.web_session"
    assert await parts.database.rows(row) == [(2, True)]
    again = await identity.actor_for_session(signed_in.session_id)
    assert again is not None
    assert again.claims["iat"] >= actor.claims["iat"]


async def test_twenty_look_ups_at_once_refresh_once(parts):
    signed_in = await parts.sign_in()
    await let_access_expire(parts, signed_in.session_id)
    actors = await asyncio.gather(*(identity.actor_for_secret(signed_in.secret) for _ in range(20)))
    assert all(actor is not None and actor.user_id == signed_in.user_id for actor in actors)
    assert await parts.database.value("select token_version from identity.web_session") == 2
    assert await parts.database.value("select count(*) from auth.refresh_tokens") == 2


async def test_a_refresh_that_another_uses_later_ends_the_session(parts):
    signed_in = await parts.sign_in()
    purpose, bound_to = "web session tokens", signed_in.session_id.bytes + b"refresh"
    ((sealed,),) = await parts.database.rows("select refresh_token from identity.web_session")
    stolen = unseal(sealed, purpose=purpose, bound_to=bound_to).decode()
    await let_access_expire(parts, signed_in.session_id)
    assert await identity.actor_for_secret(signed_in.secret)
    await parts.database.rows("update auth.refresh_tokens set updated_at = updated_at - interval '1 minute'")
    assert (await parts.refresh(stolen)).status_code == 400  # the thief is refused, and the family is dead
    await let_access_expire(parts, signed_in.session_id)
    assert await identity.actor_for_secret(signed_in.secret) is None
    assert await why_ended(parts, signed_in.session_id) == "refresh_refused"
    assert await identity.actor_for_session(signed_in.session_id) is None


async def test_a_process_that_died_while_refreshing_gives_way(parts):
    signed_in = await parts.sign_in()
    await let_access_expire(parts, signed_in.session_id)
    claim = "update identity.web_session set refresh_claimed_until = clock_timestamp() + interval '1 second'"
    await parts.database.rows(claim)

    async def lapses() -> None:
        await parts.database.rows("update identity.web_session set refresh_claimed_until = clock_timestamp()")

    waiting = asyncio.create_task(identity.actor_for_secret(signed_in.secret))
    await lapses()
    other = await identity.actor_for_secret(signed_in.secret)
    assert other is not None
    assert await waiting is not None


async def test_a_token_that_still_lives_is_used_while_auth_is_away(parts):
    signed_in = await parts.sign_in()
    await parts.database.rows("alter table auth.refresh_tokens rename to gone")
    await let_access_expire(parts, signed_in.session_id, left=timedelta(seconds=30))
    assert await identity.actor_for_secret(signed_in.secret)
    await let_access_expire(parts, signed_in.session_id)
    await parts.database.rows("update identity.web_session set refresh_claimed_until = null")
    with pytest.raises(ServiceUnavailable):
        await identity.actor_for_secret(signed_in.secret)
    assert await why_ended(parts, signed_in.session_id) is None
    await parts.database.rows("alter table auth.gone rename to refresh_tokens")
    await parts.database.rows("update identity.web_session set refresh_claimed_until = null")
    assert await identity.actor_for_secret(signed_in.secret)


async def test_seven_days_unused_are_the_end(parts):
    signed_in = await parts.sign_in()
    left = await parts.database.value("select expires_at - now() from identity.web_session")
    assert timedelta(days=6, hours=23) < left <= timedelta(days=7)
    await parts.database.rows("update identity.web_session set expires_at = now()")
    assert await identity.actor_for_secret(signed_in.secret) is None
    assert await identity.actor_for_session(signed_in.session_id) is None
    assert await identity.ended_among({signed_in.session_id}) == {signed_in.session_id}


async def test_tokens_moved_between_rows_open_nothing(parts):
    ann, bob = await parts.sign_in(PHONE), await parts.sign_in(OTHER_PHONE)
    await parts.database.rows(
        "update identity.web_session a set access_token = b.access_token, refresh_token = b.refresh_token"
        " from identity.web_session b where a.id = %s and b.id = %s",
        (ann.session_id, bob.session_id),
    )
    assert await identity.actor_for_secret(ann.secret) is None
    assert await why_ended(parts, ann.session_id) == "unreadable"
    assert await identity.actor_for_secret(bob.secret)


async def test_what_was_sealed_for_one_row_and_purpose_opens_for_no_other(database):
    sealed = seal(b"token", purpose="a", bound_to=b"row")
    assert unseal(sealed, purpose="a", bound_to=b"row") == b"token"
    assert sealed != seal(b"token", purpose="a", bound_to=b"row")
    for purpose, bound_to, data in (
        ("b", b"row", sealed),
        ("a", b"another", sealed),
        ("a", b"row", sealed[:-1] + bytes([sealed[-1] ^ 1])),
        ("a", b"row", sealed[:5]),
        ("a", b"row", b""),
    ):
        with pytest.raises(Unsealable):
            unseal(data, purpose=purpose, bound_to=bound_to)


@pytest.mark.parametrize("secret", ["", "x", "x" * 43, "x" * 10_000_000, "\x00" * 43, "é" * 43, None, b"x"])
async def test_secrets_that_never_were(database, secret):
    assert await identity.actor_for_secret(secret) is None
    await sign_out_secret(secret)


async def test_last_seen_is_coarse(parts):
    signed_in = await parts.sign_in()
    seen = "select last_seen_at from identity.web_session"
    first = await parts.database.value(seen)
    await identity.actor_for_secret(signed_in.secret)
    assert await parts.database.value(seen) == first
    await parts.database.rows("update identity.web_session set last_seen_at = now() - interval '6 minutes'")
    await identity.actor_for_secret(signed_in.secret)
    assert await parts.database.value("select last_seen_at > now() - interval '1 minute' from identity.web_session")


# ---------------------------------------------------------------- one's sessions


async def signed_in_actor(parts: SigningIn, phone: str = PHONE) -> Actor:
    actor = await identity.actor_for_secret((await parts.sign_in(phone)).secret)
    assert actor is not None
    return actor


async def test_one_sees_ones_own_sessions_alone(parts):
    first = await signed_in_actor(parts)
    second = await signed_in_actor(parts)
    await signed_in_actor(parts, OTHER_PHONE)
    seen = await identity.sessions(second)
    assert {session.id for session in seen} == {first.session_id, second.session_id}
    assert [session.is_current for session in seen if session.id == second.session_id] == [True]
    assert {(session.device, session.address) for session in seen} == {("Firefox on Linux", ADDRESS)}


async def test_signing_out_works_at_once(parts):
    signed_in = await parts.sign_in()
    actor = await identity.actor_for_secret(signed_in.secret)
    assert actor is not None
    await identity.sign_out(actor)
    assert await identity.actor_for_secret(signed_in.secret) is None
    assert await identity.actor_for_session(signed_in.session_id) is None
    assert await why_ended(parts, signed_in.session_id) == "signed_out"
    assert await parts.database.value("select count(*) from auth.sessions") == 0
    assert await identity.sessions(actor) == []
    await identity.sign_out(actor)


async def test_signing_out_keeps_no_tokens(parts):
    actor = await signed_in_actor(parts)
    await identity.sign_out(actor)
    kept = await parts.database.rows("select access_token, refresh_token from identity.web_session")
    assert kept == [(b"", b"")]


async def test_ending_another_of_ones_sessions(parts):
    here, there = await signed_in_actor(parts), await signed_in_actor(parts)
    assert there.session_id is not None
    await identity.end_session(here, there.session_id)
    assert await identity.actor_for_session(there.session_id) is None
    assert await why_ended(parts, there.session_id) == "ended_elsewhere"
    assert [session.id for session in await identity.sessions(here)] == [here.session_id]


async def test_ending_all_others_ends_those_at_auth_too(parts):
    here, there, elsewhere = [await signed_in_actor(parts) for _ in range(3)]
    bob = await signed_in_actor(parts, OTHER_PHONE)
    direct = await parts.tokens()  # a session that we know nothing of
    await identity.end_other_sessions(here)
    assert (await parts.refresh(direct["refresh_token"])).status_code == 400
    assert [session.id for session in await identity.sessions(here)] == [here.session_id]
    for ended in (there, elsewhere):
        assert ended.session_id is not None
        assert await identity.actor_for_session(ended.session_id) is None
        assert await why_ended(parts, ended.session_id) == "ended_elsewhere"
    kept = "select id from identity.web_session where access_token <> '' or refresh_token <> ''"
    assert {row for (row,) in await parts.database.rows(kept)} == {here.session_id, bob.session_id}
    assert {row for (row,) in await parts.database.rows("select id from auth.sessions")} == {
        here.session_id,
        bob.session_id,
    }
    await identity.end_other_sessions(here)
    assert here.session_id is not None
    assert await identity.actor_for_session(here.session_id)
    said = "select count(*) from events.event where kind = 'session.ended' and actor = %s"
    assert await parts.database.value(said, (here.user_id,)) == 2
    with pytest.raises(NotFound):
        await identity.end_other_sessions(there)


async def test_ending_all_others_works_while_auth_is_away(parts, monkeypatch):
    here, there = await signed_in_actor(parts), await signed_in_actor(parts)
    assert there.session_id is not None
    monkeypatch.setattr(settings(), "supabase_url", "http://127.0.0.1:9")
    await identity.end_other_sessions(here)
    assert await why_ended(parts, there.session_id) == "ended_elsewhere"


async def test_somebody_elses_session_is_not_found(parts):
    ann, bob = await signed_in_actor(parts), await signed_in_actor(parts, OTHER_PHONE)
    assert bob.session_id is not None
    for target in (bob.session_id, uuid4()):
        with pytest.raises(NotFound):
            await identity.end_session(ann, target)
    assert await identity.actor_for_session(bob.session_id)


async def test_nobody_has_no_sessions(database):
    for actor in (Actor.visitor(), Actor.service()):
        with pytest.raises(SignedOut):
            await identity.sessions(actor)
        with pytest.raises(SignedOut):
            await identity.sign_out(actor)
        with pytest.raises(SignedOut):
            await identity.end_session(actor, uuid4())
        with pytest.raises(SignedOut):
            await identity.end_other_sessions(actor)
        with pytest.raises(SignedOut):
            realtime_token(actor)


async def test_signing_out_works_while_auth_is_away(parts, monkeypatch):
    signed_in = await parts.sign_in()
    await let_access_expire(parts, signed_in.session_id)
    monkeypatch.setattr(settings(), "supabase_url", "http://127.0.0.1:9")
    await sign_out_secret(signed_in.secret)
    assert await why_ended(parts, signed_in.session_id) == "signed_out"


async def test_ended_among(parts):
    living, over = await signed_in_actor(parts), await signed_in_actor(parts, OTHER_PHONE)
    await identity.sign_out(over)
    never = uuid4()
    assert living.session_id is not None
    assert over.session_id is not None
    ids = {living.session_id, over.session_id, never}
    assert await identity.ended_among(ids) == {over.session_id, never}
    assert await identity.ended_among([]) == set()


async def test_sessions_leave_events(parts):
    actor = await signed_in_actor(parts)
    await identity.sign_out(actor)
    await identity.sign_out(actor)
    events = await parts.database.rows(
        "select kind, actor, subject, payload from events.event where kind like 'session.%%' order by id"
    )
    assert events == [
        ("session.started", actor.user_id, actor.session_id, {}),
        ("session.ended", actor.user_id, actor.session_id, {"why": "signed_out"}),
    ]


async def test_no_role_reads_sessions_or_counters(parts):
    actor = await signed_in_actor(parts)
    for table in ("web_session", "attempt", "known_address", "text_delivery", "text_announcement"):
        for who in (Actor.visitor(), actor, Actor.service()):
            with pytest.raises(Exception, match="permission denied"):
                await db.query(who, f"select * from identity.{table}")


async def is_denied(who: Actor, statement: str) -> bool:
    try:
        await db.query(who, statement)
    except ProgrammingError as error:
        return "permission denied" in str(error)
    return False


async def test_what_only_the_server_may_call(parts):
    actor = await signed_in_actor(parts)
    calls = {
        "identity.session_by_id(gen_random_uuid())": (Actor.visitor(), actor, Actor.service()),
        "identity.session_by_secret('\\x00')": (Actor.visitor(), actor, Actor.service()),
        "identity.ended_among(array[]::uuid[])": (Actor.visitor(), actor, Actor.service()),
        "identity.end_of_session('\\x00')": (Actor.visitor(), actor, Actor.service()),
        "identity.end_session_as(gen_random_uuid(), null, 'x')": (Actor.visitor(), actor),
        "identity.take_tokens_of_ended(gen_random_uuid())": (Actor.visitor(), actor),
        "identity.claim_refresh(gen_random_uuid(), 1, interval '1 s')": (Actor.visitor(), actor),
        "identity.count_attempt('start', '', '', '')": (Actor.visitor(), actor),
        "identity.code_was_sent('')": (Actor.visitor(), actor),
        "identity.remember_address('')": (Actor.visitor(), actor),
        "identity.announce_text(gen_random_uuid(), '')": (Actor.visitor(), actor),
        "identity.withdraw_text(gen_random_uuid())": (Actor.visitor(), actor),
        "identity.claim_text('x', '')": (Actor.visitor(), actor),
        "identity.end_my_other_sessions(gen_random_uuid())": (Actor.visitor(), Actor.service()),
        "identity.my_sessions()": (Actor.visitor(), Actor.service()),
        "identity.end_my_session(gen_random_uuid(), 'signed_out')": (Actor.visitor(), Actor.service()),
    }
    for call, callers in calls.items():
        for who in callers:
            assert await is_denied(who, f"select {call}"), f"{who.role} may call {call}"


# ---------------------------------------------------------------- realtime


async def test_a_realtime_token_is_no_access_token(parts):
    actor = await signed_in_actor(parts)
    made = realtime_token(actor)
    assert made.topic == f"user:{actor.user_id}"
    assert timedelta(minutes=4) < made.expires_at - now() <= timedelta(minutes=5)
    with pytest.raises(supabase_auth.TokenRefused):
        await supabase_auth.verified_claims(made.token)
    # hosted Auth does not know our mark: it must not find the session, and must not miss the claim
    claims = jwt.decode(made.token, options={"verify_signature": False})
    assert UUID(claims["session_id"]) != actor.session_id
    assert UUID(claims["sub"]) == actor.user_id


# ---------------------------------------------------------------- names of devices


@pytest.mark.parametrize(
    ("agent", "name"),
    [
        (BROWSER, "Firefox on Linux"),
        (
            "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 Version/18.0 Safari/604.1",
            "Safari on iPhone",
        ),
        (
            "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/142.0.0.0 Safari/537.36 Edg/142.0.0.0",
            "Edge on Windows",
        ),
        (
            "Mozilla/5.0 (Linux; Android 16; Pixel 9) AppleWebKit/537.36 Chrome/142.0.0.0 Mobile Safari/537.36",
            "Chrome on Android",
        ),
        (
            "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 Version/18.0 Safari/605.1.15",
            "Safari on Mac",
        ),
        ("curl/8.5.0", "Unknown device"),
        ("", "Unknown device"),
    ],
)
def test_devices_have_names_that_people_know(agent, name):
    assert device_name(agent) == name
