"""Why an event happened: which event before it the house followed when it recorded this one, back to the outside world.

What is recorded as causation is the request or the message just before. Which *event* set that in motion is told by the
rules of the house (``decide``, ``react``, ``intervene``), and so it can be told of any history, however old.
"""

from collections.abc import Sequence

from events import facts
from events.envelope import Recorded

# What lets a worker take the order up; an attempt that never ended lets the next one do so.
_FREES = (
    facts.PaymentReceived,
    facts.DisputeClosed,
    facts.ResendAsked,
    facts.OrderRetried,
    facts.AttemptEnded,
    facts.AttemptFailed,
    facts.AttemptStarted,
)
_FAILS = (facts.CallFailed, facts.MailFailed)
_CANCELLING = {facts.REFUNDED: facts.PaymentRefunded, facts.DISPUTE_LOST: facts.DisputeClosed}
_DELIVERING = {"mail": facts.MailSent, "bundle": facts.DocumentBound, "api": facts.DocumentBound}


def chain(recorded: Sequence[Recorded], version: int) -> tuple[Recorded, ...]:
    """The events that led to that one, the first first, itself last. ``recorded`` is the whole stream, oldest first.

    The first of them came from outside: its ``cause`` says from where.
    """
    found = [recorded[version - 1]]
    while (before := _led_by(recorded[: found[-1].version - 1], found[-1])) is not None:
        found.append(before)
    return tuple(reversed(found))


def _led_by(  # noqa: C901, PLR0911, PLR0912 - one case an event
    past: Sequence[Recorded], this: Recorded
) -> Recorded | None:
    """The event in ``past`` that ``this`` one followed from; ``None`` if it came from outside."""
    match this.event:
        case facts.PaymentReceived():
            return _last(past, facts.OrderPlaced)
        case facts.AttemptStarted():
            return _last(past, *_FREES)
        case (
            facts.SectionWritten(section=section, attempt=number)
            | facts.CallFailed(section=section, attempt=number)
        ):
            asked = _last(past, facts.SectionsAsked, attempt=number)
            return asked if asked and section in asked.event.sections else _attempt(past, number)
        case facts.AttemptFailed(number=number, reason=reason):
            return _trouble(past, number, reason)
        case facts.AttentionNeeded(attempt=number, reason=reason):
            return _trouble(past, number, reason) or _last(past, facts.OrderPlaced)
        case facts.AttemptEnded(number=number) | facts.SectionsAsked(attempt=number):
            return _attempt(past, number)
        case facts.MailSent(mail=mail) | facts.MailFailed(mail=mail):
            return _last(past, facts.MailIntended, mail=mail)
        case facts.MailIntended(mail=mail) if not mail.startswith("report"):
            return _last(past, facts.AttentionNeeded, facts.DisputeOpened)
        case (
            facts.ChunkRendered()
            | facts.DocumentBound()
            | facts.PartsPlaced()
            | facts.MailIntended()
        ):
            return _last(past, facts.AttemptStarted)
        case facts.PartFinished() | facts.PartHeld() | facts.PartResumed():
            return _last(past, facts.PartsPlaced)
        case facts.OrderDelivered(by=by):
            return _last(past, _DELIVERING.get(by, facts.DocumentBound), facts.AttemptStarted)
        case facts.OrderCancelled(reason=facts.BY_OPERATOR):
            return _note(past, this)
        case facts.OrderCancelled(reason=reason):
            return _last(past, _CANCELLING.get(reason, facts.OrderPlaced))
        case facts.OrderErased(by=facts.BY_RETENTION):
            return _last(past, facts.OrderDelivered, facts.OrderCancelled)
        case facts.NoteMade():
            # A person looked because of it, unless somebody has answered it already.
            found = _last(past, facts.AttentionNeeded, facts.OrderRetried)
            return found if found and isinstance(found.event, facts.AttentionNeeded) else None
        case facts.OrderRetried() | facts.OrderCorrected() | facts.ResendAsked():
            return _note(past, this)
    return None


def _last(past: Sequence[Recorded], *kinds: type, **fields: object) -> Recorded | None:
    for each in reversed(past):
        if isinstance(each.event, kinds) and all(
            getattr(each.event, name) == value for name, value in fields.items()
        ):
            return each
    return None


def _note(past: Sequence[Recorded], this: Recorded) -> Recorded | None:
    """The reason that the person gave in the same breath."""
    note = _last(past, facts.NoteMade)
    return note if note and note.cause == this.cause else None


def _attempt(past: Sequence[Recorded], number: int) -> Recorded | None:
    return _last(past, facts.AttemptStarted, number=number)


def _trouble(past: Sequence[Recorded], number: int, reason: str) -> Recorded | None:
    """What went wrong in that attempt, if the log has it; else its beginning."""
    started = _attempt(past, number)
    failed = _last(past, *_FAILS, attempt=number, reason=reason)
    return failed if failed and started and failed.version > started.version else started
