"""What is in trouble, one row for each cause: the reason, the product, whom it asked, and the code that ran."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Any

from sqlalchemy import Engine, text

from events.views import PART_HELD
from storage.database import rows

# Beyond this many orders in trouble only their number is told.
MOST = 2_000
_SAMPLE = 5

# The cause is read from the order's last events: which model was asked, and which code wrote it.
_STUCK = text("""
    select o.order_id, o.product, o.word, o.status ->> 'reason' as reason, o.status ->> 'detail' as detail,
        o.status ->> 'advice' as advice, o.status ->> 'retry_at' as retry_at, o.updated_at,
        last.code, coalesce(asked.model, '') as model
    from orders o
    cross join lateral (
        select e.meta ->> 'code' as code from events e
        where e.stream = 'order-' || o.order_id order by e.version desc limit 1) last
    left join lateral (
        select e.data ->> 'model' as model from events e
        where e.stream = 'order-' || o.order_id and e.type = 'sections-asked'
            and o.status ->> 'reason' like 'model%' order by e.version desc limit 1) asked on true
    where o.word = any (cast(:words as text[])) and o.status ->> 'reason' <> :held
    order by o.updated_at desc
    limit :most
""")


@dataclass(frozen=True, slots=True, kw_only=True)
class Cause:
    """Orders that are in trouble for one reason, with one product, model and version of the code.

    ``since`` is when the first of them got there, ``retry_at`` when the first goes on by itself (empty if none does).
    ``sample`` are the ids of some.
    """

    word: str
    reason: str
    product: str
    model: str
    code: str
    count: int
    detail: str
    advice: str
    since: datetime
    retry_at: str
    sample: tuple[str, ...]


def causes(engine: Engine) -> list[Cause]:
    """Who needs a person, then who waits to be tried again; the most frequent cause first.

    A bundle that waits for its part is left out: the part is there.
    """
    values = {"words": ["attention", "retrying"], "held": PART_HELD, "most": MOST}
    found = sorted(rows(engine, _STUCK, values), key=_fingerprint)
    gathered = [_cause(tuple(members)) for _, members in groupby(found, key=_fingerprint)]
    return sorted(gathered, key=lambda each: (each.word, -each.count, each.since))


def _fingerprint(row: Any) -> tuple[str, ...]:
    return row.word, row.reason, row.product, row.model, row.code


def _cause(members: tuple[Any, ...]) -> Cause:
    newest = members[0]
    return Cause(
        word=newest.word,
        reason=newest.reason,
        product=newest.product,
        model=newest.model,
        code=newest.code,
        count=len(members),
        detail=newest.detail,
        advice=newest.advice,
        since=min(each.updated_at for each in members),
        retry_at=_first(each.retry_at for each in members),
        sample=tuple(str(each.order_id) for each in members[:_SAMPLE]),
    )


def _first(times: Iterable[str]) -> str:
    return min((each for each in times if each), default="")
