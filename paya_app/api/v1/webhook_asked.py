"""What is asked of webhooks, field by field. What an address or a filter may be is said by `paya_app.webhooks`."""

from typing import Annotated

from pydantic import BeforeValidator, Field, StringConstraints

from paya_app.api.v1.asked import Asked, whole
from paya_app.api.v1.charge_asked import Id
from paya_app.api.v1.plan_models import Moment
from paya_app.webhooks import DELAY_S_MAX, DESCRIPTION_CHARACTERS_MAX, FILTERS_MAX

Url = Annotated[
    str, Field(description="Where messages are posted to, like https://shop.example/hooks.", max_length=2000)
]
Events = Annotated[
    list[Annotated[str, StringConstraints(min_length=1, max_length=60)]],
    Field(
        description="Kinds of event, beginnings like payment.dispute.*, or * for all.",
        min_length=1,
        max_length=FILTERS_MAX,
    ),
]
Description = Annotated[str, Field(description="What you call it.", max_length=DESCRIPTION_CHARACTERS_MAX)]


class NewEndpoint(Asked):
    """An endpoint to be told at."""

    url: Url
    events: Events = Field(default_factory=lambda: ["*"])
    description: Description = ""


class EndpointChanges(Asked):
    """What to change of an endpoint; what is left out stays."""

    url: Url | None = None
    events: Events | None = None
    description: Description | None = None


class Rotation(Asked):
    """Whether the secret before ends at once, because somebody else may know it."""

    ends_previous: bool = Field(default=False, description="Left out, both sign for 24 hours.")


class Recovery(Asked):
    """From when on."""

    since: Moment = Field(description="A moment of real time, like 2027-01-31T09:00:00Z.")


class ChaosAsked(Asked):
    """What is to go wrong at an endpoint, from now on."""

    endpoint: Annotated[Id, Field(description="The endpoint's id.")]
    duplicate: bool = Field(default=False, description="What was accepted is sent once more.")
    reorder: bool = Field(default=False, description="No object keeps its order.")
    bad_signature: bool = Field(default=False, description="The first try is signed with a secret that is nobody's.")
    delay_s: Annotated[
        int, Field(ge=0, le=DELAY_S_MAX, description="Everything waits so long first."), BeforeValidator(whole)
    ] = 0
