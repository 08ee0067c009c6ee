"""How a command ends: its exit code, and for whoever it failed, the next thing to try."""

import sys
from collections.abc import Mapping

import msgspec

from events.errors import Conflict, LedgerpressError, NotFound, Unavailable

OK = 0
FAILURE = 1  # what was looked for was found to be wrong
USAGE = 2  # the command or the settings are wrong
MISSING = 3  # there is no such thing
AWAY = 4  # a dependency is down: the same command may work later
CONFLICT = 5  # somebody else was faster, or it has been done already
BROKEN = 6  # the log does not add up
INTERRUPTED = 130  # Ctrl-C, as shells say it
CLOSED = 141  # nobody reads any more, as shells say it

_CODES: tuple[tuple[type[LedgerpressError], int], ...] = (
    (NotFound, MISSING),
    (Unavailable, AWAY),
    (Conflict, CONFLICT),
    (LedgerpressError, USAGE),
)

# Reasons that say so of the log, whatever kind of error they come with.
_BROKEN = {"log-forked", "log-unreadable"}

# By the error's own reason, and where that says nothing by its exit code.
_NEXT: Mapping[str, str] = {
    "bad-settings": "docs/settings.md explains each; then: ledgerpress doctor",
    "database-not-ready": "ledgerpress db upgrade",
    "may-not-migrate": "set DATABASE_OWNER_URL, then: ledgerpress db upgrade",
    "unknown-product": "ledgerpress product list",
    "unknown-projection": "ledgerpress projection status",
    "foreign-bookmark": "ledgerpress projection rebuild",
    "unknown-tenant": "ledgerpress tenant list",
    "vault-key-missing": "add the old key to VAULT_KEY behind the new one, after a comma",
}
_NEXT_BY_CODE: Mapping[int, str] = {
    FAILURE: "ledgerpress doctor",
    USAGE: "ledgerpress --help",
    MISSING: "check the name; ledgerpress --help says what can be listed",
    AWAY: "ledgerpress doctor says what is away; then the same command again",
    CONFLICT: "look at it as it is now, then decide again",
    BROKEN: "keep everything as it is, and compare it with your last backup",
}


class Stopped(LedgerpressError):
    """A verb's own reason to end: the exit code, the sentence, and what to try next."""

    reason = "stopped"

    def __init__(self, code: int, message: str, *, next_: str, reason: str | None = None) -> None:
        super().__init__(message, reason=reason)
        self.code = code
        self.next = next_


def end(error: LedgerpressError, *, as_json: bool) -> int:
    """Say what went wrong and what to try next; return the exit code."""
    if isinstance(error, Stopped):
        code, next_ = error.code, error.next
    else:
        code = next(code for kind, code in _CODES if isinstance(error, kind))
        code = BROKEN if error.reason in _BROKEN else code
        next_ = _NEXT.get(error.reason) or _NEXT_BY_CODE[code]
    return complain(code, str(error), reason=error.reason, next_=next_, as_json=as_json)


def complain(code: int, message: str, *, reason: str, next_: str, as_json: bool) -> int:
    """One complaint on stderr: two lines for people, or one JSON object. Returns ``code``."""
    if as_json:
        error = {"reason": reason, "message": message, "next": next_, "exit_code": code}
        sys.stderr.write(msgspec.json.encode({"error": error}).decode() + "\n")
    else:
        sys.stderr.write(f"{message}\nnext: {next_}\n")
    return code
