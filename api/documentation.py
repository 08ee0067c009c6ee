"""The documentation of the API, as a page that needs nothing from elsewhere."""

from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from api.templating import page

router = APIRouter(tags=["documentation"])

_METHODS = ("get", "post", "put", "patch", "delete")


@router.get("/docs", include_in_schema=False)
def docs(request: Request) -> HTMLResponse:
    """Every operation of /openapi.json, for people."""
    described: dict[str, Any] = request.app.openapi()
    operations = [
        {"method": method.upper(), "path": path, **operations[method]}
        for path, operations in described["paths"].items()
        for method in _METHODS
        if method in operations
    ]
    tags = dict.fromkeys(each["tags"][0] for each in operations)
    groups = [(tag, [each for each in operations if each["tags"][0] == tag]) for tag in tags]
    return page("docs.html", groups=groups, described=described["info"])
