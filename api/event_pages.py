"""Recorded events a page at a time: as one JSON object, or as an event a line."""

import re
from collections.abc import Sequence
from typing import Annotated, Any

from fastapi import Depends, Query, Request
from fastapi.responses import Response
from pydantic import BaseModel

from api.audit import LARGEST, next_page
from api.cloud_events import Event
from api.problems import Problem, foreseen

_NUMBER = re.compile(r"[0-9]{1,19}")
_NDJSON = "application/x-ndjson"
MOST = 1000
RESPONSES: dict[int | str, dict[str, Any]] = {
    **foreseen("bad-cursor", "forbidden"),
    200: {
        "content": {_NDJSON: {}},
        "headers": {
            "Link": {
                "description": "What there is more of already; missing once there is none.",
                "schema": {"type": "string"},
            }
        },
    },
}


class Events(BaseModel):
    """Events, in their order."""

    data: list[Event]


def _after(
    after: Annotated[
        str,
        Query(
            description="The last event seen: its position, or its version where an order's events are asked for.",
            examples=["0"],
            json_schema_extra={"pattern": f"^{_NUMBER.pattern}$"},
        ),
    ] = "0",
) -> int:
    if not _NUMBER.fullmatch(after) or int(after) > LARGEST:
        raise Problem("bad-cursor")
    return int(after)


After = Annotated[int, Depends(_after)]


def in_pages(request: Request, found: Sequence[Event], limit: int, place: str) -> Response:
    """The first ``limit`` of the events, and where to go on if there are more: behind the ``place`` of the last one.

    As one JSON object, or as an event a line (NDJSON) for who would rather have that.
    """
    headers = {"Cache-Control": "private, no-cache", "Vary": "Authorization, Accept"}
    shown = found[:limit]
    if len(found) > limit:
        headers["Link"] = next_page(request, int(getattr(shown[-1], place)))
    if _NDJSON in request.headers.get("Accept", ""):
        lines = (each.model_dump_json(exclude_none=True) + "\n" for each in shown)
        return Response("".join(lines), media_type=_NDJSON, headers=headers)
    page = Events(data=list(shown)).model_dump_json(exclude_none=True)
    return Response(page, media_type="application/json", headers=headers)
