"""Projections across orders: their sums, what they remember of each order, and how far they have read."""

from storage.migrations import no_way_back, sql_beside

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

upgrade = sql_beside(__file__)
downgrade = no_way_back
