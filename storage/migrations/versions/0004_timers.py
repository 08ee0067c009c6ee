"""The timers: what the keepers do from time to time, as rows."""

from storage.migrations import no_way_back, sql_beside

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

upgrade = sql_beside(__file__)
downgrade = no_way_back
