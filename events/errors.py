"""Everything that can go wrong, arranged by what the caller should do.

* LedgerpressError
  + Refused        say no; trying again will not help      (actors: the order needs a human; api: 4xx)
  + Conflict       read again, then decide again           (actors: hand back;               api: 409)
  + Unavailable    wait, then try again                    (actors: wait, then retry;        api: 503)

Every error carries a ``reason``: one word or two for machines, stable, and safe to show. The message is for people and
never repeats a secret, a person's data or a foreign system's text.
"""


class LedgerpressError(Exception):
    """The root of every error this house raises on purpose."""

    reason = "error"

    def __init__(self, message: str, *, reason: str | None = None) -> None:
        super().__init__(message)
        if reason is not None:
            self.reason = reason


class Refused(LedgerpressError):
    """Say no: trying the same again will not help."""

    reason = "refused"


class NotFound(Refused):
    """What was asked for does not exist, or is not the asker's to see."""

    reason = "not-found"


class Conflict(LedgerpressError):
    """Someone else was faster: read again, then decide again."""

    reason = "conflict"


class WrongExpectedVersion(Conflict):
    """The stream has moved on since it was read."""

    reason = "wrong-expected-version"


class Fenced(Conflict):
    """The lease has passed to another worker: record nothing, spend nothing, let go."""

    reason = "fenced"


# The reason of whatever could not be done because Postgres cannot be reached.
DATABASE_AWAY = "database-away"


class Unavailable(LedgerpressError):
    """A part of the world is away or busy: wait, then try again.

    ``retry_after`` is how long the other side asked us to wait, in seconds, or ``None``.
    """

    reason = "unavailable"

    def __init__(
        self, message: str, *, reason: str | None = None, retry_after: float | None = None
    ) -> None:
        super().__init__(message, reason=reason)
        self.retry_after = retry_after
