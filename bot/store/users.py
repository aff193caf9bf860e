"""The users of channels that somebody is known as, read beside the person."""

from __future__ import annotations

from typing import Final

import msgspec
from sqlalchemy import Text, func, select, type_coerce

from bot.store.schema import identities, people
from bot.types import ChannelName

_listed = (
    select(func.json_group_array(func.json_array(identities.c.channel, identities.c.user)))
    .where(identities.c.person_id == people.c.id)
    .correlate(people)
    .scalar_subquery()
)
USERS: Final = type_coerce(_listed, Text)
"""A column of a select from `people`: what `users_of` reads."""

_pairs = msgspec.json.Decoder(list[tuple[str, str]])


def users_of(value: str) -> tuple[tuple[ChannelName, str], ...]:
    """The users in such a column: channel and user of each."""
    return tuple((ChannelName(channel), user) for channel, user in _pairs.decode(value))
