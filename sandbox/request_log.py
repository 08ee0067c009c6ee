"""What the stand-in model was asked: one entry per request, kept in memory and in a file that outlives it."""

import json
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path

ANSWERED = "answered"
REFUSED = "refused"
CUT_OFF = "cut off"
STOPPED = "stopped"


@dataclass(slots=True, kw_only=True)
class Asked:
    """One request for a completion.

    ``outcome`` is ``answered``, ``refused`` (a request no model would take), ``cut off`` (the client left first),
    ``stopped`` (the stand-in was) or ``fault: <what>``. ``status`` is what was put on the line, ``None`` if
    nothing was. ``written`` says whether a text was made, whether or not anybody got it: a provider would charge.
    """

    number: int
    arrived_at: str
    finished_at: str | None = None
    outcome: str | None = None
    status: int | None = None
    section: str | None = None
    model: str | None = None
    headers: dict[str, str] = field(default_factory=dict)
    messages_sha256: str | None = None
    written: bool = False
    prompt_tokens: int = 0
    completion_tokens: int = 0


class RequestLog:
    """Entries in order of arrival. With a file, an entry is appended to it as soon as it is finished.

    Numbers go on where the file ends. What was under way when the stand-in was killed is in no file.
    """

    def __init__(self, path: Path | None = None) -> None:
        self._path = path
        self._entries: list[Asked] = []
        self._given = max((entry.number for entry in read_log(path)), default=0) if path else 0

    def arrived(self) -> Asked:
        """Open an entry."""
        self._given += 1
        entry = Asked(number=self._given, arrived_at=now())
        self._entries.append(entry)
        return entry

    def finished(self, entry: Asked, outcome: str) -> None:
        """Close an entry and keep it in the file."""
        entry.finished_at = now()
        entry.outcome = outcome
        if self._path is not None:
            with self._path.open("a", encoding="utf-8") as file:
                file.write(json.dumps(asdict(entry), ensure_ascii=False) + "\n")

    def entries(self) -> list[dict[str, object]]:
        """Everything since the start or the last ``clear``, also what is still under way."""
        return [asdict(entry) for entry in self._entries]

    def clear(self) -> None:
        """Forget what is in memory; the file stays."""
        self._entries.clear()


def read_log(path: Path) -> list[Asked]:
    """The entries of a log file; a last line torn by a kill is left out."""
    if not path.exists():
        return []
    lines = path.read_text("utf-8").split("\n")
    return [Asked(**json.loads(line)) for line in lines if line.endswith("}")]


def now() -> str:
    """The wall clock, RFC 3339, UTC, microseconds."""
    return datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
