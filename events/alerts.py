"""What the operator is told: which orders need a person, why, and what can be done about each."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby

from events.facts import MAIL_DOUBTFUL, PAID_TOO_LATE, AttentionNeeded
from events.notices import LATE
from events.order import Order
from events.place import UNUSABLE
from events.plan import Product
from events.views import DISPUTED, dispute, order_number

# Beyond this many orders a mail only counts.
_MOST_LISTED = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Matter:
    """An order that needs a person. Holds no personal data.

    ``bundle`` is the order it is a part of. ``commands`` are what to type once it is clear what to do.
    """

    order: str
    number: str
    product: str
    tenant: str
    bundle: str
    reason: str
    detail: str
    advice: str
    commands: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """The matters with one reason: how many, and as many of them as are listed."""

    reason: str
    count: int
    listed: tuple[Matter, ...]
    command: str

    @property
    def unlisted(self) -> int:
        """How many are only counted."""
        return self.count - len(self.listed)


def matter(order: Order, product: Product | None, mail: str) -> Matter:
    """What the alert ``mail`` says about ``order``."""
    assert order.placed is not None
    trouble = _trouble(order, product, mail)
    return Matter(
        order=order.id,
        number=order_number(order.id),
        product=order.placed.product or "(none)",
        tenant=order.placed.tenant,
        bundle=order.placed.parent,
        reason=trouble.reason,
        detail=trouble.detail,
        advice=trouble.advice,
        commands=_commands(order.id, trouble.reason),
    )


def digest(matters: Iterable[Matter]) -> tuple[Group, ...]:
    """The matters by reason, the most frequent first; each reason lists some, all of them together fifty at most."""
    ordered = sorted(matters, key=lambda each: each.reason)
    found = [tuple(members) for _, members in groupby(ordered, key=lambda each: each.reason)]
    found.sort(key=len, reverse=True)
    room = _shares([len(members) for members in found], _MOST_LISTED)
    return tuple(
        Group(
            reason=members[0].reason,
            count=len(members),
            listed=members[:most],
            command=_for_all(members[0].reason, len(members)),
        )
        for members, most in zip(found, room, strict=True)
    )


def subject(groups: Sequence[Group]) -> str:
    """The alert's subject: how many, and why."""
    count = sum(group.count for group in groups)
    need = "1 order needs" if count == 1 else f"{count} orders need"
    reasons = ", ".join(group.reason for group in groups[:3])
    return f"{need} a person: {reasons}{', ...' if len(groups) > 3 else ''}"  # noqa: PLR2004 - as above


def _trouble(order: Order, product: Product | None, mail: str) -> AttentionNeeded:
    found = None
    if mail.startswith(f"alert-{LATE}") and product:
        found = AttentionNeeded(
            reason=LATE,
            attempt=order.attempt,
            detail=f"It should have been done within {round(product.pacing.deadline / 60)} minutes and is not.",
            advice="See what it waits for. It goes on by itself, but the next attempt that fails is its last.",
        )
    elif mail.startswith("alert-dispute"):
        found = dispute(order)
    found = found or order.attention
    assert found is not None  # an alert is owed only while one of these holds
    return found


def _commands(order: str, reason: str) -> tuple[str, ...]:
    why = "--reason '...'"
    retry = f"ledgerpress order retry {order} {why}"
    match reason:
        case "late" | "disputed" | "paid-after-erasure":
            return (f"ledgerpress order show {order}",)
        case _ if reason == UNUSABLE:
            return (f"ledgerpress order correct {order} --field NAME=VALUE {why}", retry)
        case _ if reason == MAIL_DOUBTFUL:
            return (retry, f"ledgerpress order arrived {order} {why}")
    return (retry,)


def _for_all(reason: str, count: int) -> str:
    if count == 1 or reason in (UNUSABLE, MAIL_DOUBTFUL):
        return ""
    if reason in (LATE, DISPUTED, PAID_TOO_LATE):
        return f"ledgerpress order list --reason {reason}" if reason == DISPUTED else ""
    return f"ledgerpress order retry --all --status attention --reason-code {reason} --reason '...'"


def _shares(wanted: Sequence[int], room: int) -> list[int]:
    """Some of ``room`` for each, fairly: nobody gets none while another gets more than it needs."""
    shares = [0] * len(wanted)
    while room and shares != list(wanted):
        for place, most in enumerate(wanted):
            if room and shares[place] < most:
                shares[place] += 1
                room -= 1
    return shares
