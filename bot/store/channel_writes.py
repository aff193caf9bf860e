"""What is asked to be written about chats and codes, as statements."""

from __future__ import annotations

from datetime import datetime
from typing import assert_never

from sqlalchemy import bindparam, update

from bot.store.building import insert_into, put
from bot.store.codec import write
from bot.store.db import Statement
from bot.store.schema import UtcTime, chats, codes, marks
from bot.writes import AddCode, ChannelWrite, SetChatMode, UseCode

SET_MARK = write("set mark", put(marks, "channel", "key"), table="marks", key=("channel", "key"))
SET_CHAT_MODE = write("set chat mode", put(chats, "channel", "chat"), table="chats", key=("channel", "chat"))
MOVE_CHAT = write(
    "move chat",
    update(chats)
    .prefix_with("OR IGNORE")
    .where(chats.c.channel == bindparam("of"), chats.c.chat == bindparam("old"))
    .values(chat=bindparam("new")),
    table="chats",
    key=None,
)
ADD_CODE = write("add code", insert_into(codes).on_conflict_do_nothing(), table="codes", key=("hash",))
_at = bindparam("at", type_=UtcTime())
USE_CODE = write(
    "use code",
    update(codes)
    .where(codes.c.hash == bindparam("code"), codes.c.used_at.is_(None), codes.c.expires_at > _at)
    .values(used_at=_at, used_by=bindparam("by")),
    table="codes",
    key=("code",),
)


def channel_step(write: ChannelWrite, at: datetime) -> tuple[Statement, dict[str, object]]:
    """The statement of one write."""
    match write:
        case SetChatMode():
            return SET_CHAT_MODE, {"channel": write.channel.value, "chat": write.chat, "mode": write.mode.value, "at": at}
        case AddCode():
            return ADD_CODE, {
                "hash": write.hash,
                "kind": write.kind.value,
                "person_id": write.person_id,
                "used_by": None,
                "created_at": at,
                "expires_at": write.expires_at,
                "used_at": None,
            }
        case UseCode():
            return USE_CODE, {"code": write.hash, "by": write.by, "at": at}
        case _:
            assert_never(write)
