"""Bundles on the command line: which events to write to a file, and what the verifier says of one."""

import uuid
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from api.cli._answer import Answer
from api.cli._ending import AWAY, BROKEN, USAGE, Stopped
from api.cli._progress import progress
from events.errors import Refused
from events.moments import read_bound
from storage.bundle import verify as verifier
from storage.bundle.export import export
from storage.bundle.scope import NotSigned, OfOrder, Positions, Scope, Span, WholeLog

SAY_WHOM = "ledgerpress audit verify --key NAME+ID+BASE64, or --trust-included"
_ASK = "ask for the file again, and for a checkpoint from somebody else"


def scope_of(
    order: str | None,
    ends: tuple[int | None, int | None],
    times: tuple[str | None, str | None],
    *,
    everything: bool,
) -> Scope:
    """What is to be exported. Raises ``Refused`` unless it is just one thing."""
    ranged, timed = ends != (None, None), times != (None, None)
    first, last = ends
    if [order is not None, ranged, timed, everything].count(True) != 1:
        message = "name an order, or --from and --to, or --since or --until, or --all"
        raise Refused(message, reason="usage")
    if order is not None:
        return OfOrder(order)
    if timed:
        since = read_bound(times[0], last=False) if times[0] is not None else None
        until = read_bound(times[1], last=True) if times[1] is not None else None
        if since and until and until <= since:
            raise Refused("the span of time ends before it begins", reason="usage")
        return Span(since, until)
    if everything:
        return WholeLog()
    if first is None or last is None:
        raise Refused("a range has both ends: --from and --to", reason="usage")
    return Positions(first, last)


def written(engine: Any, scope: Scope, target: Path, with_checkpoints: list[int]) -> Answer:
    """Write the bundle to ``target``, all of it or nothing."""
    draft = target.with_name(f".{target.name}.{uuid.uuid4().hex}")
    try:
        with ExitStack() as held:
            held.callback(lambda: draft.unlink(missing_ok=True))
            told = held.enter_context(progress("exporting"))
            with draft.open("xb") as file:
                found = export(
                    engine, file, scope, with_checkpoints=with_checkpoints, progress=told
                )
            draft.replace(target)
    except OSError as error:
        message = f"{target} cannot be written: {error.strerror}"
        raise Refused(message, reason="no-file") from None
    except NotSigned as error:
        raise Stopped(
            AWAY, str(error), next_="ledgerpress audit checkpoint", reason=error.reason
        ) from None
    newer = f"; {found.left_out} newer ones are not signed yet" if found.left_out else ""
    return Answer(
        data={
            "file": str(target),
            "events": found.events,
            "size": found.size,
            "left_out": found.left_out,
        },
        shown=[f"{target}: {found.events} events of the log at {found.size}{newer}"],
    )


def verified(file: Path, keys: list[str], *, trust_included: bool, held: str | None) -> Answer:
    """What the verifier says of the bundle: exit code 6 if it does not add up, 2 if it is none."""
    try:
        with progress("verifying") as told:
            found = verifier.verify(
                file, keys, trust_included=trust_included, held=held, progress=told
            )
    except verifier.NoBundleError as error:
        raise Stopped(USAGE, str(error), next_=SAY_WHOM, reason="no-bundle") from None
    except verifier.BrokenError as error:
        fault = {"where": error.where, "what": error.what}
        return Answer(
            data={"sound": False, "faults": [fault]}, shown=[str(error)], code=BROKEN, next_=_ASK
        )
    size = f"the log {found.origin} at size {found.size}"
    newer = f"; {found.left_out} newer events are not in it" if found.left_out else ""
    return Answer(
        data={"sound": True, **vars(found), "faults": []},
        shown=[
            f"sound: {found.events} events in {found.streams} streams, of {size}{newer}",
            *([f"of order {found.order}"] if found.order else []),
            f"signed by {found.key}",
        ],
        talk="the key came with the bundle: compare it with one you know" if trust_included else "",
    )
