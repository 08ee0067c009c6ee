"""``ledgerpress audit``: proves that the log is what it was, to people who need not trust us."""

import sys
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer

from api.cli._answer import Answer
from api.cli._ending import AWAY, BROKEN, OK, USAGE, Stopped
from api.cli._word import Word
from events.checkpoint import BadCheckpoint, Key, read_key, read_note
from events.errors import Refused
from storage import checkpoints, integrity
from storage.blobs import blobs_of
from storage.bundle import export as bundle
from storage.bundle import scope as scopes
from storage.bundle import verify as verifier
from storage.checkpoints import Folder, Forked
from storage.database import connect, connected
from storage.sealer import seal_all
from storage.settings import Settings, load
from storage.signing import signer

word = Word("Prove that the log is what it was.")

_KEY = Annotated[
    list[str] | None, typer.Option("--key", help="A public key you trust; may be given again.")
]
_INCLUDED = Annotated[
    bool,
    typer.Option(
        "--trust-included",
        help="Trust the keys that come with what is verified: shows that it is whole, not whose.",
    ),
]
_HELD = Annotated[
    Path | None, typer.Option("--checkpoint", help="A file with a checkpoint you kept.")
]
_OUT = Annotated[Path | None, typer.Option("--output", "-o", help="The bundle to write.")]
_WITH = Annotated[
    list[int] | None,
    typer.Option("--with-checkpoint", help="The size of an older checkpoint to put in."),
]

_KEEP = "keep everything as it is; docs/adr/0013-what-an-auditor-can-detect.md says what was done"
_ASK = "ask for the file again, and for a checkpoint from somebody else"
_SAY_WHOM = "ledgerpress audit verify --key NAME+ID+BASE64, or --trust-included"


@word.verb("verify")
def verify(
    file: Annotated[Path | None, typer.Argument(help="A bundle; without it, the database.")] = None,
    key: _KEY = None,
    *,
    trust_included: _INCLUDED = False,
    checkpoint: _HELD = None,
) -> Answer:
    """Verify a bundle, or the whole log in the database; exit code 6 if it does not add up."""
    held = _read(checkpoint) if checkpoint else None
    if file is not None:
        return _verify_bundle(file, key or [], trust_included=trust_included, held=held)
    with _database() as (settings, engine), _progress("verifying") as progress:
        report = integrity.verify(
            engine,
            _trusted(settings, engine, key or [], included=trust_included),
            _folder(settings),
            held=read_note(held) if held else None,
            progress=progress,
        )
    return _reported(report)


@word.verb("export")
def export(
    order: Annotated[
        str | None, typer.Argument(help="The order; or --from and --to; or --all.")
    ] = None,
    first: Annotated[int | None, typer.Option("--from", help="The first position.")] = None,
    last: Annotated[int | None, typer.Option("--to", help="The last position.")] = None,
    output: _OUT = None,
    with_checkpoint: _WITH = None,
    *,
    everything: Annotated[bool, typer.Option("--all", help="The whole log.")] = False,
) -> Answer:
    """Write a bundle that can be verified without us."""
    scope = _scope(order, first, last, everything=everything)
    target = output or Path(f"{order or 'ledgerpress-log'}.zip")
    draft = target.with_name(f".{target.name}.{uuid.uuid4().hex}")
    try:
        with ExitStack() as held:
            held.callback(lambda: draft.unlink(missing_ok=True))
            _, engine = held.enter_context(_database())
            progress = held.enter_context(_progress("exporting"))
            with draft.open("xb") as file:
                written = bundle.export(
                    engine, file, scope, with_checkpoints=with_checkpoint or (), progress=progress
                )
            draft.replace(target)
    except OSError as error:
        message = f"{target} cannot be written: {error.strerror}"
        raise Refused(message, reason="no-file") from None
    except scopes.NotSigned as error:
        raise Stopped(
            AWAY, str(error), next_="ledgerpress audit checkpoint", reason=error.reason
        ) from None
    newer = f"; {written.left_out} newer ones are not signed yet" if written.left_out else ""
    return Answer(
        data={
            "file": str(target),
            "events": written.events,
            "size": written.size,
            "left_out": written.left_out,
        },
        shown=[f"{target}: {written.events} events of the log at {written.size}{newer}"],
    )


