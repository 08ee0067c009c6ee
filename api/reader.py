"""Whoever looks at the history of an order or at the log, by role: every look is noted before anything is shown."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends

from api.access import Staff
from api.desk import OnDesk, RequestId
from api.sessions import StaffPage
from storage import readings
from storage.readings import Reading
from storage.record import Log


@dataclass(frozen=True, slots=True)
class Reader:
    """An operator or an auditor, by role: ``who``; and the request in which they look."""

    who: str
    request: str
    log: Log

    def note(self, *looks: Reading) -> None:
        """Record the looks. Raises ``Unavailable``: what cannot be noted is not shown."""
        for each in looks:
            readings.note(
                self.log.engine, each, who=self.who, request=self.request, code=self.log.code
            )


async def _logged_in(session: StaffPage, desk: OnDesk, request_id: RequestId) -> Reader:
    return Reader(session.role or "", request_id, desk.log)


async def _with_token(asker: Staff, desk: OnDesk, request_id: RequestId) -> Reader:
    return Reader(asker.role, request_id, desk.log)


Reads = Annotated[Reader, Depends(_logged_in)]
ReadsByToken = Annotated[Reader, Depends(_with_token)]
