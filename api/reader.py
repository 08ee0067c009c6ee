"""Whoever looks at the history of an order or at the log, by role: every look is noted before anything is shown."""

from typing import Annotated

from fastapi import Depends

from api.access import Staff
from api.desk import Desk, OnDesk, RequestId
from api.sessions import StaffPage
from storage import readings
from storage.readings import Reading


class Reader:
    """An operator or an auditor, logged in."""

    def __init__(self, session: StaffPage, desk: OnDesk, request_id: RequestId) -> None:
        self.session = session
        self._desk = desk
        self._request_id = request_id

    def note(self, reading: Reading) -> None:
        """Record the look. Raises ``Unavailable``: what cannot be noted is not shown."""
        note(reading, self.session.role or "", self._request_id, self._desk)


class Caller:
    """An operator or an auditor, by the token they send."""

    def __init__(self, asker: Staff, desk: OnDesk, request_id: RequestId) -> None:
        self._asker = asker
        self._desk = desk
        self._request_id = request_id

    def note(self, reading: Reading) -> None:
        """Record the look. Raises ``Unavailable``: what cannot be noted is not shown."""
        note(reading, self._asker.role, self._request_id, self._desk)


def note(reading: Reading, who: str, request_id: str, desk: Desk) -> None:
    """Record the look of ``who``, a role. Raises ``Unavailable``."""
    log = desk.log
    readings.note(log.engine, reading, who=who, request=request_id, code=log.code)


Reads = Annotated[Reader, Depends(Reader)]
ReadsByToken = Annotated[Caller, Depends(Caller)]
