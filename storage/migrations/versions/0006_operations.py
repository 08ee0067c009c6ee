"""What the operator's pages ask again and again, and the letters that RabbitMQ gave up on."""

from storage.migrations import no_way_back, sql_beside

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

upgrade = sql_beside(__file__)
downgrade = no_way_back
