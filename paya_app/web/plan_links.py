"""A plan in an address: what the lab tried, to be made. It fills a form and is no authority."""

import re
from collections.abc import Callable
from urllib.parse import urlencode

from paya_app.savings import Terms
from paya_app.savings.checking import is_zone
from paya_app.web.plan_orders import order_of

_MONEY = re.compile(r"[0-9]{1,9}(\.[0-9]{2})?").fullmatch
_KNOWN: dict[str, Callable[[str], object]] = {
    "amount": re.compile(r"[0-9]{1,4}(\.[0-9]{2})?").fullmatch,
    "frequency": re.compile("hourly|daily|weekdays|weekly|biweekly|monthly").fullmatch,
    "weekdays": re.compile(r"[1-7](,[1-7]){0,6}").fullmatch,
    "month_day": re.compile(r"-1|[1-9]|[12][0-9]|3[01]").fullmatch,
    "time": re.compile(r"([01][0-9]|2[0-3]):[0-5][0-9]").fullmatch,
    "zone": is_zone,
    "below": _MONEY,
    "dip_percent": re.compile(r"[0-9]{1,2}(\.[0-9]{1,2})?").fullmatch,
    "dip_extra": _MONEY,
    "cap": _MONEY,
}


def link_to_make(terms: Terms) -> str:
    """The address of the page that makes a plan of these terms, once they are reviewed there."""
    order = order_of(terms)
    return "/save/new/?" + urlencode({name: order[name] for name in _KNOWN if order.get(name)})


def asked_order(value_of: Callable[[str], str]) -> dict[str, str]:
    """What of a plan an address says; what it says in another form is left out."""
    said = {name: value_of(name) for name in _KNOWN}
    return {name: said[name] for name, is_one in _KNOWN.items() if said[name] and is_one(said[name])}
