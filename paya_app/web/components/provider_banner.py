"""What a page says while a vendor that it needs does not answer."""

from typing import Literal

import reflex as rx

from paya_app.web.components.icon import icon

WORDS = {
    "dwolla": "Our bank service does not answer right now. What you ask for is queued: your bank hears from us as soon "
    "as it answers.",
    "kraken": "The exchange does not answer right now. Bitcoin buys wait: your money is in your wallet, or set aside "
    "for a buy that has begun. The buys are made when it answers.",
    "plaid": "Linking a bank is not possible right now. We'll tell you when it is.",
}


class _ProviderBanner(rx.Component):
    """Shows its children while `vendor` is down."""

    library = rx.asset("provider_banner.jsx", shared=True).importable_path
    tag = "ProviderBanner"

    vendor: rx.Var[str]


def provider_banner(vendor: Literal["dwolla", "kraken", "plaid"]) -> rx.Component:
    """A quiet notice that comes and goes with the vendor's outage; takes no room otherwise."""
    return _ProviderBanner.create(
        rx.el.div(icon("info", 20), rx.el.p(WORDS[vendor]), class_name="notice calm mb-3"), vendor=vendor
    )
