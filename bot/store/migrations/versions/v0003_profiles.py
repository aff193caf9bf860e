"""What a preference profile is replayed from, and how each answer was explained."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the two empty tables and drop the column that no version ever wrote, inside the caller's transaction."""
    _profile_events()
    _answer_log()
    op.drop_column("turns", "arms")


def _profile_events() -> None:
    op.create_table(
        "profile_events",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("person_id", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("data", sa.JSON(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["person_id"], ["people.id"], name=op.f("fk_profile_events_person_id_people")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_profile_events")),
    )
    op.create_index(op.f("ix_profile_events_person_id_id"), "profile_events", ["person_id", "id"], unique=False)


def _answer_log() -> None:
    op.create_table(
        "answer_log",
        sa.Column("turn_id", sa.Text(), nullable=False),
        sa.Column("person_id", sa.Text(), nullable=False),
        sa.Column("address_id", sa.Text(), nullable=False),
        sa.Column("conversation_id", sa.Text(), nullable=False),
        sa.Column("thread", sa.Text(), nullable=False),
        sa.Column("condition", sa.Text(), nullable=False),
        sa.Column("is_measured", sa.Boolean(), nullable=False),
        sa.Column("topic", sa.Text(), nullable=False),
        sa.Column("level", sa.Float(), nullable=False),
        sa.Column("goal", sa.Text(), nullable=False),
        sa.Column("length", sa.Float(), nullable=False),
        sa.Column("arms", sa.JSON(), nullable=False),
        sa.Column("asked", sa.JSON(), nullable=False),
        sa.Column("used", sa.JSON(), nullable=False),
        sa.Column("propensities", sa.JSON(), nullable=False),
        sa.Column("obeyed", sa.JSON(), nullable=False),
        sa.Column("is_length_obeyed", sa.Boolean(), nullable=True),
        sa.Column("words", sa.Integer(), nullable=False),
        sa.Column("version", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["address_id"], ["addresses.id"], name=op.f("fk_answer_log_address_id_addresses")),
        sa.ForeignKeyConstraint(["person_id"], ["people.id"], name=op.f("fk_answer_log_person_id_people")),
        sa.ForeignKeyConstraint(["turn_id"], ["turns.id"], name=op.f("fk_answer_log_turn_id_turns")),
        sa.PrimaryKeyConstraint("turn_id", name=op.f("pk_answer_log")),
    )
    op.create_index(
        op.f("ix_answer_log_address_id_conversation_id_turn_id"),
        "answer_log",
        ["address_id", "conversation_id", "turn_id"],
        unique=False,
    )
    op.create_index(op.f("ix_answer_log_person_id_at"), "answer_log", ["person_id", "at"], unique=False)
    op.create_index(op.f("ix_answer_log_at"), "answer_log", ["at"], unique=False)
