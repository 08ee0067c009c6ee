"""``ledgerpress doctor``: looks at the whole set-up, and names every trap it finds."""

import subprocess
import sys
from collections.abc import Iterator, Sequence

import msgspec

from api.cli._answer import Answer, Rows
from api.cli._ending import AWAY, FAILURE, OK
from api.cli._word import Word
from events.products import CATALOGUE
from storage.checks import everything
from storage.findings import Check, Finding, Level, look_all
from storage.settings import salvage

# As long as the slowest of the checks it holds, and a start.
_ACTORS_SECONDS = 60.0
_WIDTH = 30

word = Word("Look at the whole set-up, and name every trap.")


@word.alone
def doctor() -> Answer:
    """Look at the whole set-up, and name every trap with what it leads to and what to do.

    Looks at settings, Postgres, RabbitMQ, what waits in both, the mail server, the model's endpoint, the press, the
    folder of documents and this machine. Changes nothing, sends no mail and asks the model for nothing.

    Exit code 1 if a failure was found, 4 if all failures come from something that is down.
    """
    salvaged = salvage()
    checks = [*everything(salvaged, CATALOGUE), Check("actors", _actors, seconds=_ACTORS_SECONDS)]
    findings = list(look_all(checks, salvaged.complaints))
    failures = [each for each in findings if each.level is Level.FAILURE]
    warnings = [each for each in findings if each.level is Level.WARNING]
    return Answer(
        data=findings,
        shown=_lines(findings) if sys.stdout.isatty() else _rows(findings),
        talk=f"{len(findings)} looked at, {len(failures)} failures, {len(warnings)} warnings",
        code=_code(failures),
        next_=f"{failures[0].check}: {failures[0].do}" if failures else "",
    )


def _code(failures: Sequence[Finding]) -> int:
    if not failures:
        return OK
    return AWAY if all(each.away for each in failures) else FAILURE


def _actors() -> Iterator[Finding]:
    """What the workers' floor finds; ours does not know it."""
    with subprocess.Popen(
        [sys.executable, "-m", "actors.checks"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    ) as process:
        try:
            assert process.stdout is not None
            for line in process.stdout:
                yield msgspec.json.decode(line, type=Finding)
            if process.wait() != 0:
                raise RuntimeError("the workers' floor did not look at everything")
        finally:
            process.kill()


def _rows(findings: Sequence[Finding]) -> Rows:
    head = ("level", "check", "found", "why", "do")
    rows = [(each.level.value, each.check, each.found, each.why, each.do) for each in findings]
    return Rows(head, rows)


def _lines(findings: Sequence[Finding]) -> list[str]:
    lines = []
    for each in findings:
        lines.append(f"{each.level.value:<8} {each.check:<{_WIDTH}} {each.found}")
        if each.level is not Level.OK:
            lines += [f"{'':9}why  {each.why}", f"{'':9}do   {each.do}"]
    return lines
