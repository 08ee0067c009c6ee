"""Links in mails to a document that was too large to be attached: each opens one document, for a while."""

import hmac

from fastapi import APIRouter, Request, Response

from api.desk import OnDesk
from api.problems import Problem
from api.reports import send
from events.views import Word
from storage.orders import by_id

router = APIRouter(prefix="/r", include_in_schema=False)


@router.get("/{order_id}/{until}/{signature}")
def signed_report(
    order_id: str, until: int, signature: str, desk: OnDesk, request: Request
) -> Response:
    """The finished document, for who has the link from a mail, for as long as it is good."""
    row = by_id(desk.log.engine, order_id)
    if row and row.status.word is Word.ERASED:
        raise Problem("erased")
    right = row and desk.log.vault.sealer(row.subject).signature(row.status.order, until)
    if row is None or not right or not hmac.compare_digest(right.encode(), signature.encode()):
        raise Problem("page-not-found")
    if desk.clock().timestamp() > until:
        raise Problem("link-expired")
    return send(row, desk, request)