@word.verb("checkpoint")
def checkpoint(
    *,
    key_was_lost: Annotated[
        bool,
        typer.Option(
            "--key-was-lost", help="Go on from a checkpoint whose key nobody has any more."
        ),
    ] = False,
) -> Answer:
    """Seal what is committed, sign it now, and publish it."""
    with _database() as (settings, engine):
        ours = signer(settings)
        if ours is None:
            raise Refused("SIGNING_KEY is not set: nothing can be signed", reason="bad-settings")
        try:
            seal_all(engine)
            signed = checkpoints.sign(engine, ours, _folder(settings), key_was_lost=key_was_lost)
            checkpoints.publish(engine, _folder(settings))
        except (Forked, BadCheckpoint) as error:
            raise Stopped(
                BROKEN, str(error), next_="ledgerpress audit verify", reason=error.reason
            ) from None
        except OSError as error:
            message = f"the checkpoint cannot be published: {error.strerror}"
            raise Refused(message, reason="no-file") from None
        with connected(engine) as connection:
            latest = checkpoints.latest(connection)
    note = latest[0].text if latest else ""
    return Answer(
        data={"signed": signed, "note": note, "keys": [str(each) for each in ours.keys]},
        shown=note.splitlines(),
        talk="" if signed else "nothing has been sealed since the latest one",
    )


def _verify_bundle(
    file: Path, keys: list[str], *, trust_included: bool, held: str | None
) -> Answer:
    try:
        with _progress("verifying") as progress:
            found = verifier.verify(
                file, keys, trust_included=trust_included, held=held, progress=progress
            )
    except verifier.NoBundleError as error:
        raise Stopped(USAGE, str(error), next_=_SAY_WHOM, reason="no-bundle") from None
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
            f"signed by {found.key}",
        ],
        talk="the key came with the bundle: compare it with one you know" if trust_included else "",
    )


def _reported(report: integrity.Report) -> Answer:
    faults = [{"where": each.where, "what": each.what} for each in report.faults]
    newer = report.events - report.signed
    signed = (
        f"signed up to {report.signed}, {newer} newer" if report.signed else "nothing is signed"
    )
    sound = [f"sound: {report.events} events in {report.streams} streams; {signed}"]
    return Answer(
        data={
            "sound": not faults,
            "events": report.events,
            "streams": report.streams,
            "sealed": report.sealed,
            "checkpoints": report.checkpoints,
            "signed": report.signed,
            "faults": faults,
        },
        shown=[str(each) for each in report.faults] or sound,
        code=BROKEN if faults else OK,
        next_=_KEEP if faults else "",
    )


def _trusted(settings: Settings, engine: Any, given: list[str], *, included: bool) -> list[Key]:
    if given:
        return [read_key(each) for each in given]
    with connected(engine) as connection:
        known, signed = checkpoints.keys(connection), checkpoints.latest(connection)
    if included:
        return known
    ours = signer(settings)
    mine = list(ours.keys) if ours else []
    # The same keys under the names that this installation had before.
    public = {each.public for each in mine}
    if not mine and signed:
        message = "nothing says whose signature counts: SIGNING_KEY is not set, and no --key given"
        raise Stopped(USAGE, message, next_=_SAY_WHOM, reason="no-key")
    return [*mine, *(each for each in known if each.public in public and each not in mine)]


def _scope(
    order: str | None, first: int | None, last: int | None, *, everything: bool
) -> scopes.Scope:
    ranged = first is not None or last is not None
    if [order is not None, ranged, everything].count(True) != 1 or (first is None) != (
        last is None
    ):
        raise Refused("name an order, or --from and --to, or --all", reason="usage")
    if order is not None:
        return scopes.OfOrder(order)
    if first is not None and last is not None:
        return scopes.Positions(first, last)
    return scopes.WholeLog()


@contextmanager
def _database() -> Iterator[tuple[Settings, Any]]:
    settings = load()
    engine = connect(settings.database_url.get_secret_value(), pool=2)
    try:
        yield settings, engine
    finally:
        engine.dispose()


def _folder(settings: Settings) -> Folder:
    return Folder(blobs_of(settings).shelf)


def _read(path: Path) -> str:
    try:
        return path.read_text("utf-8")
    except (OSError, UnicodeDecodeError):
        message = f"{path} cannot be read"
        raise Refused(message, reason="no-file") from None


@contextmanager
def _progress(what: str) -> Iterator[Callable[[int, int], None]]:
    """A bar on a terminal, and nothing elsewhere."""
    if not sys.stderr.isatty() or "--json" in sys.argv[1:]:
        yield lambda _done, _total: None
        return
    from rich.console import Console  # noqa: PLC0415 - only for a terminal
    from rich.progress import Progress  # noqa: PLC0415 - the same

    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(what, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)
