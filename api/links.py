"""Links that are good for a while: to a report that is too large for a mail."""

import hmac

from fastapi import APIRouter, Request
from fastapi.responses import Response

from api.desk import OnDesk
from api.problems import Problem
from api.reports import send
from storage.orders import by_id

router = APIRouter(prefix="/r", include_in_schema=False)


@router.get("/{order_id}/{until}/{signature}")
def signed_report(
    order_id: str, until: int, signature: str, desk: OnDesk, request: Request
) -> Response:
    """The finished document, for who has the link from a mail. ``until`` is in seconds since 1970."""
    row = by_id(desk.log.engine, order_id)
    right = row and desk.log.vault.sealer(row.subject).signature(row.status.order, until)
    if row is None or not right or not hmac.compare_digest(right.encode(), signature.encode()):
        raise Problem("page-not-found")
    if desk.clock().timestamp() > until:
        raise Problem("link-expired")
    return send(row, desk, request)
