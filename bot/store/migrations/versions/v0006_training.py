"""Which turns became training rows, what operators said of them, and what admins decided."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """All three begin empty."""
    op.create_table(
        "training_rows",
        sa.Column("row_id", sa.Text(), nullable=False),
        sa.Column("person_id", sa.Text(), nullable=False),
        sa.Column("turn_id", sa.Text(), nullable=False),
        sa.Column("first_night", sa.Date(), nullable=False),
        sa.ForeignKeyConstraint(["person_id"], ["people.id"], name=op.f("fk_training_rows_person_id_people")),
        sa.PrimaryKeyConstraint("row_id", name=op.f("pk_training_rows")),
    )
    op.create_index(op.f("ix_training_rows_person_id"), "training_rows", ["person_id"], unique=False)
    op.create_index(op.f("ix_training_rows_turn_id"), "training_rows", ["turn_id"], unique=False)
    op.create_table(
        "training_labels",
        sa.Column("row_id", sa.Text(), nullable=False),
        sa.Column("intent", sa.Text(), nullable=False),
        sa.Column("topic", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["row_id"], ["training_rows.row_id"], name=op.f("fk_training_labels_row_id_training_rows"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("row_id", name=op.f("pk_training_labels")),
    )
    op.create_table(
        "training_decisions",
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("is_approved", sa.Boolean(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("subject", name=op.f("pk_training_decisions")),
    )
