"""What goes wrong on the pages' event socket, said briefly.

Anyone can send nonsense there, and forms hold account numbers: so neither an event nor an error's own words
are ever logged, only the kind of error and where it was raised, and no more lines than a disk can bear.
"""

import logging
import traceback
from pathlib import Path

from paya_app.core.budget import Budget

LINES_BURST = 20
LINES_PER_S = 0.1
FRAMES_MAX = 8

# Whoever speaks of events, in words that quote them.
TALKATIVE = (
    "reflex.app",
    "reflex.istate",
    "reflex_base.event.processor.base_state_processor",
    "reflex_base.event.processor.event_processor",
    "engineio.server",
    "socketio.server",
)

_PACKAGE = Path(__file__).resolve().parents[1]
_SERVER = Path(__file__).resolve().parent

log = logging.getLogger(__name__)


class Faults:
    """Says faults of ours whole, others' nonsense in a line each; each kind on a budget of its own."""

    def __init__(self) -> None:
        self._budgets = {is_ours: Budget(LINES_BURST, LINES_PER_S) for is_ours in (True, False)}
        self._unsaid = dict.fromkeys((True, False), 0)

    def say(self, error: BaseException | None, where: str = "") -> None:
        """Log one fault, if the budget allows.

        Args:
            error: What was raised, if anything.
            where: Who noticed it, when the error does not tell.
        """
        frames = _frames(error)
        is_ours = any(_is_ours(frame.filename) for frame in frames)
        if not self._budgets[is_ours].spend():
            self._unsaid[is_ours] += 1
            return
        unsaid, self._unsaid[is_ours] = self._unsaid[is_ours], 0
        kinds = " from ".join(type(each).__name__ for each in _chain(error)) or "trouble"
        if is_ours:
            path = "; ".join(_place(frame) for frame in frames[-FRAMES_MAX:])
            log.error("a handler failed: %s (%d more unsaid) at %s", kinds, unsaid, path)
        else:
            place = _place(frames[-1]) if frames else where
            log.warning("an event could not be taken: %s (%d more unsaid) at %s", kinds, unsaid, place)


class Instead(logging.Filter):
    """Drops a library's record about an event, and has the fault said by us."""

    def __init__(self, faults: Faults) -> None:
        super().__init__()
        self._faults = faults

    def filter(self, record: logging.LogRecord) -> bool:
        """False: the record never gets out in its own words."""
        if record.levelno >= logging.WARNING:
            error = record.exc_info[1] if record.exc_info else None
            self._faults.say(error, f"{record.module}.{record.funcName}:{record.lineno}")
        return False


def hush(faults: Faults) -> None:
    """Put ourselves between the talkative libraries and the log."""
    for name in TALKATIVE:
        logging.getLogger(name).addFilter(Instead(faults))


FAULTS = Faults()


def _chain(error: BaseException | None) -> list[BaseException]:
    """The error and what it came from, newest first."""
    chain: list[BaseException] = []
    while error is not None and error not in chain:
        chain.append(error)
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    return chain


def _frames(error: BaseException | None) -> list[traceback.FrameSummary]:
    return [frame for each in reversed(_chain(error)) for frame in traceback.extract_tb(each.__traceback__)]


def _is_ours(filename: str) -> bool:
    path = Path(filename)
    return path.is_relative_to(_PACKAGE) and not path.is_relative_to(_SERVER)


def _place(frame: traceback.FrameSummary) -> str:
    path = Path(frame.filename)
    return f"{path.parent.name}/{path.name}:{frame.lineno} {frame.name}"
