"""The log, the status rows, the outbox, the leases and the vault."""

from storage.migrations import no_way_back, sql_beside

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

upgrade = sql_beside(__file__)
downgrade = no_way_back
