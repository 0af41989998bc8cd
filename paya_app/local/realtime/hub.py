"""Who listens to what, and handing one message to all of them."""

from collections.abc import Iterator
from typing import Any

from paya_app.local.realtime.frames import Frame, encode
from paya_app.local.realtime.socket import Join, Socket


class Hub:
    """The sockets that are open, the joins of each private topic, and those that follow a table."""

    def __init__(self) -> None:
        self.sockets: set[Socket] = set()
        self._members: dict[str, set[Join]] = {}
        self._followers: set[Join] = set()

    def add(self, join: Join) -> None:
        """Enter a join, in place of the socket's earlier one of that topic."""
        if earlier := join.socket.joins.get(join.topic):
            self.remove(earlier)
        join.socket.joins[join.topic] = join
        if join.is_private:
            self._members.setdefault(join.name, set()).add(join)
        if join.bindings:
            self._followers.add(join)

    def remove(self, join: Join) -> None:
        """Forget a join; twice does no harm."""
        if join.socket.joins.get(join.topic) is join:
            del join.socket.joins[join.topic]
        self._followers.discard(join)
        if members := self._members.get(join.name):
            members.discard(join)
            if not members:
                del self._members[join.name]

    def leave(self, socket: Socket) -> None:
        """Forget a socket and its joins."""
        for join in tuple(socket.joins.values()):
            self.remove(join)
        self.sockets.discard(socket)

    def watchers(self, topic: str) -> int:
        """How many sockets listen to a topic."""
        return len(self._members.get(topic, ()))

    def followers(self) -> tuple[Join, ...]:
        """The joins that follow a table."""
        return tuple(self._followers)

    def joins(self) -> Iterator[Join]:
        """Every join, of a copy, so that the caller may remove some."""
        for socket in tuple(self.sockets):
            yield from tuple(socket.joins.values())

    def broadcast(self, message: dict[str, Any]) -> None:
        """Hand a broadcast (topic, event, payload, id) to its topic's members, encoded once per protocol version.

        Its join_ref is null, which every member accepts, so that all share one text.
        """
        members = tuple(self._members.get(message["topic"], ()))
        if not members:
            return
        body = {
            "type": "broadcast",
            "event": message["event"],
            "payload": message["payload"],
            "meta": {"id": message["id"]},
        }
        frame = Frame(None, None, f"realtime:{message['topic']}", "broadcast", body)
        texts = {arrays: encode(frame, arrays=arrays) for arrays in {m.socket.arrays for m in members}}
        for member in members:
            member.socket.push_text(texts[member.socket.arrays])
