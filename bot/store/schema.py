"""The tables of Martín, as SQLAlchemy Core; `migrations/` brings a database to this state.

No column has a Python-side default or onupdate: statements bypass SQLAlchemy, so every value is given (docs/design.md).
Times are whole microseconds since 1970-01-01 UTC. Every table with a `person_id` has an owner behind the `PersonalData` port.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Date,
    Dialect,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
    text,
)

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


class UtcTime(TypeDecorator[datetime]):
    """An aware UTC time, stored as whole microseconds since 1970."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> int | None:
        """Microseconds for the driver."""
        return None if value is None else (value - _EPOCH) // _MICROSECOND

    def process_result_value(self, value: int | None, dialect: Dialect) -> datetime | None:
        """An aware time for the caller."""
        return None if value is None else _EPOCH + timedelta(microseconds=value)


metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)


def _cost() -> Column[int]:
    """Millionths of the configured currency. The default is for rows that were there before the column (revision 0002)."""
    return Column("cost", BigInteger, nullable=False, server_default=text("0"))


def _person(*, primary_key: bool = False) -> Column[str]:
    return Column("person_id", Text, ForeignKey("people.id"), nullable=False, primary_key=primary_key)


people = Table(
    "people", metadata,
    Column("id", Text, primary_key=True),
    Column("language", Text),
    Column("created_at", UtcTime, nullable=False),
    Column("remembers", Boolean, nullable=False, server_default=text("1")),
)  # fmt: skip

identities = Table(
    "identities", metadata,
    Column("channel", Text, primary_key=True),
    Column("user", Text, primary_key=True),
    _person(),
    Column("created_at", UtcTime, nullable=False),
    Index(None, "person_id"),
)  # fmt: skip

addresses = Table(
    "addresses", metadata,
    Column("id", Text, primary_key=True),
    Column("channel", Text, nullable=False),
    Column("chat", Text, nullable=False),
    Column("user", Text, nullable=False),
    Column("thread", Text, nullable=False),
    _person(),
    Column("is_private", Boolean, nullable=False),
    Column("conversation_id", Text, nullable=False),
    Column("closed_at", UtcTime),
    Column("created_at", UtcTime, nullable=False),
    UniqueConstraint("channel", "chat", "user", "thread"),
    Index(None, "person_id"),
)  # fmt: skip

consents = Table(
    "consents", metadata,
    Column("id", Text, primary_key=True),
    _person(),
    Column("granted", Boolean, nullable=False),
    Column("version", Text, nullable=False),
    Column("at", UtcTime, nullable=False),
    Index(None, "person_id", "id"),
)  # fmt: skip

