"""One order of all events, the Merkle tree over it, and its signed checkpoints."""

from storage.migrations import no_way_back, sql_beside

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

upgrade = sql_beside(__file__)
downgrade = no_way_back
