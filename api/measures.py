"""The figures of this process and of the house, for Prometheus."""

from fastapi import APIRouter, Request, Response

from api.access import CHALLENGE, staff_role
from api.desk import OnDesk
from api.problems import Problem
from storage.metrics import exposition, may_read

router = APIRouter(tags=["health"])


@router.get("/metrics", include_in_schema=False)
def metrics(request: Request, desk: OnDesk) -> Response:
    """In OpenMetrics or Prometheus' text, for whoever has ``METRICS_TOKEN`` or works here.

    They hold no secret and nobody's data, but how much is sold is nobody else's business.
    """
    given = request.headers.get("authorization", "")
    if not given:
        raise Problem("credentials-missing", headers=CHALLENGE)
    if not may_read(desk.settings, given):
        _, _, token = given.partition(" ")
        if staff_role(token.strip(), desk.settings) is None:
            raise Problem("credentials-unknown", headers=CHALLENGE)
    body, kind = exposition(request.headers.get("accept", ""), desk.levels.read)
    return Response(body, media_type=None, headers={"Content-Type": kind})
