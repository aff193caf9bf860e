"""What answers cost, per person and in all, and what the admins are to know."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the costs, 0 for every day so far, and an empty table of notices, inside the caller's transaction."""
    for table in ("usage", "usage_of_all"):
        op.add_column(table, sa.Column("cost", sa.BigInteger(), server_default=sa.text("0"), nullable=False))
    op.create_table(
        "notices",
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("facts", sa.JSON(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("kind", "day", name=op.f("pk_notices")),
    )
