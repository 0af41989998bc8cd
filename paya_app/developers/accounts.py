"""Whose account is whose: what a person sees on the pages is of their own account alone."""

from uuid import UUID

from paya_app.core import db
from paya_app.core.actor import Actor
from paya_app.core.errors import SignedOut
from paya_app.developers.errors import DeveloperAccountMissing


async def my_account(actor: Actor) -> UUID:
    """The actor's account, made with their first key.

    Raises:
        DeveloperAccountMissing: they have made no key yet.
        SignedOut: nobody is signed in.
    """
    if actor.role != "authenticated":
        raise SignedOut
    rows = await db.query(actor, "select developers.my_account()")
    if not rows or rows[0][0] is None:
        raise DeveloperAccountMissing
    return rows[0][0]
