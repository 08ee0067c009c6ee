"""``ledgerpress audit``: proves that the log is what it was, to people who need not trust us."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Any

import typer

from api.cli._answer import Answer
from api.cli._bundles import SAY_WHOM, scope_of, verified, written
from api.cli._ending import BROKEN, OK, USAGE, Stopped
from api.cli._looks import note_bundle
from api.cli._progress import progress
from api.cli._word import Word
from events.checkpoint import BadCheckpoint, Key, read_key, read_note
from events.errors import Refused
from storage import checkpoints, integrity
from storage.blobs import blobs_of
from storage.bundle.scope import OfOrder
from storage.checkpoints import Folder, Forked
from storage.database import APP_ROLE, AUDITOR_ROLE, connect, connected
from storage.sealer import seal_all
from storage.settings import BadSettings, Settings, load, salvage
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
_LOOKED_AT = ("BLOB_URL", "SIGNING_KEY")
_MISSING = "is missing"
_UNNOTED = "this login only reads: the look was not noted in the log"
_UNPUBLISHED = "BLOB_URL is not set: published checkpoints were not compared"


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
        return verified(file, key or [], trust_included=trust_included, held=held)
    settings, published = _audited()
    with _database(settings) as engine, progress("verifying") as told:
        report = integrity.verify(
            engine,
            _trusted(settings, engine, key or [], included=trust_included),
            _folder(settings),
            held=read_note(held) if held else None,
            progress=told,
        )
    if key and report.sealed and not report.checkpoints:
        unsigned = integrity.Fault("the checkpoints", "there are none: nothing was signed")
        report = replace(report, faults=(*report.faults, unsigned))
    return _reported(report, published=published)


@word.verb("export")
def export(
    order: Annotated[
        str | None, typer.Argument(help="The order; or a range, a span of time, or --all.")
    ] = None,
    *,
    first: Annotated[int | None, typer.Option("--from", help="The first position.")] = None,
    last: Annotated[int | None, typer.Option("--to", help="The last position.")] = None,
    since: Annotated[
        str | None, typer.Option(help="From this date (UTC) or time on: 2026-11-21.")
    ] = None,
    until: Annotated[
        str | None, typer.Option(help="Up to this date, it included, or before this time.")
    ] = None,
    output: _OUT = None,
    with_checkpoint: _WITH = None,
    everything: Annotated[bool, typer.Option("--all", help="The whole log.")] = False,
) -> Answer:
    """Write a bundle that can be verified without us; a bundle's order comes with its parts."""
    scope = scope_of(order, (first, last), (since, until), everything=everything)
    target = output or Path(f"{order or 'ledgerpress-log'}.zip")
    settings = _audited()[0]
    with _database(settings, APP_ROLE) as engine:
        named = scope.order if isinstance(scope, OfOrder) else ""
        noted = note_bundle(engine, named, version("ledgerpress"))
    with _database(settings) as engine:
        answer = written(engine, scope, target, with_checkpoint or [])
    return answer if noted else replace(answer, talk=_UNNOTED)


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
    settings = load()
    with _database(settings, APP_ROLE) as engine:
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


def _reported(report: integrity.Report, *, published: bool) -> Answer:
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
            "published": published,
            "faults": faults,
        },
        shown=[str(each) for each in report.faults] or sound,
        talk="" if published else _UNPUBLISHED,
        code=BROKEN if faults else OK,
        next_=_KEEP if faults else "",
    )


def _trusted(settings: Settings, engine: Any, given: list[str], *, included: bool) -> list[Key]:
    if given:
        return [read_key(each) for each in given]
    with connected(engine) as connection:
        known, signed = checkpoints.keys(connection), checkpoints.exist(connection)
    if included:
        return known
    ours = signer(settings)
    mine = list(ours.keys) if ours else []
    # The same keys under the names that this installation had before.
    public = {each.public for each in mine}
    if not mine and signed:
        message = "nothing says whose signature counts: SIGNING_KEY is not set, and no --key given"
        raise Stopped(USAGE, message, next_=SAY_WHOM, reason="no-key")
    return [*mine, *(each for each in known if each.public in public and each not in mine)]


def _audited() -> tuple[Settings, bool]:
    """The settings as far as they are there, and whether published checkpoints are: an auditor has only a login."""
    found = salvage()
    broken = [
        f"{name} {why}"
        for name, why in found.complaints.items()
        if name == "DATABASE_URL" or (name in _LOOKED_AT and why != _MISSING)
    ]
    if broken:
        raise BadSettings("these settings need attention: " + "; ".join(broken))
    return found.settings, "BLOB_URL" not in found.complaints


@contextmanager
def _database(settings: Settings, role: str = AUDITOR_ROLE) -> Iterator[Any]:
    engine = connect(settings.database_url.get_secret_value(), role=role, pool=2)
    try:
        yield engine
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
