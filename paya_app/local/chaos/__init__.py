"""What goes wrong at the stand-ins, on purpose: for people at `/local/chaos/`, for tests through the same address."""

from paya_app.local.chaos.app import create_chaos
from paya_app.local.chaos.middleware import Chaos
from paya_app.local.chaos.mischief import ANSWERS, VENDORS, WEBHOOKS, Mischief, Mischiefs
from paya_app.local.chaos.post import post

__all__ = ["ANSWERS", "VENDORS", "WEBHOOKS", "Chaos", "Mischief", "Mischiefs", "create_chaos", "post"]
