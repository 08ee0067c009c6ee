"""``ledgerpress projection``: what is folded from the log, how far, and whether it is what the log says."""

from collections.abc import Generator, Iterator, Sequence
from contextlib import closing, contextmanager
from itertools import islice
from typing import Annotated, Any

import typer

from api.cli._answer import Answer, Rows
from api.cli._ending import FAILURE, OK
from api.cli._progress import progress
from api.cli._word import Word
from events.errors import NotFound
from events.products import CATALOGUE
from events.projections import PROJECTIONS, projection_named
from storage import rebuilding, restating
from storage.database import PROJECTOR_ROLE
from storage.garbage import SELDOM, collect_seldom
from storage.opening import database, opened
from storage.projector import Projector
from storage.rebuilding import Different
from storage.restating import Drift
from storage.settings import load, load_database
from storage.sums import standings, sums

word = Word("What is folded from the log, beside the log.")

# The rows that are written with the events, one for each order.
STATUS = "status"
_MOST_NAMED = 10
_SOUND = "ledgerpress audit verify says whether the log itself is sound"

_Names = Annotated[
    list[str] | None,
    typer.Argument(help=f"Which: {STATUS}, {', '.join(PROJECTIONS)}; without any, all of them."),
]


@word.verb("status")
def status() -> Answer:
    """Show how far each projection has read; exit code 1 if one cannot go on."""
    with database(load_database()) as engine:
        found = standings(engine)
    known = {each.projection for each in found}
    data = [
        {
            "projection": each.projection,
            "about": PROJECTIONS[each.projection].about if each.projection in PROJECTIONS else "",
            "state": "another-log"
            if each.foreign
            else "rebuilding"
            if each.rebuilding is not None
            else "live",
            "version": each.version,
            "position": each.reach.position,
            "behind": each.reach.behind,
            "up_to": each.reach.time,
            "rebuilt_to": each.rebuilding,
        }
        for each in found
    ]
    head = ("projection", "state", "version", "position", "behind", "up to")
    rows = [
        (
            each.projection,
            line["state"] if each.rebuilding is None else f"rebuilding, at {each.rebuilding}",
            each.version,
            each.reach.position,
            each.reach.behind,
            each.reach.time.isoformat(timespec="seconds") if each.reach.time else "",
        )
        for each, line in zip(found, data, strict=True)
    ]
    wrong = any(each.foreign for each in found)
    unfed = sorted(PROJECTIONS.keys() - known)
    return Answer(
        data=data,
        shown=Rows(head, rows),
        talk=f"not fed yet: {', '.join(unfed)}" if unfed else "",
        code=FAILURE if wrong else OK,
        next_="ledgerpress projection rebuild" if wrong else "",
    )


@word.verb("show")
def show(
    name: Annotated[str, typer.Argument(help=f"Which: {', '.join(PROJECTIONS)}.")],
) -> Answer:
    """Show a projection's sums."""
    projection = projection_named(name)
    with database(load_database()) as engine:
        found = sums(engine, projection.name)
    rows = [(*key, amount) for key, amount in found.amounts.items()]
    head = (*projection.key, "amount")
    reach = found.reach
    return Answer(
        data=[dict(zip(head, row, strict=True)) for row in rows],
        shown=Rows(head, rows),
        talk=f"up to event {reach.position}; {reach.behind} more are sealed",
    )


@word.verb("rebuild")
def rebuild(names: _Names = None) -> Answer:
    """Fold projections afresh beside the live ones, then let them take their place; readers notice nothing."""
    rows, across = _chosen(names)
    events = 0
    drifts: list[Drift] = []
    if across:
        with _projector() as projector, progress("folding", lines=True) as told:
            for step in rebuilding.rebuild(projector, across):
                told(step.done, step.total)
                events = step.done
    if rows:
        drifts = list(_drifts(mend=True))
    left = [each for each in drifts if not each.mended]
    shown = [f"{', '.join(across)}: folded afresh from {events} events"] if across else []
    shown += [f"status: {len(drifts) - len(left)} rows put right"] if rows else []
    return Answer(
        data={
            "projections": across,
            "events": events,
            "status_mended": len(drifts) - len(left) if rows else None,
            "status_left": [_as_data(each) for each in left],
        },
        shown=[*shown, *(f"status: order {each.order}: {_what(each)}" for each in left)],
        code=FAILURE if left else OK,
        next_=_SOUND if left else "",
    )


@word.verb("diff")
def diff(names: _Names = None) -> Answer:
    """Fold projections afresh and compare: exit code 1, and the first differences, if one is not what the log says."""
    rows, across = _chosen(names)
    data: list[dict[str, Any]] = []
    shown: list[str] = []
    if rows:
        # There is no need to read more than are named.
        with closing(_drifts(mend=False)) as found:
            drifts = list(islice(found, _MOST_NAMED))
        data.append({"projection": STATUS, "orders": [_as_data(each) for each in drifts]})
        shown += [f"status: order {each.order}: {_what(each)}" for each in drifts]
    if across:
        with _projector() as projector, progress("folding", lines=True) as told:
            for each in rebuilding.check(projector, across, _MOST_NAMED):
                if isinstance(each, Different):
                    data.append(_as_difference(each))
                    shown += list(_differences(each))
                else:
                    told(each.done, each.total)
    return Answer(
        data=data,
        shown=shown,
        talk=f"{len(data)} compared with the log: {'they differ' if shown else 'no difference'}",
        code=FAILURE if shown else OK,
        next_=f"{_SOUND}; then: ledgerpress projection rebuild" if shown else "",
    )


def _chosen(names: Sequence[str] | None) -> tuple[bool, list[str]]:
    """Whether the status rows are meant, and which projections across orders. Raises ``NotFound``."""
    for name in names or ():
        if name != STATUS and name not in PROJECTIONS:
            message = (
                f"there is no projection {name!r}; there are: {STATUS}, {', '.join(PROJECTIONS)}"
            )
            raise NotFound(message, reason="unknown-projection")
    wanted = dict.fromkeys(names or [STATUS, *PROJECTIONS])
    return STATUS in wanted, [name for name in wanted if name != STATUS]


@contextmanager
def _projector() -> Iterator[Projector]:
    collect_seldom(SELDOM)
    with database(load_database(), role=PROJECTOR_ROLE, pool=2) as engine:
        yield Projector(engine)


def _drifts(*, mend: bool) -> Generator[Drift, None, None]:
    with (
        opened(load(), CATALOGUE, pool=1) as log,
        progress("comparing status rows", lines=True) as told,
    ):
        for each in restating.compare(log, mend=mend):
            if isinstance(each, Drift):
                yield each
            else:
                told(each.done, each.total)


def _what(drift: Drift) -> str:
    return ", ".join(drift.columns) if drift.columns else "has no row"


def _as_data(drift: Drift) -> dict[str, Any]:
    return {"order": drift.order, "columns": list(drift.columns)}


def _as_difference(found: Different) -> dict[str, Any]:
    return {
        "projection": found.projection,
        "position": found.position,
        "sums": [{"key": list(key), "live": one, "log": two} for key, one, two in found.sums],
        "streams": list(found.streams),
    }


def _differences(found: Different) -> Iterator[str]:
    for key, live, log in found.sums:
        yield f"{found.projection}: {' '.join(key)}: {live}, but the log says {log}"
    for stream in found.streams:
        yield f"{found.projection}: {stream}: something else is remembered than the log says"
