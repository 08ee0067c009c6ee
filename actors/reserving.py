"""What a round of calls needs before it may be made: an endpoint that is well, room in the budgets, an allowance."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass

from actors.attempt import Attempt
from actors.model import Model
from actors.replies import Failure, Reply
from events.errors import Refused, Unavailable
from events.plan import Product, Section
from events.prompt import Prompt, compose
from events.spending import check_budget, likely_tokens, longest_answer, most_cost, most_tokens
from storage.endpoints import Permit, Want
from storage.spending import this_month
from storage.tenants import Limits

# A wait for an allowance that is longer than this is not worth holding the order for.
_LONGEST_WAIT = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """Calls that may be made side by side. ``most`` is what they can cost at most, in millionths of a dollar."""

    model: Model
    permit: Permit
    prompts: Mapping[str, Prompt]
    longest: Mapping[str, int]
    most: int


def reserve(sections: tuple[Section, ...], attempt: Attempt, product: Product) -> Round:
    """The round of calls for ``sections``, or for the first of them if that is all that may be tried.

    Raises ``Refused`` if it could take the order past its budget, and ``Unavailable``, with the time to come back,
    while no endpoint is well or an allowance is used up. Nothing has been spent then.
    """
    assert attempt.order.placed is not None
    limits = attempt.tools.tenants.of(attempt.order.placed.tenant)
    model, permit = _well(attempt)
    sections = sections[: permit.calls]
    prompts = {each.name: compose(product, each, attempt.order) for each in sections}
    most = most_cost((most_tokens(prompts[each.name], each) for each in sections), model.rate)
    check_budget(attempt.order, product, most, limits.order_budget)
    tokens = sum(likely_tokens(prompts[each.name], each) for each in sections)
    _await_allowances(model, attempt, limits, len(sections), tokens)
    longest = {each.name: longest_answer(each) for each in sections}
    return Round(model=model, permit=permit, prompts=prompts, longest=longest, most=most)


def over_month(attempt: Attempt) -> Refused | None:
    """Why what has been announced must not be spent after all, or ``None``.

    The intent in the log is the reservation: whoever looks after writing it sees everybody else's, so that two workers
    cannot both take the last of a budget.
    """
    assert attempt.order.placed is not None
    tenant = attempt.order.placed.tenant
    budget = attempt.tools.tenants.of(tenant).month_budget
    if budget is None or this_month(attempt.tools.log.engine, tenant) <= budget:
        return None
    message = f"the month's budget of {budget} millionths of a dollar is used up"
    return Refused(message, reason="month-budget")


def report(made: Round, reply: Reply, attempt: Attempt) -> None:
    """Tell the other workers how the endpoint is. An error that is this order's own says that it is well."""
    sick = isinstance(reply, Failure) and reply.sick
    after = reply.retry_after if isinstance(reply, Failure) else 0.0
    with suppress(Unavailable):  # the answer matters more
        attempt.tools.endpoints.report(made.model.endpoint, made.permit, ok=not sick, after=after)


def _well(attempt: Attempt) -> tuple[Model, Permit]:
    """The first endpoint that may be called: our own, or the one to fall back on."""
    waits = []
    for model in attempt.tools.models:
        permit = attempt.tools.endpoints.permit(model.endpoint)
        if permit.calls != 0:
            return model, permit
        waits.append(permit.wait)
    message = "the model has failed too often in a row and is left in peace for a while"
    raise Unavailable(message, reason="model-resting", retry_after=min(waits))


def _await_allowances(
    model: Model, attempt: Attempt, limits: Limits, calls: int, tokens: int
) -> None:
    tools = attempt.tools
    assert attempt.order.placed is not None
    ours, theirs = model.endpoint, f"tenant {attempt.order.placed.tenant}"
    wants = [
        Want(f"{what} of {whose}", amount, per_minute)
        for what, whose, amount, per_minute in (
            ("requests", ours, calls, tools.requests_per_minute),
            ("tokens", ours, tokens, tools.tokens_per_minute),
            ("requests", theirs, calls, limits.requests_per_minute),
            ("tokens", theirs, tokens, limits.tokens_per_minute),
        )
        if per_minute
    ]
    while wait := tools.endpoints.take(wants):
        if wait > _LONGEST_WAIT or attempt.over:
            message = "the calls allowed in a minute are used up"
            raise Unavailable(message, reason="model-rationed", retry_after=wait)
        tools.stopping.wait(wait)
