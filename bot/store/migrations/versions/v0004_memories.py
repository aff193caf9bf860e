"""What is remembered of what people say, with sources and vectors, and what the index has still to let go."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the empty tables, and the choice to be remembered, which everybody has made so far by saying nothing against it."""
    op.add_column("people", sa.Column("remembers", sa.Boolean(), server_default=sa.text("1"), nullable=False))
    _memories()
    _memory_sources()
    _memory_vectors()
    op.create_table(
        "index_removals",
        sa.Column("memory_id", sa.Text(), nullable=False),
        sa.Column("person_id", sa.Text(), nullable=False),
        sa.Column("group_id", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["person_id"], ["people.id"], name=op.f("fk_index_removals_person_id_people")),
        sa.PrimaryKeyConstraint("memory_id", name=op.f("pk_index_removals")),
    )
    op.create_index(op.f("ix_index_removals_person_id"), "index_removals", ["person_id"], unique=False)


def _memories() -> None:
    op.create_table(
        "memories",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("person_id", sa.Text(), nullable=False),
        sa.Column("group_id", sa.Text(), nullable=True),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("stems", sa.Text(), nullable=False),
        sa.Column("said_by", sa.Text(), nullable=False),
        sa.Column("said_at", sa.BigInteger(), nullable=False),
        sa.Column("session", sa.Text(), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("origin", sa.Text(), nullable=False),
        sa.Column("language", sa.Text(), nullable=False),
        sa.Column("slot", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("changed", sa.Text(), nullable=False),
        sa.Column("supersedes", sa.Text(), nullable=True),
        sa.Column("superseded_by", sa.Text(), nullable=True),
        sa.Column("ended_at", sa.BigInteger(), nullable=True),
        sa.Column("embedder", sa.Text(), nullable=True),
        sa.Column("is_indexed", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["group_id"], ["addresses.id"], name=op.f("fk_memories_group_id_addresses")),
        sa.ForeignKeyConstraint(["person_id"], ["people.id"], name=op.f("fk_memories_person_id_people")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_memories")),
    )
    op.create_index(op.f("ix_memories_person_id_changed"), "memories", ["person_id", "changed"], unique=False)
    op.create_index(op.f("ix_memories_person_id_slot"), "memories", ["person_id", "slot"], unique=False)
    op.create_index(op.f("ix_memories_group_id"), "memories", ["group_id"], unique=False)
    op.create_index(
        "ix_memories_to_index", "memories", ["embedder", "changed"], unique=False, sqlite_where=sa.text("is_indexed = 0")
    )
    op.create_index(
        "ix_memories_embedded",
        "memories",
        ["embedder", "person_id", "id"],
        unique=False,
        sqlite_where=sa.text("embedder IS NOT NULL AND ended_at IS NULL"),
    )


def _memory_sources() -> None:
    op.create_table(
        "memory_sources",
        sa.Column("memory_id", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("person_id", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["memory_id"], ["memories.id"], name=op.f("fk_memory_sources_memory_id_memories"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["person_id"], ["people.id"], name=op.f("fk_memory_sources_person_id_people")),
        sa.PrimaryKeyConstraint("memory_id", "source", name=op.f("pk_memory_sources")),
    )
    op.create_index(op.f("ix_memory_sources_person_id_source"), "memory_sources", ["person_id", "source"], unique=False)
    op.create_index(op.f("ix_memory_sources_source"), "memory_sources", ["source"], unique=False)


def _memory_vectors() -> None:
    op.create_table(
        "memory_vectors",
        sa.Column("memory_id", sa.Text(), nullable=False),
        sa.Column("person_id", sa.Text(), nullable=False),
        sa.Column("vector", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["memory_id"], ["memories.id"], name=op.f("fk_memory_vectors_memory_id_memories"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["person_id"], ["people.id"], name=op.f("fk_memory_vectors_person_id_people")),
        sa.PrimaryKeyConstraint("memory_id", name=op.f("pk_memory_vectors")),
    )
    op.create_index(op.f("ix_memory_vectors_person_id"), "memory_vectors", ["person_id"], unique=False)
