"""What the operator's pages ask again and again, and the letters that RabbitMQ gave up on."""

from pathlib import Path

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the tables and functions; the SQL beside this file says what and why."""
    # Straight to the driver: SQLAlchemy would read every % as a placeholder.
    driver = op.get_bind().connection.driver_connection
    driver.execute(Path(__file__).with_suffix(".sql").read_text("utf-8"))


def downgrade() -> None:
    """There is no way back from an append-only log: restore a backup instead."""
    message = "an append-only log is not migrated backwards"
    raise NotImplementedError(message)
