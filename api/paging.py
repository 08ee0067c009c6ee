"""Pages of orders: where one ends, the next begins, whatever is ordered meanwhile."""

import base64
import binascii
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from pydantic import BaseModel, ConfigDict, Field, field_validator

from events.views import Word
from storage.orders import OrderRow

_MICROSECOND = timedelta(microseconds=1)
_BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)
# Eight bytes of microseconds since 1970, then the order's id.
_TIME_BYTES = 8


class Page(BaseModel):
    """Which orders are wanted, and from where on."""

    model_config = ConfigDict(extra="forbid")

    payment: str = Field(
        default="",
        max_length=255,
        description="Only the order paid for in this checkout session.",
        examples=["cs_test_a18"],
    )
    status: Word | None = Field(default=None, description="Only orders that stand there.")
    tenant: str = Field(
        default="",
        max_length=63,
        description="Only orders of this tenant; for operators and auditors.",
        examples=["acme"],
    )
    after: str = Field(
        default="", max_length=64, description="Where the page before ended; take it from Link."
    )
    limit: int = Field(default=25, ge=1, le=100, description="The most orders on a page.")

    @field_validator("after")
    @classmethod
    def _cursor(cls, given: str) -> str:
        if given:
            parsed(given)
        return given

    @property
    def cursor(self) -> tuple[datetime, uuid.UUID] | None:
        """The last order of the page before."""
        return parsed(self.after) if self.after else None

    def next(self, last: OrderRow) -> str:
        """The Link to the page behind ``last``."""
        given: dict[str, Any] = self.model_dump(exclude_defaults=True, exclude={"after"})
        return f'</v1/orders?{urlencode({**given, "after": printed(last)})}>; rel="next"'


def printed(last: OrderRow) -> str:
    """The cursor behind ``last``."""
    passed = (last.placed_at - _BEGINNING) // _MICROSECOND
    raw = passed.to_bytes(_TIME_BYTES, "big") + uuid.UUID(last.status.order).bytes
    return base64.urlsafe_b64encode(raw).decode()


def parsed(after: str) -> tuple[datetime, uuid.UUID]:
    """The order that a cursor stands behind: its time of placing and its id. Raises ``ValueError`` for other text."""
    message = "this is no cursor of ours; take it from the Link header"
    try:
        raw = base64.b64decode(after, altchars=b"-_", validate=True)
        passed = int.from_bytes(raw[:_TIME_BYTES], "big")
        found = _BEGINNING + passed * _MICROSECOND, uuid.UUID(bytes=raw[_TIME_BYTES:])
    except (binascii.Error, ValueError, OverflowError):
        raise ValueError(message) from None
    return found
