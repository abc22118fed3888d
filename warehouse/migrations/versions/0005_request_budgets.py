"""How much a source was asked today and when it may be asked again: for all processes, and after a restart."""

from warehouse.migrations.statements import statements_beside

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    statements_beside(__file__)


def downgrade() -> None:
    raise RuntimeError("the audit trail is not dropped by a migration")
