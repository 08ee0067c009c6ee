"""How orders, and what would become of them, are shown on the command line."""

from collections.abc import Sequence
from typing import Any

from api.cli._answer import Rows
from events.foresight import Preview
from events.views import Status, order_number
from storage.orders import OrderRow


def as_data(row: OrderRow) -> dict[str, Any]:
    """The order for programs."""
    status = row.status
    return {
        "order": status.order,
        "number": order_number(status.order),
        "product": status.product,
        "tenant": status.tenant,
        "status": status.word,
        "version": status.version,
        "percent": status.progress.percent,
        "reason": status.reason,
        "detail": status.detail,
        "advice": status.advice,
        "retry_at": status.retry_at,
        "parent": status.parent,
        "parts": dict(status.parts),
        "cost": status.spent.cost,
        "placed_at": row.placed_at.isoformat(),
        "updated_at": row.updated_at.isoformat(),
    }


def table(rows: Sequence[OrderRow]) -> Rows:
    """The orders, a line each."""
    head = ("order", "number", "product", "tenant", "status", "percent", "reason", "updated")
    return Rows(
        head,
        [
            (
                row.status.order,
                order_number(row.status.order),
                row.status.product,
                row.status.tenant,
                row.status.word,
                f"{row.status.progress.percent} %",
                row.status.reason,
                f"{row.updated_at:%Y-%m-%d %H:%M:%S}",
            )
            for row in rows
        ],
    )


def lines_of(row: OrderRow) -> list[str]:
    """The order with what a person should know of it."""
    status = row.status
    lines = [line_of(row), *(each for each in (status.detail, status.advice) if each)]
    lines += [f"part {name}: {part}" for name, part in status.parts]
    return lines + ([f"part of {status.parent}"] if status.parent else [])


def line_of(row: OrderRow) -> str:
    """The order in a line."""
    status: Status = row.status
    why = f" ({status.reason})" if status.reason else ""
    return f"{status.order}  {status.product}  {status.word}{why}  {status.progress.percent} %"


def foretold(preview: Preview) -> list[str]:
    """What would happen, for people."""
    said = {
        "kept": preview.kept,
        "to do": preview.to_do,
        "repeated": preview.repeated,
        "mails": preview.mails,
        "note": preview.remarks,
    }
    lines = [f"{name}: {'; '.join(each)}" for name, each in said.items() if each]
    if preview.most_cost:
        lines.append(f"the calls to come can cost up to {dollars(preview.most_cost)}")
    return lines


def preview_data(preview: Preview) -> dict[str, Any]:
    """The same for programs."""
    return {
        "kept": preview.kept,
        "to_do": preview.to_do,
        "repeated": preview.repeated,
        "most_cost": preview.most_cost,
        "mails": preview.mails,
        "remarks": preview.remarks,
    }


def dollars(millionths: int) -> str:
    """An amount in dollars and cents."""
    return f"${millionths / 1_000_000:.2f}"
