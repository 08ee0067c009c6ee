"""Renders pages: templates that escape what they show and refuse to show what they were not given."""

import hashlib
from pathlib import Path

from fastapi.responses import HTMLResponse
from jinja2 import Environment, PackageLoader, StrictUndefined

from api.saying import clock, duration, exactly, order_number, price, size, span
from api.terse import acted, coarse, dollars, short
from storage.bundle.evidence import SCRIPT

STATIC = Path(__file__).parent / "static"


def page(
    name: str, *, status: int = 200, headers: dict[str, str] | None = None, **facts: object
) -> HTMLResponse:
    """The template ``name``, filled in."""
    return HTMLResponse(rendered(name, **facts), status_code=status, headers=headers)


def rendered(name: str, **facts: object) -> str:
    """The text of it."""
    return _templates.get_template(name).render(facts)


def _static(file: Path) -> str:
    """The address of a static file, which changes with its content."""
    digest = hashlib.sha256(file.read_bytes()).hexdigest()[:12]
    return f"/static/{file.name}?v={digest}"


_templates = Environment(
    loader=PackageLoader("api", "templates"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_templates.filters |= {
    "price": price,
    "duration": duration,
    "exactly": exactly,
    "size": size,
    "clock": clock,
    "short": short,
    "coarse": coarse,
    "dollars": dollars,
    "number": order_number,
}
_templates.globals |= {"span": span, "acted": acted}
_templates.globals["static"] = {
    each.name: _static(each) for each in (*STATIC.iterdir(), SCRIPT) if each.is_file()
}
