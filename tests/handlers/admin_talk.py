"""What tests of admins' commands say of a reply: its buttons, the turn that is stored of it, the questions that it closes."""

from __future__ import annotations

from bot.types import Kind, PastTurn
from bot.writes import CloseQuestion
from handlers.admin_parts import Done
from tests.handlers.fakes import past


def key_of(done: Done, label: str) -> str:
    """The key of the button with this label."""
    assert done.outcome.reply is not None
    (key,) = [choice.key for choice in done.outcome.reply.choices if choice.label == label]
    return key


def shown_by(done: Done, chosen: str | None = None) -> PastTurn:
    """The stored turn whose reply this was."""
    assert done.outcome.reply is not None
    return past(handler="admin", kind=Kind.COMMAND, choices=done.outcome.reply.choices, chosen=chosen)


def closed(done: Done) -> list[str | None]:
    """The keys that questions were closed with."""
    return [write.key for write in done.outcome.writes if isinstance(write, CloseQuestion)]
