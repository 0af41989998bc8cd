"""What may be done to an endpoint by its buttons, and what is said afterwards."""

from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from paya_app import webhooks
from paya_app.core.clock import now
from paya_app.core.errors import RequestInvalid

# verbs that are asked about first
ASKED = ("rotate", "recover", "disable", "remove")
SPANS = {
    "recover_hour": timedelta(hours=1),
    "recover_day": timedelta(days=1),
    "recover_week": timedelta(days=7),
    "recover_all": timedelta(days=31),
}


@dataclass(frozen=True)
class Done:
    """What is said afterwards; or the secret that was made, to be shown once."""

    said: str = ""
    secret: str = ""


async def carry_out(account_id: UUID, verb: str, endpoint_id: UUID, made_id: UUID) -> Done:
    """Do it; `made_id` is the id of what it makes, so that pressing twice makes it once.

    Raises:
        RequestInvalid: there is no such verb.
        WebhookEndpointUnknown: no such endpoint of this account.
        WebhookEndpointDisabled: nothing is sent there.
    """
    done = Done()
    if verb in SPANS:
        count = await webhooks.recover(account_id, endpoint_id, since=now() - SPANS[verb])
        done = Done(_recovered(count))
    elif verb in ("rotate", "replace"):
        ends_previous = verb == "replace"
        made = await webhooks.rotate_secret(account_id, endpoint_id, rotation_id=made_id, ends_previous=ends_previous)
        done = Done(secret=made.secret)
    elif verb == "test":
        await webhooks.send_test(account_id, endpoint_id, message_id=made_id)
        done = Done("A test is on its way.")
    elif verb == "disable":
        await webhooks.disable(account_id, endpoint_id)
        done = Done("Nothing is sent there until you enable it.")
    elif verb == "enable":
        await webhooks.enable(account_id, endpoint_id)
        done = Done("It is told of what happens from now on. What it missed can be recovered.")
    elif verb == "remove":
        await webhooks.remove_endpoint(account_id, endpoint_id)
        done = Done("It was removed.")
    else:
        raise RequestInvalid
    return done


def _recovered(count: int) -> str:
    if count == 0:
        return "Nothing was given up in that time."
    return "1 delivery is sent once more." if count == 1 else f"{count} deliveries are sent once more."