inbox = Table(
    "inbox", metadata,
    Column("id", Text, primary_key=True),
    Column("channel", Text, nullable=False),
    Column("event_id", Text, nullable=False),
    Column("chat", Text),
    Column("user", Text),
    Column("thread", Text),
    Column("kind", Text, nullable=False),
    Column("message", JSON),
    Column("digest", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("received_at", UtcTime, nullable=False),
    Column("ended_at", UtcTime),
    UniqueConstraint("channel", "event_id"),
    Index(None, "state"),
    Index(None, "channel", "user"),
    Index(None, "received_at"),
)  # fmt: skip

turns = Table(
    "turns", metadata,
    Column("id", Text, primary_key=True),
    _person(),
    Column("address_id", Text, ForeignKey("addresses.id"), nullable=False),
    Column("conversation_id", Text, nullable=False),
    Column("is_private", Boolean, nullable=False),
    Column("kind", Text, nullable=False),
    Column("handler", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("language", Text, nullable=False),
    Column("question", Text, nullable=False),
    Column("answer", Text, nullable=False),
    Column("note", Text),
    Column("choices", JSON),
    Column("is_rateable", Boolean, nullable=False),
    Column("model", Text),
    Column("generation", JSON),
    Column("flags", JSON),
    Column("evidence", JSON),
    Column("asked_at", UtcTime, nullable=False),
    Column("answered_at", UtcTime, nullable=False),
    Column("edited_at", UtcTime),
    Index(None, "person_id", "id"),
    Index(None, "address_id", "conversation_id", "id"),
)  # fmt: skip

outbox = Table(
    "outbox", metadata,
    Column("id", Text, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("turn_id", Text),
    Column("channel", Text, nullable=False),
    Column("chat", Text),
    Column("user", Text),
    Column("thread", Text),
    Column("event_id", Text, nullable=False),
    Column("message", JSON),
    Column("nonce", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("error", Text),
    Column("created_at", UtcTime, nullable=False),
    Column("ended_at", UtcTime),
    Index(None, "state"),
    Index(None, "channel", "user"),
)  # fmt: skip

parts = Table(
    "parts", metadata,
    Column("outbox_id", Text, primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("platform_id", Text, nullable=False),
    Column("is_filled", Boolean, nullable=False),
    Column("opened_at", UtcTime, nullable=False),
)  # fmt: skip

marks = Table(
    "marks", metadata,
    Column("channel", Text, primary_key=True),
    Column("key", Text, primary_key=True),
    Column("value", Text, nullable=False),
    Column("at", UtcTime, nullable=False),
)  # fmt: skip

chats = Table(
    "chats", metadata,
    Column("channel", Text, primary_key=True),
    Column("chat", Text, primary_key=True),
    Column("mode", Text, nullable=False),
    Column("at", UtcTime, nullable=False),
)  # fmt: skip

admissions = Table(
    "admissions", metadata,
    Column("channel", Text, primary_key=True),
    Column("user", Text, primary_key=True),
    Column("at", UtcTime, nullable=False),
)  # fmt: skip

codes = Table(
    "codes", metadata,
    Column("hash", Text, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("person_id", Text, ForeignKey("people.id")),
    Column("used_by", Text),
    Column("created_at", UtcTime, nullable=False),
    Column("expires_at", UtcTime, nullable=False),
    Column("used_at", UtcTime),
    Index(None, "person_id"),
)  # fmt: skip

deliveries = Table(
    "deliveries", metadata,
    Column("channel", Text, primary_key=True),
    Column("chat", Text, primary_key=True),
    Column("platform_id", Text, primary_key=True),
    Column("turn_id", Text, ForeignKey("turns.id"), nullable=False),
    Column("part", Integer, nullable=False),
    Index(None, "turn_id"),
)  # fmt: skip

ratings = Table(
    "ratings", metadata,
    Column("turn_id", Text, ForeignKey("turns.id"), primary_key=True),
    _person(primary_key=True),
    Column("value", Integer, nullable=False),
    Column("reason", Text),
    Column("correction", Text),
    Column("rated_at", UtcTime, nullable=False),
    Index(None, "person_id"),
)  # fmt: skip

shared_answers = Table(
    "shared_answers", metadata,
    Column("turn_id", Text, ForeignKey("turns.id"), primary_key=True),
    Column("digest", Text, primary_key=True),
    _person(),
    Column("state", Text, nullable=False),
    Column("version", Text, nullable=False),
    Column("offered_at", UtcTime, nullable=False),
    Column("told_at", UtcTime),
    Column("decided_at", UtcTime),
    Index(None, "person_id"),
    Index(None, "state", "offered_at"),
)  # fmt: skip
"""Corrections that may answer everybody, by wording. The words stay in `turns` and `ratings`; `digest` says which they were."""

questions = Table(
    "questions", metadata,
    Column("turn_id", Text, ForeignKey("turns.id"), primary_key=True),
    _person(),
    Column("address_id", Text, ForeignKey("addresses.id"), nullable=False),
    Column("kind", Text, nullable=False),
    Column("choices", JSON, nullable=False),
    Column("state", JSON, nullable=False),
    Column("key", Text),
    Column("asked_at", UtcTime, nullable=False),
    Column("closed_at", UtcTime),
    Index(None, "address_id", "closed_at"),
    Index(None, "person_id"),
)  # fmt: skip

pending_memories = Table(
    "pending_memories", metadata,
    Column("id", Text, primary_key=True),
    _person(),
    Column("turn_id", Text, ForeignKey("turns.id"), nullable=False),
    Column("part", Text, nullable=False),
    Column("created_at", UtcTime, nullable=False),
    Index(None, "person_id"),
    Index(None, "turn_id"),
)  # fmt: skip

memories = Table(
    "memories", metadata,
    Column("id", Text, primary_key=True),
    _person(),
    Column("group_id", Text, ForeignKey("addresses.id")),
    Column("kind", Text, nullable=False),
    Column("text", Text, nullable=False),
    Column("stems", Text, nullable=False),
    Column("said_by", Text, nullable=False),
    Column("said_at", UtcTime, nullable=False),
    Column("session", Text, nullable=False),
    Column("position", BigInteger, nullable=False),
    Column("origin", Text, nullable=False),
    Column("language", Text, nullable=False),
    Column("slot", Text, nullable=False),
    Column("created_at", UtcTime, nullable=False),
    Column("changed", Text, nullable=False),
    Column("supersedes", Text),
    Column("superseded_by", Text),
    Column("ended_at", UtcTime),
    Column("embedder", Text),
    Column("is_indexed", Boolean, nullable=False),
    Index(None, "person_id", "changed"),
    Index(None, "person_id", "slot"),
    Index(None, "group_id"),
    Index("ix_memories_to_index", "embedder", "changed", sqlite_where=text("is_indexed = 0")),
    Index(
        "ix_memories_embedded", "embedder", "person_id", "id",
        sqlite_where=text("embedder IS NOT NULL AND ended_at IS NULL"),
    ),
)  # fmt: skip

memory_sources = Table(
    "memory_sources", metadata,
    Column("memory_id", Text, ForeignKey("memories.id", ondelete="CASCADE"), primary_key=True),
    Column("source", Text, primary_key=True),
    _person(),
    Index(None, "person_id", "source"),
    Index(None, "source"),
)  # fmt: skip

memory_vectors = Table(
    "memory_vectors", metadata,
    Column("memory_id", Text, ForeignKey("memories.id", ondelete="CASCADE"), primary_key=True),
    _person(),
    Column("vector", LargeBinary, nullable=False),
    Index(None, "person_id"),
)  # fmt: skip

index_removals = Table(
    "index_removals", metadata,
    Column("memory_id", Text, primary_key=True),
    _person(),
    Column("group_id", Text),
    Index(None, "person_id"),
)  # fmt: skip

profile_events = Table(
    "profile_events", metadata,
    Column("id", Text, primary_key=True),
    _person(),
    Column("kind", Text, nullable=False),
    Column("data", JSON, nullable=False),
    Column("at", UtcTime, nullable=False),
    Index(None, "person_id", "id"),
)  # fmt: skip

answer_log = Table(
    "answer_log", metadata,
    Column("turn_id", Text, ForeignKey("turns.id"), primary_key=True),
    _person(),
    Column("address_id", Text, ForeignKey("addresses.id"), nullable=False),
    Column("conversation_id", Text, nullable=False),
    Column("thread", Text, nullable=False),
    Column("condition", Text, nullable=False),
    Column("is_measured", Boolean, nullable=False),
    Column("topic", Text, nullable=False),
    Column("level", Float, nullable=False),
    Column("goal", Text, nullable=False),
    Column("length", Float, nullable=False),
    Column("arms", JSON, nullable=False),
    Column("asked", JSON, nullable=False),
    Column("used", JSON, nullable=False),
    Column("propensities", JSON, nullable=False),
    Column("obeyed", JSON, nullable=False),
    Column("is_length_obeyed", Boolean),
    Column("words", Integer, nullable=False),
    Column("version", Text, nullable=False),
    Column("at", UtcTime, nullable=False),
    Index(None, "address_id", "conversation_id", "turn_id"),
    Index(None, "person_id", "at"),
    Index(None, "at"),
)  # fmt: skip

training_rows = Table(
    "training_rows", metadata,
    Column("row_id", Text, primary_key=True),
    _person(),
    Column("turn_id", Text, nullable=False),
    Column("first_night", Date, nullable=False),
    Index(None, "person_id"),
    Index(None, "turn_id"),
)  # fmt: skip

training_labels = Table(
    "training_labels", metadata,
    Column("row_id", Text, ForeignKey("training_rows.row_id", ondelete="CASCADE"), primary_key=True),
    Column("intent", Text, nullable=False),
    Column("topic", Text, nullable=False),
    Column("at", UtcTime, nullable=False),
)  # fmt: skip

training_decisions = Table(
    "training_decisions", metadata,
    Column("subject", Text, primary_key=True),
    Column("is_approved", Boolean, nullable=False),
    Column("at", UtcTime, nullable=False),
)  # fmt: skip

audit = Table(
    "audit", metadata,
    Column("id", Text, primary_key=True),
    Column("at", UtcTime, nullable=False),
    Column("channel", Text, nullable=False),
    Column("user", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("result", Text, nullable=False),
)  # fmt: skip

blocks = Table(
    "blocks", metadata,
    Column("hash", Text, primary_key=True),
    Column("at", UtcTime, nullable=False),
)  # fmt: skip

broadcasts = Table(
    "broadcasts", metadata,
    Column("id", Text, primary_key=True),
    Column("text", Text, nullable=False),
    Column("at", UtcTime, nullable=False),
    Column("reached", Text, nullable=False),
    Column("people", Integer, nullable=False),
    Column("ended_at", UtcTime),
)  # fmt: skip

due_messages = Table(
    "due_messages", metadata,
    Column("id", Text, primary_key=True),
    _person(),
    Column("address_id", Text, ForeignKey("addresses.id"), nullable=False),
    Column("kind", Text, nullable=False),
    Column("due_at", UtcTime, nullable=False),
    Column("ended_at", UtcTime),
    Index(None, "ended_at", "due_at"),
    Index(None, "person_id"),
)  # fmt: skip

usage = Table(
    "usage", metadata,
    _person(primary_key=True),
    Column("day", Date, primary_key=True),
    Column("messages", Integer, nullable=False),
    Column("tokens", Integer, nullable=False),
    _cost(),
)  # fmt: skip

usage_of_all = Table(
    "usage_of_all", metadata,
    Column("day", Date, primary_key=True),
    Column("messages", Integer, nullable=False),
    Column("tokens", Integer, nullable=False),
    _cost(),
)  # fmt: skip

notices = Table(
    "notices", metadata,
    Column("kind", Text, primary_key=True),
    Column("day", Date, primary_key=True),
    Column("facts", JSON, nullable=False),
    Column("at", UtcTime, nullable=False),
)  # fmt: skip

jobs = Table(
    "jobs", metadata,
    Column("id", Text, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("person_id", Text),
    Column("after_turn", Text),
    Column("attempts", Integer, nullable=False),
    Column("error", Text),
    Column("lease_until", UtcTime),
    Column("created_at", UtcTime, nullable=False),
    Column("ended_at", UtcTime),
    Index(None, "ended_at"),
)  # fmt: skip

job_runs = Table(
    "job_runs", metadata,
    Column("job", Text, primary_key=True),
    Column("local_date", Date, primary_key=True),
    Column("fence", Integer, nullable=False),
    Column("lease_until", UtcTime),
    Column("started_at", UtcTime, nullable=False),
    Column("ended_at", UtcTime),
    Column("error", Text),
    Column("seconds", Float),
)  # fmt: skip
