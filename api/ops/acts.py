"""What an operator may do to orders, as the pages name it: read from the interventions that there are."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import get_args

from api.desk import Desk
from api.problems import Problem
from api.sessions import Form
from events.errors import Refused
from events.facts import WISHES
from events.foresight import Preview, foresee
from events.interventions import (
    INVALID,
    Asked,
    Cancel,
    Correct,
    Erase,
    Resend,
    Retry,
    Wish,
    intervene,
)
from events.order import Order
from events.rates import rate
from storage.history import History

KINDS: Mapping[str, type[Wish]] = {kind.__name__.lower(): kind for kind in get_args(Wish)}
# What may be done to many at once: what needs no words of its own for each, and can be taken back or told apart.
OF_MANY = tuple(kind.__name__.lower() for kind in (Retry, Cancel, Resend))
LONGEST_REASON = 2000


@dataclass(frozen=True, slots=True)
class Act:
    """Something that may be done, by its name in the URL; and if it cannot be done now, why not."""

    verb: str
    about: str
    refused: str = ""

    @property
    def title(self) -> str:
        """What stands on the button."""
        return _TITLES.get(self.verb, self.verb.capitalize())


_TITLES = {"arrived": "It has arrived"}


def act(verb: str) -> Act:
    """The act of that name. Raises the problem of a page that is not there."""
    if verb not in KINDS:
        raise Problem("not-on-file")
    return Act(verb, (KINDS[verb].__doc__ or "").strip().partition("\n")[0])


def look(verb: str, history: History, desk: Desk) -> tuple[Act, Preview | None]:
    """The act with why it is refused, or what would come of it. Of a correction, before its words are known."""
    found, order = act(verb), history.order
    wished = plain(verb)
    if refused := _refusal(wished, history, desk):
        return replace(found, refused=refused), None
    return found, foresee(order, wished, desk.catalogue, rate(desk.settings.openai_model))


def acts(history: History, desk: Desk) -> list[Act]:
    """All that there are, each with why it is refused, if it is."""
    return [replace(act(verb), refused=_refusal(plain(verb), history, desk)) for verb in KINDS]


def plain(verb: str) -> Wish:
    """What is wished for before anything is filled in."""
    kind = KINDS[verb]
    return Erase(by=WISHES[0]) if kind is Erase else kind()  # type: ignore[call-arg]


def wish(verb: str, form: Form, order: Order) -> Wish:
    """What is wished for. Of a correction only what differs from what the order says."""
    kind = KINDS[verb]
    if kind is Erase:
        return Erase(by=form.get("by"))
    if kind is not Correct:
        return plain(verb)
    assert order.placed is not None
    fields = {
        name: value
        for name, value in form.starting("field.").items()
        if value != order.placed.fields.get(name, "")
    }
    product, email = form.get("product"), form.get("email")
    return Correct(
        product="" if product == order.placed.product else product,
        email="" if email == order.placed.email else email,
        fields=fields,
    )


def reason_in(form: Form) -> str:
    """Why it is done; empty if the form does not say, or says more than is kept."""
    reason = form.get("reason")
    return reason if len(reason) <= LONGEST_REASON else ""


def _refusal(wished: Wish, history: History, desk: Desk) -> str:
    asked = Asked(wish=wished, reason="", now=desk.clock(), erased=history.sealer.erased)
    try:
        intervene(history.order, asked, desk.catalogue)
    except Refused as error:
        # What is invalid while nothing is filled in may be possible with the right words.
        return "" if error.reason in INVALID else str(error)
    return ""
