"""Corrections that may answer everybody."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """It begins empty."""
    op.create_table(
        "shared_answers",
        sa.Column("turn_id", sa.Text(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("person_id", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("version", sa.Text(), nullable=False),
        sa.Column("offered_at", sa.BigInteger(), nullable=False),
        sa.Column("told_at", sa.BigInteger(), nullable=True),
        sa.Column("decided_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["turn_id"], ["turns.id"], name=op.f("fk_shared_answers_turn_id_turns")),
        sa.ForeignKeyConstraint(["person_id"], ["people.id"], name=op.f("fk_shared_answers_person_id_people")),
        sa.PrimaryKeyConstraint("turn_id", "digest", name=op.f("pk_shared_answers")),
    )
    op.create_index(op.f("ix_shared_answers_person_id"), "shared_answers", ["person_id"])
    op.create_index(op.f("ix_shared_answers_state_offered_at"), "shared_answers", ["state", "offered_at"])
