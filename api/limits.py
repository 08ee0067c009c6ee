"""How often one asker may ask in a minute, told in RateLimit headers (draft-ietf-httpapi-ratelimit-headers-11)."""

import math
import time
from collections import OrderedDict
from dataclasses import dataclass

from fastapi import Request

from api.problems import Problem

_WINDOW = 60
# So many askers are remembered; whoever has not asked for longest is forgotten first.
_MOST_ASKERS = 10_000


@dataclass(frozen=True, slots=True)
class Reading:
    """What is left: ``remaining`` requests now, all of them again in ``seconds``, or the next one if none is left."""

    allowed: bool
    remaining: int
    seconds: int


class Meter:
    """A leaky bucket for each asker (GCRA), in this process alone: ``quota`` requests a minute."""

    def __init__(self, quota: int) -> None:
        self.quota = quota
        self._full_at: OrderedDict[str, float] = OrderedDict()

    def take(self, asker: str, now: float) -> Reading:
        """Count one request at ``now``, in seconds of a clock that never goes back, unless it is one too many."""
        each = _WINDOW / self.quota
        full_at = max(self._full_at.pop(asker, now), now) + each
        allowed = full_at - now <= _WINDOW + 1e-9
        self._full_at[asker] = full_at if allowed else full_at - each
        if len(self._full_at) > _MOST_ASKERS:
            self._full_at.popitem(last=False)
        if not allowed:
            return Reading(allowed=False, remaining=0, seconds=math.ceil(full_at - now - _WINDOW))
        left = int((_WINDOW - (full_at - now)) / each + 1e-9)
        return Reading(allowed=True, remaining=left, seconds=math.ceil(full_at - now))


def client_address(request: Request) -> str:
    """Where the request comes from, to count by."""
    return request.client.host if request.client else ""


def count(request: Request, meter: Meter, name: str, asker: str) -> None:
    """Count this request, and have the answer say what is left. Raises the problem of one too many."""
    reading = meter.take(asker, time.monotonic())
    request.state.headers = {
        "RateLimit-Policy": f'"{name}";q={meter.quota};w={_WINDOW}',
        "RateLimit": f'"{name}";r={reading.remaining};t={reading.seconds}',
    }
    if not reading.allowed:
        raise Problem("too-many-requests", headers={"Retry-After": str(max(1, reading.seconds))})
