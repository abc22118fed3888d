"""The ops tables, their grants, and the wall around what was published."""

from pathlib import Path

from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    # straight to the driver: several statements at once, and percent signs that are no parameters
    op.get_bind().connection.cursor().execute(Path(__file__).with_suffix(".sql").read_text())


def downgrade() -> None:
    raise RuntimeError("the audit trail is not dropped by a migration")
