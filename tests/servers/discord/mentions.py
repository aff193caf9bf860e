"""Whom a text would wake up, given what the request allows."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final

from tests.servers.discord.nouns import Channel, Json, Message, Permission, User

_CODE: Final = re.compile(r"```.*?```|`[^`\n]+`", re.DOTALL)
_USER: Final = re.compile(r"<@!?(\d+)>")
_ROLE: Final = re.compile(r"<@&(\d+)>")
_EVERYONE: Final = re.compile(r"@(everyone|here)\b")


@dataclass(slots=True)
class Woken:
    """The people and roles that are pinged, and whether everyone is."""

    users: list[User] = field(default_factory=list)
    roles: list[int] = field(default_factory=list)
    everyone: bool = False

    @property
    def pings(self) -> set[str]:
        """The same as ids, with `everyone`."""
        ids = {str(user.id) for user in self.users} | {str(role) for role in self.roles}
        return ids | ({"everyone"} if self.everyone else set())


def woken(
    content: str, channel: Channel, people: dict[int, User], allowed: Json | None, replied: Message | None = None
) -> Woken:
    """Who is woken up by a text; inside code nobody is. With no `allowed` everybody named, and the one replied to, is."""
    text = _CODE.sub(" ", content)
    users = [people[int(one)] for one in _USER.findall(text) if int(one) in people]
    roles = [int(one) for one in _ROLE.findall(text) if channel.guild is not None and int(one) in channel.guild.roles]
    everyone = _EVERYONE.search(text) is not None and not channel.is_dm and channel.may(Permission.MENTION_EVERYONE)
    wakes_replied = True
    if allowed is not None:
        parse = allowed.get("parse") or []
        named_users, named_roles = ({int(one) for one in allowed.get(key) or ()} for key in ("users", "roles"))
        users = users if "users" in parse else [user for user in users if user.id in named_users]
        roles = roles if "roles" in parse else [role for role in roles if role in named_roles]
        everyone = everyone and "everyone" in parse
        wakes_replied = bool(allowed.get("replied_user"))
    if replied is not None and wakes_replied:
        users.append(replied.author)
    return Woken(list(dict.fromkeys(users)), list(dict.fromkeys(roles)), everyone)
