"""The public feed: a read model over payments that senders show and recipients leave shown. Nobody publishes to it."""

from paya_app.core.cursor import CursorInvalid
from paya_app.feed.models import FeedPage, FeedRow, Named
from paya_app.feed.person import of_person
from paya_app.feed.service import LIMIT_DEFAULT, LIMIT_MAX, page

__all__ = ["LIMIT_DEFAULT", "LIMIT_MAX", "CursorInvalid", "FeedPage", "FeedRow", "Named", "of_person", "page"]
