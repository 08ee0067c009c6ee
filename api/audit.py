"""For auditors: the signed checkpoints, and an order's bundle, which is verified without us."""

import io
from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, Field

from api.access import Staff
from api.desk import Desk, OnDesk
from api.problems import Problem
from api.reader import ReadsByToken
from api.saying import order_number
from api.shapes import Time
from events.errors import NotFound
from storage import checkpoints
from storage.bundle.export import export
from storage.bundle.scope import NotSigned, OfOrder
from storage.database import connected
from storage.orders import by_id
from storage.readings import with_parts

router = APIRouter(prefix="/v1/audit", tags=["audit"])

_PRIVATE = {"Cache-Control": "private, no-cache", "Vary": "Authorization"}
_AGAIN_SECONDS = 60
LARGEST = 2**63 - 1


class Checkpoint(BaseModel):
    """A signed note (c2sp.org/tlog-checkpoint); ``root`` is in hex, in the note in base64."""

    size: str = Field(description="How many events it covers.", examples=["316"])
    root: str
    recorded_at: Time
    note: str


class Checkpoints(BaseModel):
    """Checkpoints, smallest first, and the public keys that this installation signs with or has signed with."""

    data: list[Checkpoint]
    keys: list[str] = Field(examples=[["reports.example/log+3c9287ed+AXhlcoMy..."]])


@router.get(
    "/checkpoints",
    operation_id="listCheckpoints",
    responses={
        200: {"headers": {"Link": {"description": "The next page.", "schema": {"type": "string"}}}}
    },
    summary="What was signed",
)
def list_checkpoints(
    _: Staff,
    desk: OnDesk,
    request: Request,
    response: Response,
    after: Annotated[
        int, Query(ge=0, le=LARGEST, description="The size of the last one seen.")
    ] = 0,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
) -> Checkpoints:
    """The checkpoints that cover more than ``after`` events."""
    with connected(desk.log.engine) as connection:
        found = checkpoints.read(connection, after=after, most=limit + 1)
        keys = checkpoints.keys(connection)
    response.headers.update(_PRIVATE)
    if len(found) > limit:
        found = found[:limit]
        response.headers["Link"] = next_page(request, found[-1].size)
    return Checkpoints(
        data=[
            Checkpoint(
                size=str(each.size),
                root=each.note.checkpoint.root.hex(),
                recorded_at=each.recorded_at,
                note=each.text,
            )
            for each in found
        ],
        keys=[str(key) for key in keys],
    )


@router.get(
    "/bundles/{order_id}",
    operation_id="getBundle",
    response_class=Response,
    responses={200: {"content": {"application/zip": {}}}},
    summary="An order's history with its proofs",
)
def get_bundle(
    order_id: str,
    reader: ReadsByToken,
    desk: OnDesk,
    checkpoint: Annotated[
        list[int] | None, Query(description="The size of an older checkpoint to put in.")
    ] = None,
) -> Response:
    """A zip file that verifies offline: in the browser (index.html) or with Python (verify.py)."""
    if row := by_id(desk.log.engine, order_id):
        reader.note(*with_parts(desk.log.engine, row, "bundle"))
    return bundle(order_id, desk, checkpoint or ())


def bundle(order_id: str, desk: Desk, sizes: Sequence[int] = ()) -> Response:
    """The order's bundle, with the older checkpoints of those ``sizes``, too."""
    file = io.BytesIO()
    try:
        export(desk.log.engine, file, OfOrder(order_id), with_checkpoints=sizes)
    except NotSigned:
        raise Problem("not-signed-yet", headers={"Retry-After": str(_AGAIN_SECONDS)}) from None
    except NotFound as error:
        raise Problem("order-not-found", str(error)) from None
    name = f"order-{order_number(order_id)}.zip"
    headers = {**_PRIVATE, "Content-Disposition": f'attachment; filename="{name}"'}
    return Response(file.getvalue(), media_type="application/zip", headers=headers)


def next_page(request: Request, after: int) -> str:
    """The Link header to what comes behind ``after``; relative, so that it is right behind any proxy."""
    query = request.url.include_query_params(after=after).query
    return f'<{request.url.path}?{query}>; rel="next"'
