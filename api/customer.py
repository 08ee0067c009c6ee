"""The customer's page.

Its link holds a secret, which is exchanged for a cookie at once: no address that is seen later, in a history, on a
screenshot or in a log, opens anything.
"""

from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import APIRouter, Depends, Header, Request
from fastapi.responses import RedirectResponse, Response
from starlette.concurrency import run_in_threadpool
from starlette.convertors import StringConvertor, register_url_convertor

from api.access import count_token, there
from api.caching import unchanged
from api.current import Current, current
from api.desk import Desk, OnDesk
from api.limits import client_address, count
from api.problems import Problem
from api.reports import send
from api.sse import END, PING, SILENCE, event, streaming
from api.telling import redacted
from api.templating import page, rendered
from events.views import Word, order_number
from storage.orders import OrderRow, by_number, by_token, parts_of

# How long a browser may look without opening the link once more, in seconds.
_KEPT = 30 * 24 * 3600


class _Number(StringConvertor):
    """An order's number, which no token looks like."""

    regex = "[0-9A-HJKMNP-TV-Z]{4}-[0-9A-HJKMNP-TV-Z]{4}"


register_url_convertor("number", _Number())

router = APIRouter(prefix="/o", include_in_schema=False)


def _held(number: str, request: Request, desk: OnDesk) -> OrderRow | None:
    """The order of that number, if the browser holds its token; it is counted like one in a header."""
    token = request.cookies.get(_cookie(desk), "")
    if not token:
        return None
    count_token(request, desk, token)
    row = by_token(desk.log.engine, token)
    return row if row and order_number(row.status.order) == number else None


def _order(held: Annotated[OrderRow | None, Depends(_held)]) -> OrderRow:
    if held is None:
        raise Problem("link-needed")
    return there(held)


Ordered = Annotated[OrderRow, Depends(_order)]


@router.get("/{number:number}")
def order_page(
    number: str, held: Annotated[OrderRow | None, Depends(_held)], desk: OnDesk, request: Request
) -> Response:
    """The customer's page; for everybody else only what says nothing of the customer."""
    if held is None:
        count(request, desk.searching, "numbers", client_address(request))
        row = by_number(desk.log.engine, number)
        if row is None:
            raise Problem("page-not-found")
        story = redacted(row, desk.catalogue.get(row.status.product))
        return page("redacted.html", headers={"Cache-Control": "no-store"}, story=story)
    return _answer("order.html", there(held), desk, request)


@router.get("/{number:number}/progress")  # noqa: FAST003 - Ordered takes it
def order_progress(row: Ordered, desk: OnDesk, request: Request) -> Response:
    """The part of the customer's page that changes."""
    return _answer("progress.html", row, desk, request)


@router.get("/{number:number}/stream")  # noqa: FAST003 - Ordered takes it
async def order_stream(
    row: Ordered,
    desk: OnDesk,
    request: Request,
    after: str = "",
    last_event_id: Annotated[str, Header()] = "",
) -> Response:
    """The same part, as a stream of server-sent events: whenever it has changed. Their ids are ETags."""
    changes = _changes(row, last_event_id or after, desk)
    return streaming(request, desk.news, row.status.order, changes)


@router.get("/{number:number}/report")  # noqa: FAST003 - Ordered takes it
def order_report(row: Ordered, desk: OnDesk, request: Request) -> Response:
    """The finished document."""
    return send(row, desk, request)


@router.get("/{number:number}/parts/{product}/report")  # noqa: FAST003 - Ordered takes it
def part_report(product: str, row: Ordered, desk: OnDesk, request: Request) -> Response:
    """The finished document of one part of a bundle."""
    for part in parts_of(desk.log.engine, row.status.order):
        if part.status.product == product:
            return send(part, desk, request)
    raise Problem("page-not-found")


@router.get("/{token}")
@router.get("/{token}/{rest:path}")
def exchange(token: str, desk: OnDesk, rest: str = "") -> Response:
    """Keep the link's secret in a cookie that only this order's pages get, and go on to an address without it."""
    row = by_token(desk.log.engine, token)
    if row is None:
        raise Problem("page-not-found")
    address = _address(there(row))
    further = f"/{rest}" if rest else ""
    answer = RedirectResponse(
        f"{address}{further}", status_code=303, headers={"Cache-Control": "no-store"}
    )
    answer.set_cookie(
        _cookie(desk),
        token,
        max_age=_KEPT,
        path=address,
        secure=desk.settings.https,
        httponly=True,
        samesite="lax",
    )
    return answer


def _cookie(desk: Desk) -> str:
    """Its name; over https one that browsers take from there only."""
    return "__Secure-order" if desk.settings.https else "order"


def _address(row: OrderRow) -> str:
    return f"/o/{order_number(row.status.order)}"


def _answer(template: str, row: OrderRow, desk: Desk, request: Request) -> Response:
    """The page, or word that it has not changed. Only what has changed is read from the log."""
    found = current(row, desk)
    headers = {"ETag": found.etag, "Cache-Control": "private, no-cache"}
    if found.wait is not None:
        headers["Retry-After"] = str(found.wait)
    if unchanged(request, found.etag):
        return Response(status_code=304, headers=headers)
    return page(template, headers=headers, story=found.story(), current=found)


async def _changes(row: OrderRow, after: str, desk: Desk) -> AsyncIterator[bytes]:
    while True:
        found = await run_in_threadpool(current, row, desk)
        if found.etag == after:
            yield PING
        else:
            after = found.etag
            yield event(after, await run_in_threadpool(_fragment, found))
        if found.wait is None:
            yield END
            return
        moved = await desk.news.of(found.versions, SILENCE)
        if desk.news.closed:
            return
        if moved is not None and moved.status.order == row.status.order:
            row = moved
        if row.status.word is Word.ERASED:
            return  # who comes back is told so


def _fragment(found: Current) -> str:
    return rendered("progress.html", story=found.story())
