"""Alembic's entry: runs on the connection that `bot.store.migrate` opened, or on a scratch database for a new revision."""

from __future__ import annotations

from typing import Any, Literal

from alembic import context
from alembic.autogenerate.api import AutogenContext
from sqlalchemy import Connection, create_engine

from bot.store.schema import UtcTime, metadata


def _plain_type(kind: str, item: Any, _: AutogenContext) -> str | Literal[False]:
    """Types of our own as the plain types that they are stored as: a revision never imports the bot."""
    return "sa.BigInteger()" if kind == "type" and isinstance(item, UtcTime) else False


def _run(connection: Connection) -> None:
    context.configure(
        connection=connection,
        target_metadata=metadata,
        transactional_ddl=True,  # SQLite has it; the caller's transaction holds every step
        render_as_batch=True,
        render_item=_plain_type,
    )
    with context.begin_transaction():
        context.run_migrations()


given: Connection | None = context.config.attributes.get("connection")
if given is not None:
    _run(given)
else:
    with create_engine(f"sqlite:///{context.get_x_argument(as_dictionary=True)['database']}").begin() as scratch:
        _run(scratch)
