"""Refusals of webhooks: what happened, and what to do."""

from typing import Any

from paya_app.core.errors import PayaError

NOTHING_CHANGED = "Nothing was changed."

_URL_RULES = {
    "form": "Write the whole address, like https://example.com/webhooks, with no spaces and in ASCII.",
    "long": "An address has 2000 characters at most.",
    "scheme": "An address begins with https://, so that nobody on the way reads what we send.",
    "credentials": "An address names no user and no password: what comes from us is signed, check that.",
    "fragment": "An address has no part behind a #: servers never see it.",
    "host": "That host is no name of the public internet.",
    "port": "We send to the ports 80, 443, and those from 1024 on.",
    "address": "That address is not on the public internet.",
}


class WebhookUrlInvalid(PayaError):
    """The address is none that we send to; `why` says which rule it breaks."""

    code = "webhook_url_invalid"
    status = 422

    def sentence(self, facts: dict[str, Any]) -> str:
        """Says the rule."""
        return f"{_URL_RULES.get(facts.get('why', ''), _URL_RULES['form'])} {NOTHING_CHANGED}"


class WebhookFilterUnknown(PayaError):
    """A filter asks for what never happens."""

    code = "webhook_filter_unknown"
    status = 422

    def sentence(self, facts: dict[str, Any]) -> str:
        """Names what may be asked for."""
        kinds = ", ".join(facts.get("kinds") or ())
        known = f" The kinds are {kinds}." if kinds else ""
        return (
            "Ask for 1 to 32 kinds of event by name, by a beginning like payment.dispute.*, or for all by *."
            f"{known} {NOTHING_CHANGED}"
        )


class WebhookDescriptionInvalid(PayaError):
    """The description is too long or holds what nobody sees."""

    code = "webhook_description_invalid"
    status = 422

    def sentence(self, facts: dict[str, Any]) -> str:
        """Says the rule."""
        return f"A description has 200 characters at most, all of them seen. {NOTHING_CHANGED}"


class WebhookEndpointsLimit(PayaError):
    """The account has as many endpoints as it may."""

    code = "webhook_endpoints_limit"
    status = 409

    def sentence(self, facts: dict[str, Any]) -> str:
        """Says what to do."""
        return f"An account has {facts.get('max', 16)} endpoints at most. {NOTHING_CHANGED} Remove one first."


class WebhookEndpointUnknown(PayaError):
    """There is no such endpoint, or it is another account's."""

    code = "webhook_endpoint_unknown"
    status = 404

    def sentence(self, facts: dict[str, Any]) -> str:
        """Says what to do."""
        return f"There is no such endpoint. {NOTHING_CHANGED} List the endpoints to see which there are."


class WebhookEndpointDisabled(PayaError):
    """Nothing is sent to a disabled endpoint."""

    code = "webhook_endpoint_disabled"
    status = 409

    def sentence(self, facts: dict[str, Any]) -> str:
        """Says why it is disabled, and what to do."""
        why = {
            "gone": "it answered that it is gone (410)",
            "failing": "it failed for five days",
            "by_owner": "it was turned off",
        }.get(facts.get("reason", ""), "it was turned off")
        return f"This endpoint is disabled: {why}. Nothing was sent. Enable it, then try again."


class WebhookDeliveryUnknown(PayaError):
    """There is no such delivery, it is another account's, or it is kept no longer."""

    code = "webhook_delivery_unknown"
    status = 404

    def sentence(self, facts: dict[str, Any]) -> str:
        """Says what to do."""
        return "There is no such delivery; they are kept for 30 days. Nothing was sent."


class WebhookIdReused(PayaError):
    """The operation's id was used for something else."""

    code = "webhook_id_reused"
    status = 409

    def sentence(self, facts: dict[str, Any]) -> str:
        """Says what to do."""
        return f"This id was used for another request before. {NOTHING_CHANGED} Use a new id for a new request."


class WebhookChaosInvalid(PayaError):
    """What was asked for is no mischief that we know."""

    code = "webhook_chaos_invalid"
    status = 422

    def sentence(self, facts: dict[str, Any]) -> str:
        """Names what there is."""
        return (
            "Choose among duplicate, reorder and bad_signature, each true or false, and delay_s, 0 to 86400 seconds."
            f" {NOTHING_CHANGED}"
        )
