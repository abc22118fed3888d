"""The statements of a revision stand in the SQL file beside it."""

from __future__ import annotations

from pathlib import Path

from alembic import op


def statements_beside(revision: str) -> None:
    """Run `<revision>.sql` in the migration's transaction. `revision`: the `__file__` of the revision."""
    # straight to the driver: several statements at once, and percent signs that are no parameters
    driver = op.get_bind().connection.driver_connection
    assert driver is not None
    driver.execute(Path(revision).with_suffix(".sql").read_text())
