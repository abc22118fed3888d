"""What a reader may know about each source, and when a release passed its checks."""

from warehouse.migrations.statements import statements_beside

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    statements_beside(__file__)


def downgrade() -> None:
    raise RuntimeError("the audit trail is not dropped by a migration")
