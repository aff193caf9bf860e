"""A turn as it is stored once it is over, with what is to be delivered of it; pure."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from bot.notes import with_note
from bot.ports import TurnRecord
from bot.types import Flag, OutboxId, Outcome, Outgoing, OutgoingKind, Turn, TurnStatus


def record_of(turn: Turn, handler: str, outcome: Outcome, answered_at: datetime) -> TurnRecord:
    """What this handler made of a turn. A reply goes out under the turn's own id, with the outcome's note below it."""
    status = TurnStatus.FAILED if Flag.FAILED in outcome.flags else TurnStatus.ANSWERED
    outgoing = None
    if (reply := outcome.reply) is not None:
        outgoing = Outgoing(
            id=OutboxId(turn.id),
            kind=OutgoingKind.REPLY,
            address=turn.message.address,
            reply=replace(reply, text=with_note(reply.text, outcome.note)) if outcome.note else reply,
            nonce=turn.id,
            turn_id=turn.id,
            event_id=turn.message.event_id,
            model=outcome.generation.model if outcome.generation else "",
            generation=outcome.generation,
            status=status,
            flags=outcome.flags,
            handle=turn.message.handle,
        )
    return TurnRecord(turn=turn, handler=handler, status=status, outcome=outcome, answered_at=answered_at, outgoing=outgoing)
