"""What is asked before a plan is skipped, paused, resumed or ended, and doing it once."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from paya_app import savings
from paya_app.core.actor import Actor
from paya_app.core.clock import now
from paya_app.core.errors import RequestInvalid
from paya_app.core.ids import new_id
from paya_app.core.money import format_cents
from paya_app.web.forms import Form, Text
from paya_app.web.plans import moment_words, rhythm, zone_words


@dataclass
class Question:
    """What is asked before it is done; the press that answers brings it back. `key` makes it happen once."""

    plan: str = ""
    verb: str = ""
    key: str = ""
    due_at: str = ""
    title: str = ""
    text: str = ""
    answer: str = ""
    busy: str = ""


class Answer(Form):
    """The question that a press answers, as the page showed it."""

    plan: Text = ""
    verb: Text = ""
    key: Text = ""
    due_at: Text = ""


async def carry_out(actor: Actor, plan_id: UUID, answer: Answer, key: UUID) -> None:
    """Do it. Raises what `savings` raises, and `RequestInvalid` for what is none of the four."""
    match answer.verb:
        case "skip":
            await savings.skip_next(actor, plan_id, key=key, due_at=_moment(answer.due_at))
        case "pause":
            await savings.pause(actor, plan_id, key=key)
        case "resume":
            await savings.resume(actor, plan_id, key=key)
        case "end":
            await savings.end(actor, plan_id, key=key)
        case _:
            raise RequestInvalid


def _moment(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        raise RequestInvalid from None


def question_of(verb: str, plan: savings.Plan) -> Question:
    """What is asked. Raises `NothingToSkip`, and `RequestInvalid` for what is none of the four."""
    zone = plan.terms.schedule.zone
    words = [f"{moment_words(buy.due_at, zone, now())}, {zone_words(zone)}" for buy in plan.next_buys]
    asked = Question(plan=str(plan.id), verb=verb, key=str(new_id()))
    stays = "What it bought is yours, and a buy that has begun goes on."
    match verb:
        case "skip":
            if not words:
                raise savings.NothingToSkip
            asked.due_at, asked.title = plan.next_buys[0].due_at.isoformat(), "Skip the next buy?"
            after = f" The one after it, on {words[1]}, happens as planned." if words[1:] else ""
            asked.text = f"Nothing is bought on {words[0]}.{after}"
            asked.answer, asked.busy = "Skip this buy", "Skipping …"
        case "pause":
            asked.title, asked.text = "Pause this plan?", f"Nothing is bought until you resume it. {stays}"
            asked.answer, asked.busy = "Pause", "Pausing …"
        case "resume":
            asked.title = "Resume this plan?"
            asked.text = (
                f"{format_cents(plan.terms.amount_cents)} {rhythm(plan.terms.schedule)}, {zone_words(zone)}, "
                "from its next time on. What was missed meanwhile is not bought."
            )
            asked.answer, asked.busy = "Resume", "Resuming …"
        case "end":
            asked.title, asked.text = "End this plan?", f"It does not come back: to go on, make a new one. {stays}"
            asked.answer, asked.busy = "End it", "Ending …"
        case _:
            raise RequestInvalid
    return asked
