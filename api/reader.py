"""Whoever looks at the auditor's pages: every look of theirs is noted before anything is shown."""

from typing import Annotated

from fastapi import Depends

from api.desk import OnDesk, RequestId
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
        """Record the look, by role and request. Raises ``Unavailable``: what cannot be noted is not shown."""
        log = self._desk.log
        who = self.session.role or ""
        readings.note(log.engine, reading, who=who, request=self._request_id, code=log.code)


Reads = Annotated[Reader, Depends(Reader)]
