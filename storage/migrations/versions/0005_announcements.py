"""How far events have been announced to other systems."""

from storage.migrations import no_way_back, sql_beside

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

upgrade = sql_beside(__file__)
downgrade = no_way_back
