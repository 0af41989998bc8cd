"""What a client may ask on its socket: join, leave, heartbeat, a new token. Everything else is refused."""

from typing import Any

from paya_app.local.realtime.authority import Authority
from paya_app.local.realtime.changes import Binding, BindingRefused, parse_bindings
from paya_app.local.realtime.frames import Frame
from paya_app.local.realtime.hub import Hub
from paya_app.local.realtime.socket import Join, Socket
from paya_app.local.realtime.tokens import Identity, TokenRefused, Verifier

TOPIC_PREFIX = "realtime:"
JOINS_MAX = 20

READ_ONLY = "Unauthorized: You do not have permissions to send to this Channel topic"
PRIVATE_ONLY = "PrivateOnly: This project only allows private channels"
TOO_MANY = "ChannelRateLimitReached: Too many channels"


class Channels:
    """Answers the requests of all sockets."""

    def __init__(self, hub: Hub, authority: Authority, verifier: Verifier) -> None:
        self._hub = hub
        self._authority = authority
        self._verifier = verifier

    async def handle(self, socket: Socket, frame: Frame) -> None:
        """Answer one request."""
        match frame.event:
            case "heartbeat":
                socket.reply(frame)
            case "phx_join":
                await self._join(socket, frame)
            case "phx_leave":
                self._leave(socket, frame)
            case "access_token":
                await self._renew(socket, frame)
            case _:
                socket.reply(frame, error=READ_ONLY)

    def end(self, join: Join, why: str) -> None:
        """End a membership from this side, saying why."""
        self._hub.remove(join)
        join.socket.push(_system(join, "system", "error", why))
        join.socket.push(Frame(join.join_ref, join.join_ref, join.topic, "phx_close", {}))

    async def _join(self, socket: Socket, frame: Frame) -> None:
        config = frame.payload.get("config")
        name = frame.topic.removeprefix(TOPIC_PREFIX)
        if not frame.topic.startswith(TOPIC_PREFIX) or not name:
            socket.reply(frame, error="TopicNameRequired: You must provide a topic name")
            return
        if frame.topic not in socket.joins and len(socket.joins) >= JOINS_MAX:
            socket.reply(frame, error=TOO_MANY)
            return
        config = config if isinstance(config, dict) else {}
        try:
            identity = self._identity(socket, frame.payload.get("access_token"))
            bindings = parse_bindings(config.get("postgres_changes"))
        except (TokenRefused, BindingRefused) as refused:
            socket.reply(frame, error=str(refused))
            return
        is_private = config.get("private") is True
        if not is_private and not bindings:
            socket.reply(frame, error=PRIVATE_ONLY)
            return
        if is_private and not await self._authority.may_read(name, identity):
            socket.reply(frame, error=_unauthorized(name))
            return
        join = Join(socket, frame.topic, name, frame.join_ref or frame.ref, is_private, identity, bindings)
        self._hub.add(join)
        socket.reply(frame, response={"postgres_changes": [b.echo for b in bindings]})
        if _wants_presence(config):
            socket.push(Frame(join.join_ref, None, join.topic, "presence_state", {}))
        if bindings:
            socket.push(_subscribed(join, bindings))

    def _leave(self, socket: Socket, frame: Frame) -> None:
        join = socket.joins.get(frame.topic)
        socket.reply(frame)
        if join:
            self._hub.remove(join)
            socket.push(Frame(join.join_ref, join.join_ref, join.topic, "phx_close", {}))

    async def _renew(self, socket: Socket, frame: Frame) -> None:
        """A client's newer token: its membership goes on as whom it names now, or ends."""
        join = socket.joins.get(frame.topic)
        token = frame.payload.get("access_token")
        if join is None or token is None:
            return
        try:
            identity = self._verifier.identity(token)
        except TokenRefused as refused:
            self.end(join, str(refused))
            return
        if join.is_private and not await self._authority.may_read(join.name, identity):
            self.end(join, _unauthorized(join.name))
            return
        join.identity = identity

    def _identity(self, socket: Socket, token: object) -> Identity:
        """Whose join it is: the token's, or else the API key's that opened the socket."""
        if token is not None:
            return self._verifier.identity(token)
        if socket.identity.has_expired():
            raise TokenRefused("InvalidJWTToken: Token has expired")
        return socket.identity


def _unauthorized(name: str) -> str:
    return f"Unauthorized: You do not have permissions to read from this Channel topic: {name}"


def _wants_presence(config: dict[str, Any]) -> bool:
    presence = config.get("presence")
    return isinstance(presence, dict) and presence.get("enabled") is True


def _subscribed(join: Join, bindings: tuple[Binding, ...]) -> Frame:
    fault = next((b.fault for b in bindings if b.fault), None)
    if fault:
        return _system(join, "postgres_changes", "error", fault)
    return _system(join, "postgres_changes", "ok", "Subscribed to PostgreSQL")


def _system(join: Join, extension: str, status: str, message: str) -> Frame:
    payload = {"channel": join.name, "extension": extension, "status": status, "message": message}
    return Frame(join.join_ref, None, join.topic, "system", payload)
