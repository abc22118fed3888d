"""The one row that says which build readers see."""

from warehouse.migrations.statements import statements_beside

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    statements_beside(__file__)


def downgrade() -> None:
    raise RuntimeError("the audit trail is not dropped by a migration")
