"""The schema's history: one module for each step, and beside it the SQL that says what and why."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from alembic import op


def sql_beside(module: str) -> Callable[[], None]:
    """What brings a database to this step: the SQL in the file of the same name."""

    def upgrade() -> None:
        # Straight to the driver: SQLAlchemy would read every % as a placeholder.
        driver: Any = op.get_bind().connection.driver_connection
        driver.execute(Path(module).with_suffix(".sql").read_text("utf-8"))

    return upgrade


def no_way_back() -> None:
    """There is no way back from an append-only log: restore a backup instead."""
    message = "an append-only log is not migrated backwards"
    raise NotImplementedError(message)
