"""The ops tables, their grants, and the wall around what was published."""

from warehouse.migrations.statements import statements_beside

revision = "0001"
down_revision = None


def upgrade() -> None:
    statements_beside(__file__)


def downgrade() -> None:
    raise RuntimeError("the audit trail is not dropped by a migration")
