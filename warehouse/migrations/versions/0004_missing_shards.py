"""What sources should have delivered and have not."""

from warehouse.migrations.statements import statements_beside

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    statements_beside(__file__)


def downgrade() -> None:
    raise RuntimeError("the audit trail is not dropped by a migration")
